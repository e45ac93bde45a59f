"""Loaded by every Python interpreter inside a task, before anything else runs."""  # noqa: INP001 - a folder on PYTHONPATH, not a package

import importlib.util
import os
import sys
from pathlib import Path

if os.environ.get("BYOC_TASK_ADDRESS"):
    # uvloop resolves names in C and would never see the hook; asyncio's own loop does.
    sys.modules["uvloop"] = None  # type: ignore[assignment]  # None makes the import fail
    place = Path(__file__).resolve().parent.parent / "resolver.py"
    spec = importlib.util.spec_from_file_location("_byoc_resolver", place)
    if spec is not None and spec.loader is not None:
        resolver = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(resolver)
        resolver.install()
