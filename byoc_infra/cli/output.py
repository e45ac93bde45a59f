"""What a command says: one JSON object or readable text on stdout, progress on stderr."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["Output", "current", "plain"]

PIPE_WIDTH = 300


@dataclass
class Output:
    """Where and how this run of the command speaks."""

    as_json: bool = False
    quiet: bool = False

    def progress(self, text: str) -> None:
        """One line about what is being done, on stderr."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)  # noqa: T201 - the command line's own output

    def result(self, value: object, human: Callable[[], None] | None = None) -> None:
        """The command's answer; `human` writes it for people, else it is shown as a table."""
        if self.as_json:
            self.line({"ok": True, "result": plain(value)})
        elif human is not None:
            human()
        else:
            self.fields(plain(value))

    def failure(self, error: dict[str, Any]) -> None:
        """The command's error: for a program on stdout, for a person on stderr."""
        if self.as_json:
            self.line({"ok": False, "error": error})
            return
        self._error_for_people(error)

    def line(self, value: object) -> None:
        """One JSON object on a line of its own."""
        sys.stdout.write(json.dumps(plain(value)) + "\n")
        sys.stdout.flush()

    def text(self, words: str) -> None:
        """Plain words on stdout, unchanged."""
        sys.stdout.write(words + "\n")
        sys.stdout.flush()

    def lines(self, many: Iterable[str]) -> None:
        """Many of those."""
        for words in many:
            self.text(words)

    def fields(self, values: dict[str, Any]) -> None:
        """Names and values, one a line."""
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in values.items():
            table.add_row(Text(name, style="bold"), _cell(value))
        self._print(table)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """A table with a header."""
        from rich.table import Table

        shown = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
        for column in columns:
            shown.add_column(column, overflow="fold")
        for row in rows:
            shown.add_row(*(_cell(value) for value in row))
        self._print(shown)

    def _print(self, renderable: object) -> None:
        from rich.console import Console

        # in a pipe or a file there is no width to keep to
        Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(renderable)

    def _error_for_people(self, error: dict[str, Any]) -> None:
        from rich.console import Console
        from rich.text import Text

        console = Console(stderr=True, soft_wrap=True)
        console.print(Text.assemble((str(error["code"]), "bold red"), f" {error['field']}"))
        for label, key in (("wanted", "wanted"), ("got", "got"), ("next", "next_step")):
            console.print(Text.assemble("  ", (f"{label:<7}", "bold"), str(error[key])))


_current = Output()


def current() -> Output:
    """This process's output; `--json` sets it up before a command runs."""
    return _current


def plain(value: object) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """`value` as what JSON can hold."""
    if is_dataclass(value) and not isinstance(value, type):
        return {key: plain(one) for key, one in asdict(value).items()}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    return str(value)


def _cell(value: object) -> "Text":
    """The value as it is: an ARN is no markup, and its `:secret:` no picture."""
    from rich.text import Text

    if isinstance(value, list | tuple):
        return Text("\n".join(str(one) for one in value) or "-")
    if isinstance(value, dict):
        return Text("\n".join(f"{key} = {one}" for key, one in value.items()) or "-")
    return Text("-" if value is None else str(value))
