"""`byoc account`: set an account up, as its owner."""

import typer

from byoc_infra.cli import output
from byoc_infra.cli.options import DeadlineOption, FileOption

__all__ = ["app"]

app = typer.Typer(help="Set up an AWS account, as its owner.")


@app.command()
def up(file: FileOption, deadline: DeadlineOption = 3600) -> None:
    """Make the account ready for deployments, or bring it up to date."""
    from byoc_infra.cli import files, show

    spec = files.load_account(file)
    from byoc_infra.cli.flows import account, work

    with work.open_work(output.current().progress, deadline_s=deadline) as opened:
        show.up(account.up(spec, opened))


@app.command()
def preview(file: FileOption, deadline: DeadlineOption = 3600) -> None:
    """Show what `up` would do."""
    from byoc_infra.cli import files, show

    spec = files.load_account(file)
    from byoc_infra.cli.flows import account, work

    with work.open_work(output.current().progress, deadline_s=deadline) as opened:
        show.preview(account.preview(spec, opened))


@app.command()
def destroy(file: FileOption, deadline: DeadlineOption = 3600) -> None:
    """Take away what `up` made; refused while a deployment lives in the account."""
    from byoc_infra.cli import files, show

    spec = files.load_account(file)
    from byoc_infra.cli.flows import account, work

    with work.open_work(output.current().progress, deadline_s=deadline) as opened:
        show.receipt(account.destroy(spec, opened))
