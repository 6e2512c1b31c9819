"""`manage.py backfill` under every fault of the vendor's API, killed at every step, and beside another one.

Each case: a run with the fault, a run without, and a third that must send nothing that could cost money. After that the
table equals the market, nothing was bought without a price, and no whole delivery twice.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from config.embedded import server as embedded
from config.testing.feeds.historical import Ask, FakeHistorical
from config.testing.processes import Process, backend_in, backends_in, series_locked, session, until
from ingestion.feeds import retries
from ingestion.feeds.history import batch_job
from marketdata.models import Backfill, FeedRequest, IngestRun

from .scene import Scene

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("market_db"), pytest.mark.timeout(300)]

STREAM, COST, COUNT = "timeseries.get_range", "metadata.get_cost", "metadata.get_record_count"
RANGE, CONDITION = "metadata.get_dataset_range", "metadata.get_dataset_condition"
SUBMIT, JOBS, DETAILS = "batch.submit_job", "batch.list_jobs", "batch.get_job_details"
FILES, FILE = "batch.list_files", "batch.file"
FREE = (RANGE, CONDITION, COST, COUNT)
BATCH = {"FEED_BATCH_ABOVE_USD": "0.000001"}

STATUSES: list[dict[str, Any]] = [
    *({"status": status} for status in (401, 402, 403, 404, 408, 422, 500, 502, 503, 504)),
    {"status": 429, "retry_after": 1},
    {"status": 429, "retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"},
    {"status": 429},
    {"status": 500, "body": "html"},
    {"status": 422, "body": "text"},
]
ENDINGS: list[tuple[str, dict[str, Any]]] = [("reset", {}), ("close", {}), ("hang", {"seconds": 4})]
BODIES: list[tuple[str, dict[str, Any]]] = [
    *(
        (kind, {"after": after})
        for kind in ("reset_body", "cut_chunked", "cut_length", "cut_close")
        for after in (0, 1, 5000)
    ),
    *(
        (kind, {})
        for kind in ("cut_zstd", "cut_record", "cut_frame", "metadata_only", "empty_body", "html_200", "garbage")
    ),
    ("cut_zstd", {"drop": 5}),
    ("cut_record", {"drop": 56}),
    ("stall", {"after": 0, "seconds": 4}),
    ("stall", {"after": 5000, "seconds": 4}),
    ("stall", {"after": 10**9, "seconds": 4}),
]
VALUES: list[Any] = [None, "0.40", "", {}, [], True, -1, float("nan"), float("inf"), 10**30, {"a": [1]}]


@pytest.fixture
def scene(historical: FakeHistorical, tmp_path: Path) -> Scene:
    return Scene(historical, tmp_path / "feeds")


@pytest.fixture
def quick(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """The command runs in this process, with short pauses between its tries."""
    monkeypatch.setattr(retries, "FIRST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(batch_job, "_FIRST_POLL_SECONDS", 0.05)
    scene.in_process = True
    return scene


def test_a_backfill_fills_the_range_and_the_next_one_requests_nothing(scene):
    scene.run(code=0)
    assert scene.read_table() == scene.read_market()
    assert len(scene.server.purchases) == 1
    scene.finish()
    assert len(scene.server.purchases) == 1


@pytest.mark.parametrize("options", STATUSES, ids=str)
@pytest.mark.parametrize("endpoint", [*FREE, STREAM])
def test_an_error_status(quick, endpoint, options):
    quick.server.fault(endpoint, "status", **options)
    quick.run()
    quick.finish()


@pytest.mark.parametrize("endpoint", [*FREE, STREAM])
def test_errors_that_do_not_end(quick, endpoint):
    quick.server.fault(endpoint, "status", status=503, times=99)
    quick.run(code=1)
    assert quick.read_table() == {}
    quick.finish()


@pytest.mark.parametrize("kind, options", ENDINGS, ids=str)
@pytest.mark.parametrize("endpoint", [*FREE, STREAM])
def test_no_answer(quick, endpoint, kind, options):
    quick.server.fault(endpoint, kind, **options)
    quick.run()
    quick.finish()


@pytest.mark.parametrize("kind, options", BODIES, ids=str)
def test_a_body_that_is_not_whole(quick, kind, options):
    """Nothing of it is stored, and its charge stays, unless the run has bought it again."""
    quick.server.fault(STREAM, kind, **options)
    ended = quick.run()
    if ended.code != 0:
        assert quick.read_table() == {}
        assert [request["state"] for request in quick.list_requests()] == ["failed"]
        assert float(quick.list_requests()[0]["charged_usd"]) == pytest.approx(quick.server.spent, abs=1e-6)
    quick.finish()
    assert len(quick.server.purchases) == 2


def test_a_slow_body_arrives(quick):
    quick.server.fault(STREAM, "slow", rate=20_000)
    quick.run(code=0)
    quick.finish()
    assert len(quick.server.purchases) == 1


@pytest.mark.parametrize("text", ["DeprecationWarning: this parameter goes", "Warning: reduced quality", "x" * 5000])
def test_a_warning_is_stored_and_not_raised(quick, text):
    quick.server.fault(STREAM, "warning", text=text)
    quick.run(code=0, PYTHONWARNINGS="error::UserWarning")
    assert text.partition(": ")[2][:100] in FeedRequest.objects.get().warnings
    quick.finish()
    assert len(quick.server.purchases) == 1


@pytest.mark.parametrize("value", VALUES, ids=str)
@pytest.mark.parametrize("endpoint", FREE)
def test_an_answer_that_is_any_json(quick, endpoint, value):
    quick.server.fault(endpoint, "json", value=value)
    quick.run()
    if endpoint in (COST, COUNT) and not isinstance(value, float):
        assert quick.server.purchases == []
    quick.finish()


@pytest.mark.parametrize(
    "refusal", ["dataset_unavailable_range", "data_end_after_available_end", "license_not_found_unauthorized"]
)
def test_the_licence_ends_within_the_range(quick, refusal):
    """The end that a refusal names is used. Nothing is asked after it."""
    server = quick.server
    server.refusal = refusal
    hour = 3_600_000_000_000
    frozen = server.now() // hour * hour
    server.now = lambda: frozen
    available = server.available_end
    quick.start, quick.end = (f"{day:%Y-%m-%d}" for day in _days_around(available))
    for claim in (available, available + 12 * hour):
        span = {"start": "2010-06-06T00:00:00.000000000Z", "end": _iso(claim)}
        server.fault(RANGE, "json", value=span | {"schema": {"ohlcv-1m": span}})
        quick.run()
    server.faults.clear()
    quick.run(code=0)
    quick.end = _iso(available)[:16]
    assert quick.read_table() == quick.read_market()


def _iso(ns: int) -> str:
    from config.testing.feeds.times import to_iso

    return to_iso(ns)


def _days_around(ns: int):
    from datetime import timedelta

    from config.testing.feeds.times import to_day

    return to_day(ns) - timedelta(days=2), to_day(ns) + timedelta(days=2)


# Batch


def test_a_batch_job_fills_the_range(quick):
    quick.server.variables |= BATCH
    quick.run(code=0)
    assert [purchase.how for purchase in quick.server.purchases] == ["batch"]
    quick.finish()
    assert len(quick.server.purchases) == 1


@pytest.mark.parametrize("options", STATUSES, ids=str)
@pytest.mark.parametrize("endpoint", [SUBMIT, DETAILS, FILES, FILE])
def test_an_error_status_of_a_batch(quick, endpoint, options):
    quick.server.variables |= BATCH
    quick.server.fault(endpoint, "status", **options)
    quick.run()
    quick.finish()
    assert len(quick.server.purchases) == 1


@pytest.mark.parametrize("kind, options", [*ENDINGS, ("lost_answer", {})], ids=str)
@pytest.mark.parametrize("endpoint", [SUBMIT, DETAILS, FILES, FILE])
def test_no_answer_of_a_batch(quick, endpoint, kind, options):
    quick.server.variables |= BATCH
    quick.server.fault(endpoint, kind, **options)
    quick.run()
    quick.finish()
    assert len(quick.server.purchases) == 1


@pytest.mark.parametrize(
    "kind, options",
    [
        *((kind, {"after": after}) for kind in ("reset_body", "cut_length", "cut_close") for after in (0, 1, 5000)),
        *((kind, {}) for kind in ("corrupt", "ignore_range")),
        ("stall", {"after": 5000, "seconds": 4}),
    ],
    ids=str,
)
@pytest.mark.parametrize("times", [1, 20])
def test_a_batch_file_that_is_not_whole(quick, kind, options, times):
    """It is downloaded again, for nothing."""
    quick.server.variables |= BATCH
    quick.server.fault(FILE, kind, times=times, **options)
    quick.run()
    quick.finish()
    assert len(quick.server.purchases) == 1


@pytest.mark.parametrize("value", [None, "", {}, [], 1, [{}], {"id": None}, {"id": ""}, {"state": "done"}], ids=str)
@pytest.mark.parametrize("endpoint", [SUBMIT, DETAILS, FILES])
def test_an_answer_of_a_batch_that_is_any_json(quick, endpoint, value):
    quick.server.variables |= BATCH
    quick.server.fault(endpoint, "json", value=value)
    quick.run()
    quick.finish()


def test_a_job_that_expired_is_bought_again(quick):
    quick.server.variables |= BATCH
    quick.server.fault(FILE, "status", status=500, times=99)
    quick.run(code=1)
    quick.server.faults.clear()
    for job in quick.server.jobs.values():
        job["expired"] = True
    quick.run()
    quick.may_buy_again = True  # the first job cannot be downloaded
    quick.finish()
    assert len(quick.server.purchases) == 2


# Caps


@pytest.mark.parametrize("name", ["FEED_MAX_USD_PER_RUN", "FEED_MAX_USD_PER_MONTH"])
@pytest.mark.parametrize("cap", ["", "0", "0.001"])
def test_nothing_is_bought_over_a_cap(quick, name, cap):
    quick.server.variables[name] = cap
    ended = quick.run(code=3)
    assert quick.server.purchases == []
    assert ended.err.strip()
    quick.server.variables[name] = "100"
    quick.finish()


@pytest.mark.parametrize("times", [1, 2, 3, 5])
def test_lost_purchases_count_towards_the_cap(quick, times):
    """Each attempt costs the whole price. The month's cap allows two and a half."""
    quick.server.fault(STREAM, "cut_chunked", times=times, after=5000)
    price = quick.server.cost(len(quick.read_market()))
    quick.server.variables["FEED_MAX_USD_PER_MONTH"] = f"{2.5 * price:.6f}"
    codes = [quick.run().code for _ in range(5)]
    assert len(quick.server.purchases) == 2
    assert codes[-1] == (3 if times >= 2 else 0), codes


