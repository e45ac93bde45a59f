"""How long `byoc --help` takes, as a multiple of an interpreter that does nothing.

`--rounds N` runs each so often (7 when absent); `make test` takes few.
"""

import argparse
import statistics
import subprocess
import sys
import time

LIMIT = 15
NOTHING = (sys.executable, "-c", "pass")
HELP = (sys.executable, "-m", "byoc_infra.cli", "--help")


def main() -> int:
    """Print both times and the ratio; 1 when it is over the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    nothing, shown = medians(parser.parse_args().rounds)
    ratio = shown / nothing
    print(f"python -c pass  {nothing * 1000:6.1f} ms")
    print(f"byoc --help     {shown * 1000:6.1f} ms")
    print(f"ratio           {ratio:6.1f}   (limit {LIMIT})")
    return int(ratio > LIMIT)


def medians(rounds: int) -> tuple[float, float]:
    """The middle of several runs of each; in turns, so that a busy machine slows both."""
    seconds(NOTHING), seconds(HELP)  # warm the file cache
    pairs = [(seconds(NOTHING), seconds(HELP)) for _ in range(rounds)]
    nothing, shown = zip(*pairs, strict=True)
    return statistics.median(nothing), statistics.median(shown)


def seconds(command: tuple[str, ...]) -> float:
    """One run."""
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
