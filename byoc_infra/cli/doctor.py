"""`byoc doctor`: what this machine has and lacks, before anything starts."""

import typer

from byoc_infra.cli import output

__all__ = ["doctor"]

MISSING_EXIT = 3


def doctor() -> None:
    """Say what is here, what is missing, why it is needed and what to do."""
    from byoc_infra.cli import checks

    found = checks.run_all()
    spoken = output.current()
    rows = [(one.status, one.name, one.found, one.next_step) for one in found]
    ready = not any(one.status == "missing" for one in found)
    spoken.result(
        {"ready": ready, "checks": found},
        lambda: spoken.table(("status", "what", "found", "what to do"), rows),
    )
    if not ready:
        raise typer.Exit(MISSING_EXIT)