def test_free_data_needs_caps_too(quick):
    quick.server.unit_price = 0.0
    quick.server.variables["FEED_MAX_USD_PER_RUN"] = ""
    quick.run(code=3)
    assert quick.server.purchases == []
    quick.server.variables["FEED_MAX_USD_PER_RUN"] = "1"
    quick.finish()


# Killed


def kill_when(scene: Scene, condition: Any, number: int = signal.SIGKILL, **variables: str) -> None:
    with scene.open(**variables) as process:
        with contextlib.suppress(AssertionError):
            until(lambda: condition() or process._process.poll() is not None, seconds=40)
        process.signal(number)
        process.end(60)


@pytest.mark.parametrize(
    "mode, number", [*(({}, number) for number in range(1, 6)), *((BATCH, number) for number in range(1, 11))], ids=str
)
def test_killed_at_each_request(scene, mode, number):
    """The process is killed when the n-th request has arrived, before it is answered."""
    scene.server.variables |= mode
    assert _kill_at(scene, lambda ask: ask.n == number)
    _finish_after_kill(scene)


@pytest.mark.parametrize("number", range(1, 6))
def test_killed_at_each_request_of_the_second_run(scene, number):
    """The second run recovers what the first one bought."""
    _kill_at(scene, lambda ask: ask.endpoint == STREAM)
    before = len(scene.server.asks)
    assert _kill_at(scene, lambda ask: ask.n == before + number)
    _finish_after_kill(scene, most=3)


