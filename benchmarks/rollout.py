"""A new revision, from its POST to the engine's end, as a multiple of a bare `pulumi up`.

In one run on a local cloud: the control plane's deployment and a bare process's are made by the
same program, and get the same change in turns. `--rounds N` repeats it so often (5 when absent).
A story of `make test` runs one round.
"""

import argparse
import sys
from collections.abc import Sequence
from statistics import median

from benchmarks.race import Heat, heat, prepare, race

AIM, LIMIT = 0.6, 1.0


def main() -> int:
    """Print both times and the ratio; 1 when it is over the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with race(concurrency=1) as between:
        prepare(between, 1, between.stage.push("v0"))
        images = [between.stage.push(f"v{number}") for number in range(1, rounds + 1)]
        ran = [heat(between, 1, image) for image in images]
    print(*figures(ran), sep="\n")
    return int(ratio(ran) > LIMIT)


def figures(ran: Sequence[Heat]) -> list[str]:
    """What is printed: the middle of each."""
    return [
        f"pulumi up --yes --skip-preview     {median(one.bare_s for one in ran):6.1f} s",
        f"POST of a revision to engine done  {median(one.done_s for one in ran):6.1f} s",
        f"POST of a revision to proven       {median(one.proven_s for one in ran):6.1f} s",
        f"ratio                              {ratio(ran):6.2f}   (aim {AIM}, limit {LIMIT})",
    ]


def ratio(ran: Sequence[Heat]) -> float:
    """Of the middles."""
    return median(one.done_s for one in ran) / median(one.bare_s for one in ran)


if __name__ == "__main__":
    sys.exit(main())
