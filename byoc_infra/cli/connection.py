"""`byoc connection`: customers' accounts, as the control plane knows them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from byoc_infra.cli import output
from byoc_infra.errors import SpecError

if TYPE_CHECKING:
    from byoc_infra.client import Account, Setup

__all__ = ["app"]

app = typer.Typer(help="Connections to customers' accounts.")
ConnectionArgument = Annotated[str, typer.Argument(help="Name or id of the connection.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Of the connection.")],
    *,
    account: Annotated[str, typer.Option(help="The AWS account's twelve digits.")],
    region: Annotated[str, typer.Option(help="Where its deployments run.")],
    installation: Annotated[
        str, typer.Option(help="Tells several set-ups in one account apart.")
    ] = "default",
    default_type: Annotated[
        str, typer.Option(help="Of deployments that say none: dev or prod.")
    ] = "dev",
    repository: Annotated[
        list[str] | None, typer.Option(help="An ECR repository for images; repeat it.")
    ] = None,
    redis_image: Annotated[
        str | None, typer.Option(help="For the account file; byoc/redis:8 if absent.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="Write the account file here; it must not be there yet.")
    ] = None,
) -> None:
    """Make a connection, and print what the customer has to run."""
    from byoc_infra.cli import remote

    _refuse_existing(file)

    body: dict[str, Any] = {
        "name": name,
        "aws_account_id": account,
        "region": region,
        "installation": installation,
        "default_deployment_type": default_type,
    }
    if repository:
        body["repositories"] = repository
    if redis_image:
        body["redis_image"] = redis_image
    with remote.connected() as client:
        made, setup = client.connect(body)
    if file is not None:
        file.write_text(setup.account_yaml)
    _shown(made, setup)


@app.command()
def setup(connection: ConnectionArgument) -> None:
    """Print again what the customer has to run."""
    from byoc_infra.cli import remote

    with remote.connected() as client:
        found = client.account(connection)
        told = client.setup(found.id)
    _shown(found, told)


@app.command()
def activate(connection: ConnectionArgument) -> None:
    """Prove that the role lets us in as it should and nobody else, and use it from now on."""
    from byoc_infra.cli import remote

    with remote.connected() as client:
        found = client.activate(client.account(connection).id)
    output.current().result(found.model_dump(mode="json"))


@app.command("list")
def list_() -> None:
    """List them, with their statuses."""
    from byoc_infra.cli import remote

    with remote.connected() as client:
        listed = list(client.accounts())

    def human() -> None:
        output.current().table(
            ("name", "account", "region", "status", "said", "id"),
            [
                (one.name, one.aws_account_id, one.region, one.status, one.status_message, one.id)
                for one in listed
            ],
        )

    output.current().result([one.model_dump(mode="json") for one in listed], human)


@app.command()
def rotate(connection: ConnectionArgument) -> None:
    """Offer a new external id, or go on with the one that was offered.

    Run it once, let the customer run the set-up with both ids, run it again: the new one is in
    use. When the set-up names the new one alone, run it a last time: the old one is gone.
    """
    from byoc_infra.cli import remote

    with remote.connected() as client:
        found = client.account(connection)
        if found.rotation == "none":
            now = client.offer_rotation(found.id)
        else:
            now = client.advance_rotation(found.id)
        told = client.setup(now.id)
    _shown(now, told)


@app.command()
def revoke(connection: ConnectionArgument) -> None:
    """Stop using it; deployments run on unattended."""
    from byoc_infra.cli import remote

    with remote.connected() as client:
        found = client.revoke(client.account(connection).id)
    output.current().result(found.model_dump(mode="json"))


@app.command()
def delete(connection: ConnectionArgument) -> None:
    """Delete a connection without deployments; what the customer's stack made stays."""
    from byoc_infra.cli import remote

    with remote.connected() as client:
        found = client.account(connection)
        client.delete_account(found.id)
    output.current().result({"deleted": found.name, "id": found.id})


@app.command()
def secret(
    connection: ConnectionArgument,
    name: Annotated[str, typer.Argument(help="Such as LANGSMITH_API_KEY.")],
    from_file: Annotated[
        Path | None, typer.Option(help="Read the value from this file, unchanged.")
    ] = None,
) -> None:
    """Give all deployments of a connection a secret; from stdin, a prompt or a file."""
    from byoc_infra.cli import remote
    from byoc_infra.cli.secrets import asked_for
    from byoc_infra.flows import secrets

    value = secrets.read_value(from_file, prompt=asked_for)
    with remote.connected() as client:
        found = client.account(connection)
        client.put_platform_secret(found.id, name, value)
    output.current().result({"connection": found.name, "given": name})


def _refuse_existing(file: Path | None) -> None:
    if file is not None and file.exists():
        raise SpecError(
            "file",
            wanted="a path where nothing is yet",
            got=str(file),
            next_step="Give another, or leave it out: the file's text is printed as well.",
        )


def _shown(account: "Account", setup: "Setup") -> None:
    def human() -> None:
        spoken = output.current()
        spoken.fields(
            {"connection": account.name, "id": account.id, "status": account.status}
            | {"rotation": account.rotation, "said": account.status_message}
        )
        spoken.text(f"\n# account.yaml\n{setup.account_yaml}")
        spoken.lines(setup.commands)
        spoken.text(f"\n{setup.next_step}")

    told = {**account.model_dump(mode="json"), "setup": setup.model_dump(mode="json")}
    output.current().result(told, human)
