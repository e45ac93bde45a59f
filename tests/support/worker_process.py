"""A worker, in a process of its own: DBOS has one instance a process."""

import json
import logging
import os
import sys
from pathlib import Path

from byoc_infra.control_plane.settings import Settings
from byoc_infra.control_plane.workflows import worker
from byoc_infra.control_plane.workflows.operate import Retries
from byoc_infra.control_plane.workflows.reaper import Patience
from tests.support import fake_supervisor

FAKE = (sys.executable, str(Path(fake_supervisor.__file__)))


def begin(env: dict[str, str], log: str) -> None:
    """Work in that environment, and say so in that file."""
    os.environ.clear()
    os.environ.update(env)
    with Path(log).open("wb") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    main()


def main() -> None:
    """Work as `TUNING` says, with a supervisor that does nothing."""
    given = json.loads(os.environ.get("TUNING", "{}"))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    worker.run(
        Settings.of(),
        tuning=worker.Tuning(
            command=FAKE,
            retries=Retries(first_s=0.1, attempts=3),
            patience=Patience(silent_s=3.0, untouched_s=2.0, probe_soonest_s=0.5),
            poll_s=0.1,
            drain_s=float(given.get("drain_s", 0.5)),
        ),
    )
