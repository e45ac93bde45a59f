"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["DeadlineOption", "FileOption"]

FileOption = Annotated[
    Path, typer.Option("--file", "-f", help="The YAML file that describes it (docs/cli.md).")
]
DeadlineOption = Annotated[
    float, typer.Option("--deadline", min=10, help="Seconds that one run of the engine may take.")
]
