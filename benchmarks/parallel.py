"""Eight revisions at once through one worker, against eight bare `pulumi up` processes at once.

The same program and change on both sides, on one local cloud. Told are the seconds until the last
engine is done, and the memory that an operation takes at the peak. `--operations N` takes fewer.
A story of `make test` runs it with one.
"""

import argparse
import sys

from benchmarks.race import Heat, heat, prepare, race

LIMIT = 1.0


def main() -> int:
    """Print times, memory and the ratio; 1 when we are slower than the bare processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=8)
    number = parser.parse_args().operations
    with race(concurrency=number) as between:
        images = between.stage.push("v0"), between.stage.push("v1")
        prepare(between, number, images[0])
        ran = heat(between, number, images[1])
    print(*figures(ran), sep="\n")
    return int(ran.ratio > LIMIT)


def figures(ran: Heat) -> list[str]:
    """What is printed."""
    number = ran.number
    return [
        f"{number} bare processes   {ran.bare_s:6.1f} s   {ran.bare_mib / number:6.0f} MiB each",
        f"{number} operations       {ran.done_s:6.1f} s   {ran.ours_mib / number:6.0f} MiB each",
        f"ratio            {ran.ratio:6.2f}     (limit {LIMIT})",
    ]


if __name__ == "__main__":
    sys.exit(main())