def _kill_at(scene: Scene, condition: Any, number: int = signal.SIGKILL) -> bool:
    """Whether the process was killed."""
    killed = threading.Event()
    with scene.open() as process:

        def kill(ask: Ask) -> None:
            if not killed.is_set() and condition(ask):
                killed.set()
                process.signal(number)
                with contextlib.suppress(Exception):
                    process._process.wait(60)

        scene.server.on_ask = kill
        process.end(120)
    scene.server.on_ask = lambda ask: None
    return killed.is_set()


def _finish_after_kill(scene: Scene, *, most: int = 2) -> None:
    """What had arrived whole is not bought again. Each kill can lose one purchase."""
    has_arrived = bool(scene.find_whole())
    bought = len(scene.server.purchases)
    scene.may_buy_again = True  # the server cannot know what was written to the disk
    scene.check_money()
    scene.finish()
    if has_arrived:
        assert len(scene.server.purchases) == bought
    assert len(scene.server.purchases) <= most


def find_part(scene: Scene, size: int = 0) -> bool:
    return any(path.stat().st_size >= size for path in scene.folder.rglob("*.part"))


def test_killed_when_the_part_file_appears(scene):
    scene.server.fault(STREAM, "slow", rate=5000)
    kill_when(scene, lambda: find_part(scene))
    assert scene.read_table() == {}
    _finish_after_kill(scene)


