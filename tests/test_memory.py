"""How often garbage is looked for."""

import subprocess
import sys


def test_a_start_hardly_looks_for_garbage() -> None:
    """While the engine's worker is loaded: a few times at most, and else about a hundred."""
    assert _looks("") > 50
    assert _looks("from byoc_infra.memory import collect_rarely; collect_rarely()") < 5


def _looks(first: str) -> int:
    count = "sum(one['collections'] for one in gc.get_stats())"
    lines = ["import gc", first, f"before = {count}", "import byoc_infra.engine.worker"]
    said = subprocess.run(
        [sys.executable, "-c", "\n".join([*lines, f"print({count} - before)"])],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(said.stdout)
