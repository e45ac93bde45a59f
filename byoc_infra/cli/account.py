"""`byoc account`: set an account up, as its owner."""

from pathlib import Path
from typing import Annotated

import typer

from byoc_infra.cli import output
from byoc_infra.cli.options import DeadlineOption, FileOption
from byoc_infra.cli.secrets import asked_for

__all__ = ["app"]

app = typer.Typer(help="Set up an AWS account, as its owner.")
secrets_app = typer.Typer(help="Give all deployments their keys.")
app.add_typer(secrets_app, name="secrets")


@app.command()
def up(file: FileOption, deadline: DeadlineOption = 3600) -> None:
    """Make the account ready for deployments, or bring it up to date."""
    from byoc_infra.cli import files, show

    spec = files.load_account(file)
    from byoc_infra.flows import account, work

    with work.open_work(output.current().progress, deadline_s=deadline) as opened:
        show.up(account.up(spec, opened))


@app.command()
def preview(file: FileOption, deadline: DeadlineOption = 3600) -> None:
    """Show what `up` would do."""
    from byoc_infra.cli import files, show

    spec = files.load_account(file)
    from byoc_infra.flows import account, work

    with work.open_work(output.current().progress, deadline_s=deadline) as opened:
        show.preview(account.preview(spec, opened))


@app.command()
def destroy(file: FileOption, deadline: DeadlineOption = 3600) -> None:
    """Take away what `up` made; refused while a deployment lives in the account."""
    from byoc_infra.cli import files, show

    spec = files.load_account(file)
    from byoc_infra.flows import account, work

    with work.open_work(output.current().progress, deadline_s=deadline) as opened:
        show.receipt(account.destroy(spec, opened))


@secrets_app.callback()
def _group() -> None:
    """Keeps `put` a command of its own: a single one would become the group itself."""


@secrets_app.command()
def put(
    name: Annotated[str, typer.Argument(help="One of the file's platform_secrets.")],
    file: FileOption,
    from_file: Annotated[
        Path | None, typer.Option(help="Read the value from this file, unchanged.")
    ] = None,
) -> None:
    """Set a value for all deployments, from stdin, a prompt or a file."""
    from byoc_infra.cli import files
    from byoc_infra.flows import secrets

    spec = files.load_account(file)
    value = secrets.read_value(from_file, prompt=asked_for)
    output.current().result(secrets.put_platform(spec, name, value))
