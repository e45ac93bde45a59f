"""Kills the demo again and again, at random moments and once in each step; not part of `make test`.

`make soak SEED=1` prints one line a kill and exits with 1 if any left something behind.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from byoc_infra.cli.demo.steps import TITLES
from tests.support.demo_run import DemoRun, down

RANDOM_KILLS = 10
LONGEST_S = 50.0
"""A little less than a warm demo takes on two cores."""
START_S = 300.0


def main() -> int:
    """The whole soak; its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    seed = parser.parse_args().seed
    moments = random.Random(seed)  # noqa: S311 - not for secrets
    kills: list[tuple[str, float | None, int | None]] = [
        (f"step {number + 1}: {title}", None, number) for number, title in enumerate(TITLES)
    ]
    kills += [
        (f"at {after:.1f} s", after, None)
        for after in (moments.uniform(0.5, LONGEST_S) for _ in range(RANDOM_KILLS))
    ]
    bad = sum(not _one(name, after_s, step) for name, after_s, step in kills)
    print(f"seed {seed}: {len(kills) - bad} passed, {bad} failed")  # noqa: T201
    return 1 if bad else 0


def _one(name: str, after_s: float | None, step: int | None) -> bool:
    place = Path(tempfile.mkdtemp(prefix="byoc-soak-"))
    try:
        run = DemoRun(place)
        if step is not None:
            mark = f"[{step + 1}/{len(TITLES)}]"
            run.wait_for(lambda log: mark in log, START_S)
        else:
            until = time.monotonic() + (after_s or 0)
            run.wait_for(lambda _: time.monotonic() > until, START_S)
        run.kill()
        ended = down(run)
        left = run.leftovers()
        clean = ended.returncode == 0 and not left
        print(f"{'clean' if clean else 'LEFT'}  {name}  {left if left else ''}", flush=True)  # noqa: T201
        return clean
    finally:
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
