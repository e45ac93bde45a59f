"""The local cloud's own log files."""

from pathlib import Path

from byoc_infra.errors import NotFound

__all__ = ["tail"]

FILES = {"emulator": "emulator.log", "verdicts": "verdicts.jsonl"}
READ_BYTES = 4 * 1024 * 1024


def tail(directory: Path, what: str, count: int) -> list[str]:
    """The last lines of the emulator's log, of its verdicts, or of a task's output."""
    if what in FILES:
        return _last(directory / FILES[what], count)
    found = [line for path in sorted(_task_logs(directory, what)) for line in _last(path, count)]
    if not found and not _task(directory, what):
        raise NotFound(
            "what",
            wanted="emulator, verdicts, or the id of a task",
            got=what,
            next_step="`byoc local status` shows what runs.",
        )
    return found[-count:]


def _task(directory: Path, task_id: str) -> Path | None:
    """A task's own directory; ids that are paths lead nowhere."""
    tasks = directory / "tasks"
    found = [path for path in tasks.glob("*") if path.name == task_id] if tasks.is_dir() else []
    return found[0] if found else None


def _task_logs(directory: Path, task_id: str) -> list[Path]:
    task = _task(directory, task_id)
    return list(task.rglob("*.log")) if task else []


def _last(path: Path, count: int) -> list[str]:
    if not path.is_file():
        return []
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - READ_BYTES, 0))
        return file.read().decode(errors="replace").splitlines()[-count:]
