"""How long `byoc --help` takes, as a multiple of an interpreter that does nothing."""

import statistics
import subprocess
import sys
import time

LIMIT = 15
ROUNDS = 7


def main() -> int:
    """Print both times and the ratio; 1 when it is over the limit."""
    nothing = median([sys.executable, "-c", "pass"])
    shown = median([sys.executable, "-m", "byoc_infra.cli", "--help"])
    ratio = shown / nothing
    print(f"python -c pass  {nothing * 1000:6.1f} ms")
    print(f"byoc --help     {shown * 1000:6.1f} ms")
    print(f"ratio           {ratio:6.1f}   (limit {LIMIT})")
    return int(ratio > LIMIT)


def median(command: list[str]) -> float:
    """The middle of several runs, after one that warms the file cache."""
    times = []
    for _ in range(ROUNDS + 1):
        started = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


if __name__ == "__main__":
    sys.exit(main())
