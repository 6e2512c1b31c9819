"""Which folder may import or do what, and how many modules a folder has."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("benchmarks", "config", "ingestion", "marketdata", "spark_jobs")
TESTS = re.compile(r"(^|/)(tests|testing)/|(^|/)conftest\.py$")
MAX_MODULES = 14

WRITES_BARS = re.compile(
    r"\b(INSERT\s+INTO|UPDATE(\s+ONLY)?|DELETE\s+FROM(\s+ONLY)?|MERGE\s+INTO(\s+ONLY)?)\s+BARS\b"
    r"|\bTRUNCATE\s+(TABLE\s+)?(ONLY\s+)?([\w\".]+\s*,\s*)*BARS\b"
    r"|\bALTER\s+TABLE\s+(ONLY\s+)?BARS\s+(ATTACH|DETACH)\b"
    r"|\bCOPY\s+BARS\b[^;]*\bFROM\b".replace("BARS", r'("?public"?\.)?"?market_bars_ohlcv_1m(_\d{4})?"?'),
    re.IGNORECASE,
)
ORM_WRITES = {
    *("create", "bulk_create", "get_or_create", "update_or_create", "update", "bulk_update", "delete", "save"),
    *("acreate", "abulk_create", "aget_or_create", "aupdate_or_create", "aupdate", "abulk_update", "adelete", "asave"),
    "_raw_delete",
}
MAY_WRITE_BARS = re.compile(r"^(ingestion/(archive|loading|undo)|benchmarks)/|/migrations/")


def list_modules(suffix: str = ".py") -> list[str]:
    """Paths below the root of all source files of the packages."""
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob(f"*{suffix}")]
    return sorted(str(path.relative_to(ROOT)) for path in paths)


def parse(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text(), path)


def find_imports(tree: ast.AST) -> Iterator[str]:
    """Names of all imported modules, also within functions. `from a import b` gives `a` and `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{name.name}" for name in node.names)


def find_texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of each string. Parts of an f-string and of `+` are joined; `…` replaces other expressions."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Constant, ast.JoinedStr, ast.BinOp)):
            yield node.lineno, _join(node)


def _join(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else "…"
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_join, node.values))
    if isinstance(node, ast.BinOp):
        return _join(node.left) + _join(node.right)
    return "…"


def find_bar_writes(source: str) -> list[int]:
    """Lines with SQL or ORM calls that write market_bars_ohlcv_1m."""
    tree = ast.parse(source)
    lines = {line for line, text in find_texts(tree) if WRITES_BARS.search(text)}
    lines |= {node.lineno for node in ast.walk(tree) if _writes_bar_by_orm(node)}
    return sorted(lines)


def _writes_bar_by_orm(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ORM_WRITES):
        return False
    root = node.func.value
    while isinstance(root, (ast.Attribute, ast.Call, ast.Subscript)):
        root = root.func if isinstance(root, ast.Call) else root.value
    return isinstance(root, ast.Name) and root.id == "Bar"


@pytest.mark.parametrize(
    "source",
    [
        'x = "insert into market_bars_ohlcv_1m (symbol) VALUES (1)"',
        "x = 'INSERT INTO public.\"market_bars_ohlcv_1m\" AS bars SELECT 1'",
        'x = """\nUPDATE\n    market_bars_ohlcv_1m AS bars SET close = 1"""',
        'x = f"DELETE FROM market_bars_ohlcv_1m WHERE {where}"',
        'x = "DELETE FROM " + "market_bars_ohlcv_1m"',
        'x = "TRUNCATE market_bar_revisions, market_bars_ohlcv_1m"',
        'x = f"COPY market_bars_ohlcv_1m ({columns}) FROM STDIN (FORMAT BINARY)"',
        'x = "MERGE INTO market_bars_ohlcv_1m USING staged ON true"',
        'x = "DELETE FROM market_bars_ohlcv_1m_2018"',
        'x = "ALTER TABLE market_bars_ohlcv_1m DETACH PARTITION market_bars_ohlcv_1m_2018"',
        "Bar.objects.filter(symbol='x').delete()",
        "Bar.objects.create(symbol='x')",
        "Bar(symbol='x').save()",
    ],
)
def test_the_guard_finds_writes(source):
    assert find_bar_writes(source)


@pytest.mark.parametrize(
    "source",
    [
        'x = "SELECT * FROM market_bars_ohlcv_1m FOR UPDATE"',
        'x = "COPY (SELECT * FROM market_bars_ohlcv_1m) TO STDOUT"',
        'x = "INSERT INTO market_bars_ohlcv_1h SELECT * FROM market_bars_ohlcv_1m"',
        'x = "INSERT INTO market_bar_revisions SELECT * FROM market_bars_ohlcv_1m"',
        'x = "CREATE TRIGGER a AFTER TRUNCATE ON market_bars_ohlcv_1m FOR EACH STATEMENT EXECUTE FUNCTION b()"',
        "Bar.objects.filter(symbol='x').exists()",
        "IngestRun.objects.create(pk=1)",
    ],
)
def test_the_guard_passes_reads(source):
    assert not find_bar_writes(source)


def test_only_three_rooms_write_bars():
    modules = [path for path in list_modules() if not TESTS.search(path) and not MAY_WRITE_BARS.search(path)]
    found = [f"{path}:{line}" for path in modules for line in find_bar_writes((ROOT / path).read_text())]
    found += [path for path in list_modules(".sql") if WRITES_BARS.search((ROOT / path).read_text())]
    found.remove("marketdata/sql/partitions.sql")  # it attaches empty tables
    assert found == [], "SQL or ORM calls that write bars belong in ingestion/loading/, undo/ or archive/"


def remove_comments(statements: str) -> str:
    return re.sub(r"--.*", "", statements)


NOT_PORTABLE = re.compile(r"\bSELECT\s+FROM\b|\bGROUP\s+BY\s+\d", re.IGNORECASE)


def test_statements_name_what_they_select_and_group_by():
    """Other engines that speak PostgreSQL's protocol, such as Citus, refuse the short forms."""
    modules = [path for path in list_modules() if path.startswith(("marketdata/", "ingestion/"))]
    modules = [path for path in modules if not TESTS.search(path) and "/migrations/" not in path]
    found = [
        f"{path}:{line}" for path in modules for line, text in find_texts(parse(path)) if NOT_PORTABLE.search(text)
    ]
    found += [path for path in list_modules(".sql") if NOT_PORTABLE.search(remove_comments((ROOT / path).read_text()))]
    assert found == [], "write SELECT 1 FROM, and GROUP BY with names of columns"


def test_the_writers_are_where_the_guard_looks():
    rooms = {
        path.rsplit("/", 1)[0] for path in list_modules() if path.startswith("ingestion/") and "/tests/" not in path
    }
    writers = {room for room in rooms for path in (ROOT / room).glob("*.py") if find_bar_writes(path.read_text())}
    assert writers == {"ingestion/archive", "ingestion/loading", "ingestion/undo"}


def test_dbn_imports_no_django():
    modules = [path for path in list_modules() if path.startswith("ingestion/dbn/")]
    lazy = [path for path in modules if any(name.split(".")[0] == "django" for name in find_imports(parse(path)))]
    assert lazy == []
    names = [path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in modules]
    code = f"import sys, {', '.join(names)}; print(*{{'django', 'pandas', 'databento'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_marketdata_and_its_tests_import_no_ingestion():
    """What is stored can be read without the code that stores it."""
    modules = [path for path in list_modules() if path.startswith("marketdata/")]
    assert len(modules) > 50
    found = [f"{path} imports {name}" for path in modules for name in find_imports(parse(path)) if is_ingestion(name)]
    assert found == []


def test_spark_jobs_import_only_spark_and_the_standard_library():
    """Their environment has nothing else, and the driver may run where only this folder and candles.sql are."""
    modules = [path for path in list_modules() if path.startswith("spark_jobs/") and not TESTS.search(path)]
    assert len(modules) > 8
    allowed = {"pyspark", "py4j", "spark_jobs", *sys.stdlib_module_names}
    found = [
        f"{path} imports {name}"
        for path in modules
        for name in find_imports(parse(path))
        if name.split(".")[0] not in allowed
    ]
    assert found == []


def is_ingestion(name: str) -> bool:
    return name.split(".")[0] == "ingestion"


def test_only_the_clients_of_feeds_import_the_vendors_client():
    """They have the key, and translate every error. Reading DBN needs databento_dbn alone."""
    found = [
        path
        for path in list_modules()
        if not TESTS.search(path)
        and not path.startswith("benchmarks/")
        and any(name.split(".")[0] == "databento" for name in find_imports(parse(path)))
    ]
    assert found == ["ingestion/feeds/client.py", "ingestion/feeds/live/session.py"]


def test_only_the_clients_of_feeds_read_the_key():
    modules = {path: list(ast.walk(parse(path))) for path in list_modules() if not TESTS.search(path)}
    found = {path for path, nodes in modules.items() if any(map(is_key, nodes))}
    assert found - {"config/env_file.py"} == {"config/settings.py", "ingestion/feeds/key.py"}  # it lists all names
    users = {path for path, nodes in modules.items() if any(getattr(node, "id", "") == "read_key" for node in nodes)}
    live = {
        f"ingestion/feeds/live/{name}.py" for name in ("receiver", "session")
    }  # the first only refuses a missing one
    assert users == {"ingestion/feeds/client.py", *live}


def is_key(node: ast.AST) -> bool:
    """Whether the code reads the setting or the variable of the environment. Messages may name it."""
    return "DATABENTO_API_KEY" in (getattr(node, "attr", ""), getattr(node, "id", ""), getattr(node, "value", ""))


def test_only_tests_and_trials_import_the_testing_package():
    """`benchmarks/live/` holds the real `stream_live` against the tests' gateway."""
    found = [
        path
        for path in list_modules()
        if not TESTS.search(path)
        and not path.startswith("benchmarks/live/")
        and any(name.startswith("config.testing") for name in find_imports(parse(path)))
    ]
    assert found == []


def test_no_folder_has_too_many_modules():
    modules = [path for suffix in (".py", ".js") for path in list_modules(suffix)]
    counted = [path for path in modules if not path.endswith("/__init__.py") and "/vendor/" not in path]
    folders = Counter(path.rsplit("/", 1)[0] for path in counted)
    exempt = re.compile(r"(^|/)(tests|migrations)(/|$)")
    large = {folder: count for folder, count in folders.items() if count > MAX_MODULES and not exempt.search(folder)}
    assert large == {}, f"a folder has at most {MAX_MODULES} modules: make rooms"


SHARED = {
    "ingestion": {"apps", "cancellation", "errors", "progress"},
    "marketdata": {"advisory_locks", "apps", "command_line", "formatting", "migrations", "timestamps"},
}


@pytest.mark.parametrize("app", SHARED)
def test_the_picture_in_the_readme_is_that_of_the_imports(app):
    """Each arrow is an import, and each import is an arrow or follows from several."""
    drawn = read_picture((ROOT / app / "README.md").read_text())
    imported = read_room_imports(app)
    assert {(here, there) for here, rooms in drawn.items() for there in rooms - imported.get(here, set())} == set()
    assert {(here, there) for here, rooms in imported.items() for there in rooms - find_reachable(here, drawn)} == set()


def read_picture(readme: str) -> dict[str, set[str]]:
    arrows: dict[str, set[str]] = {}
    for here, there in re.findall(r"^ +(\w+) --> (\w+)$", readme, re.MULTILINE):
        arrows.setdefault(here, set()).add(there)
    return arrows


def read_room_imports(app: str) -> dict[str, set[str]]:
    """For each folder or module of the app, the others that it imports."""
    arrows: dict[str, set[str]] = {}
    for path in list_modules():
        if not path.startswith(f"{app}/") or TESTS.search(path) or "/migrations/" in path:
            continue
        here = path.removesuffix(".py").split("/")[1]
        names = [name.split(".") for name in find_imports(parse(path))]
        found = {name[1] for name in names if name[0] == app and len(name) > 1}
        rooms = {room for room in found if (ROOT / app / room).is_dir() or (ROOT / app / f"{room}.py").is_file()}
        if here not in SHARED[app]:
            arrows.setdefault(here, set()).update(rooms - SHARED[app] - {here})
    return arrows


def find_reachable(here: str, arrows: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [here]
    while waiting:
        for there in arrows.get(waiting.pop(), set()) - found:
            found.add(there)
            waiting.append(there)
    return found


def test_the_servers_protocol_imports_no_django():
    """uvicorn's workers import it before Django is set up, and models cannot be imported then."""
    code = "import sys, config.web.protocol; print(*{'django', 'marketdata'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
