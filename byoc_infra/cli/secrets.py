"""`byoc secrets`: put values into the customer's Secrets Manager."""

import os
from pathlib import Path
from typing import Annotated

import typer

from byoc_infra.cli import output
from byoc_infra.cli.options import FileOption

__all__ = ["app", "asked_for"]

app = typer.Typer(help="Put secret values where tasks find them.")


@app.callback()
def _group() -> None:
    """Keeps `put` a command of its own: a single one would become the group itself."""


@app.command()
def put(
    name: Annotated[str, typer.Argument(help="The environment variable that the secret becomes.")],
    file: FileOption,
    from_file: Annotated[
        Path | None, typer.Option(help="Read the value from this file, unchanged.")
    ] = None,
) -> None:
    """Set a value, from stdin, a prompt or a file; never from an argument."""
    from byoc_infra.cli import files
    from byoc_infra.flows import secrets

    spec, access = files.load_deployment(file)
    value = secrets.read_value(from_file, prompt=asked_for)
    on_the_local_cloud = "BYOC_LOCAL_HOSTS" in os.environ  # `byoc local env` sets it
    stored = secrets.put(spec, access, name, value, allow_loopback=on_the_local_cloud)
    output.current().result(stored)


def asked_for() -> str:
    """A value that is typed twice and not shown."""
    return str(typer.prompt("Value", hide_input=True, confirmation_prompt=True, err=True))