def test_killed_within_the_body(scene):
    scene.server.fault(STREAM, "stall", after=20_000, seconds=30)
    kill_when(scene, lambda: find_part(scene, 10_000), FEED_TIMEOUT_SECONDS="60")
    _finish_after_kill(scene)


def test_killed_when_the_part_file_is_whole(scene):
    """All bytes are on the disk, but the end of the answer is not: nothing is bought again."""
    scene.server.fault(STREAM, "stall", after=10**9, seconds=3)
    kill_when(scene, lambda: scene.find_whole(), FEED_TIMEOUT_SECONDS="60")
    whole = bool(scene.find_whole())
    _finish_after_kill(scene, most=1 if whole else 2)


def test_killed_after_the_rename(scene):
    kill_when(scene, lambda: any(path.suffix != ".part" for path in scene.folder.rglob("*.dbn.zst*") if path.is_file()))
    _finish_after_kill(scene, most=1)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_stopped_during_the_load(scene, number):
    with series_locked():
        kill_when(scene, lambda: backends_in("%pg_advisory%"), number)
    assert len(scene.server.purchases) == 1
    _finish_after_kill(scene, most=1)


@pytest.mark.parametrize(
    "table", ["market_series_days", "market_bars_ohlcv_1m", "data_ingest_runs", "market_feed_requests"]
)
def test_killed_while_it_writes(scene, table):
    """From the purchase on, writes of a table wait; then the process is killed."""
    with session() as other:
        locked = threading.Event()

        def lock(ask: Ask) -> None:
            if ask.endpoint == STREAM and not locked.is_set():
                other.execute("BEGIN")
                other.execute(f"LOCK TABLE {table} IN SHARE MODE")
                locked.set()

        scene.server.on_ask = lock
        with scene.open() as process:
            with contextlib.suppress(AssertionError):
                until(lambda: (locked.is_set() and _count_waiting()) or process._process.poll() is not None, seconds=40)
            process.signal(signal.SIGKILL)
            process.end()
        scene.server.on_ask = lambda ask: None
        other.execute("ROLLBACK")
    assert len(scene.server.purchases) == 1
    _finish_after_kill(scene, most=1)


def _count_waiting() -> int:
    with session() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("endpoint", [RANGE, COST, STREAM])
def test_stopped_by_a_signal(scene, endpoint, number):
    killed = threading.Event()
    with scene.open() as process:

        def stop(ask: Ask) -> None:
            if ask.endpoint == endpoint and not killed.is_set():
                killed.set()
                process.signal(number)
                time.sleep(0.3)

        scene.server.on_ask = stop
        ended = process.end(60)
    scene.server.on_ask = lambda ask: None
    assert "Traceback" not in ended.err, ended.err
    assert ended.code != 0 or scene.read_table() == scene.read_market()
    _finish_after_kill(scene)


