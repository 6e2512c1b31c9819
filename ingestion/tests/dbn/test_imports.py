"""`ingestion/dbn` reads and writes DBN without Django, directly or through what it imports."""

import pkgutil
import subprocess
import sys

from django.conf import settings

from ingestion import dbn

MODULES = sorted(module.name for module in pkgutil.iter_modules(dbn.__path__))
IMPORT_ALL = "; ".join(f"import ingestion.dbn.{name}" for name in MODULES)
LIST_DJANGO = "import sys; print([name for name in sys.modules if name.partition('.')[0] == 'django'])"


def test_no_module_imports_django():
    assert "source" in MODULES
    listed = subprocess.run(
        [sys.executable, "-c", f"{IMPORT_ALL}; {LIST_DJANGO}"],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    assert listed.stdout.strip() == "[]"
