"""A new revision, from its POST to the engine's end, as a multiple of a bare `pulumi up`.

In one run on a local cloud: the control plane's deployment and a bare process's are made by the
same program, and get the same change in turns. `--rounds N` repeats it so often (5 when absent).
"""

import argparse
import statistics
import sys
import time

from benchmarks.race import Race, race

AIM, LIMIT = 0.6, 1.0


def main() -> int:
    """Print both times and the ratio; 1 when it is over the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with race(concurrency=1) as between:
        ours, proven, bare = measured(between, rounds)
    ratio = ours / bare
    print(f"pulumi up --yes --skip-preview     {bare:6.1f} s")
    print(f"POST of a revision to engine done  {ours:6.1f} s")
    print(f"POST of a revision to proven       {proven:6.1f} s")
    print(f"ratio                              {ratio:6.2f}   (aim {AIM}, limit {LIMIT})")
    return int(ratio > LIMIT)


def measured(between: Race, rounds: int) -> tuple[float, float, float]:
    """The middle of each: POST to engine done, POST to proven, and the bare process."""
    first = between.stage.push("v0")
    between.prepare_bare("bare", first)
    between.succeeded(between.create("ours", first))
    done, proven, bare = [], [], []
    for number in range(1, rounds + 1):
        image = between.stage.push(f"v{number}")
        started = time.perf_counter()
        operation = between.revise("ours", image)
        between.engine_is_done(operation)
        done.append(time.perf_counter() - started)
        between.succeeded(operation)
        proven.append(time.perf_counter() - started)
        between.change_bare("bare", image)
        bare.append(between.up_bare("bare").check())
    return statistics.median(done), statistics.median(proven), statistics.median(bare)


if __name__ == "__main__":
    sys.exit(main())