# Beside others


def test_two_backfills_at_once_buy_once(scene):
    scene.server.fault(STREAM, "slow", rate=30_000)
    with scene.open() as first, scene.open() as second:
        ended = [first.end(120), second.end(120)]
    for end in ended:
        scene.check(end, 0)
    assert len(scene.server.purchases) == 1
    scene.finish()
    assert len(scene.server.purchases) == 1
    assert not Backfill.objects.filter(status="running").exists()


def test_a_second_backfill_waits_and_names_the_first(scene):
    scene.server.fault(STREAM, "slow", rate=8_000)
    with scene.open() as first:
        until(lambda: scene.server.asked(STREAM))
        number = Backfill.objects.latest("id").pk
        second = scene.run(code=0)
        scene.check(first.end(), 0)
    assert str(number) in second.out + second.err
    assert len(scene.server.purchases) == 1
    scene.finish()


@pytest.mark.parametrize("endpoint", [RANGE, CONDITION, COST, COUNT, STREAM])
def test_the_database_ends_all_sessions(scene, endpoint):
    done = threading.Event()

    def terminate(ask: Ask) -> None:
        if ask.endpoint == endpoint and not done.is_set():
            done.set()
            with session() as other:
                other.execute(
                    "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname ="
                    " current_database() AND pid <> pg_backend_pid() AND application_name <> 'pytest'"
                    " AND backend_type = 'client backend'"
                )

    scene.server.on_ask = terminate
    with scene.open() as process:
        ended = process.end(120)
    scene.server.on_ask = lambda ask: None
    _reconnect()
    scene.check(ended)
    _finish_after_kill(scene)


def test_the_database_ends_the_sessions_of_the_load(scene):
    with series_locked(), scene.open() as process:
        until(lambda: backends_in("%pg_advisory%"), seconds=40)
        with session() as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [backend_in("%pg_advisory%")])
        until(lambda: IngestRun.objects.filter(status="failed").exists() or process._process.poll() is not None)
        with contextlib.suppress(Exception):
            process._process.wait(5)
        is_over = process._process.poll() is not None
        if is_over:
            ended = process.end()
    assert is_over
    scene.check(ended)
    assert len(scene.server.purchases) == 1
    _finish_after_kill(scene, most=1)


def _reconnect() -> None:
    from django.db import connection

    connection.close()


@pytest.fixture
def own_server() -> Iterator[dict[str, str]]:
    """The environment of an embedded PostgreSQL of its own, which a test can stop."""
    home = Path(tempfile.mkdtemp(prefix="restart-"))
    home.chmod(0o755)
    variables = {"EMBEDDED_PG_HOME": str(home), "EMBEDDED_PG_KEEP": "1"}
    try:
        with Process("--no-input", command="migrate", url="", **variables) as migrating:
            assert migrating.end().code == 0
        yield variables
    finally:
        embedded.stop(home)
        shutil.rmtree(home)


@pytest.mark.parametrize("endpoint", [COST, STREAM])
def test_the_server_restarts_during_a_backfill(historical, tmp_path, own_server, endpoint):
    scene = Scene(historical, tmp_path / "feeds", url="")
    historical.variables |= own_server
    home, done = Path(own_server["EMBEDDED_PG_HOME"]), threading.Event()

    def restart(ask: Ask) -> None:
        if ask.endpoint == endpoint and not done.is_set():
            done.set()
            embedded.stop(home)

    historical.on_ask = restart
    scene.run()
    historical.on_ask = lambda ask: None
    scene.run(code=0)
    posts = scene.count_posts()
    scene.run(code=0)
    assert scene.count_posts() == posts
    assert len(historical.purchases) <= 2
    port, folder = (home / "data" / "postmaster.pid").read_text().splitlines()[3:5]
    where = {"host": folder, "port": port, "user": "postgres", "dbname": "marketdata"}
    with contextlib.closing(psycopg2.connect(**where)) as other, other.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM market_bars_ohlcv_1m")
        assert cursor.fetchone() == (len(scene.read_market()),)
    scene.check_secrets()
