"""Eight revisions at once through one worker, against eight bare `pulumi up` processes at once.

The same program and change on both sides, on one local cloud. Told are the seconds until the last
engine is done, and the memory that an operation takes at the peak. `--operations N` takes fewer.
"""

import argparse
import sys
import time

from benchmarks.race import Memory, Race, race

LIMIT = 1.0


def main() -> int:
    """Print times, memory and the ratio; 1 when we are slower than the bare processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=8)
    number = parser.parse_args().operations
    with race(concurrency=number) as between:
        images = between.stage.push("v0"), between.stage.push("v1")
        prepare(between, number, images[0])
        ours, our_mib = through_the_worker(between, number, images[1])
        bare, bare_mib = by_bare_processes(between, number, images[1])
    print(f"{number} bare processes   {bare:6.1f} s   {bare_mib / number:6.0f} MiB each")
    print(f"{number} operations       {ours:6.1f} s   {our_mib / number:6.0f} MiB each")
    print(f"ratio            {ours / bare:6.2f}     (limit {LIMIT})")
    return int(ours > LIMIT * bare)


def prepare(between: Race, number: int, image: str) -> None:
    """As many deployments on each side."""
    operations = [between.create(f"ours-{place}", image) for place in range(number)]
    for operation in operations:
        between.succeeded(operation)
    for place in range(number):
        between.prepare_bare(f"bare-{place}", image)


def through_the_worker(between: Race, number: int, image: str) -> tuple[float, float]:
    """Seconds until the last engine is done, and the peak of the worker with all its lanes."""
    with Memory(between.server.workers()) as memory:
        started = time.perf_counter()
        operations = [between.revise(f"ours-{place}", image) for place in range(number)]
        for operation in operations:
            between.engine_is_done(operation)
        took = time.perf_counter() - started
    for operation in operations:
        between.succeeded(operation)
    return took, memory.peak_mib


def by_bare_processes(between: Race, number: int, image: str) -> tuple[float, float]:
    """The same for processes."""
    for place in range(number):
        between.change_bare(f"bare-{place}", image)
    started = time.perf_counter()
    processes = [between.up_bare(f"bare-{place}") for place in range(number)]
    with Memory([one.process.pid for one in processes]) as memory:
        for one in processes:
            one.check()
        took = time.perf_counter() - started
    return took, memory.peak_mib


if __name__ == "__main__":
    sys.exit(main())
