"""`byoc keys`: API keys of the tenant."""

from typing import Annotated

import typer

from byoc_infra.cli import output

__all__ = ["app"]

app = typer.Typer(help="API keys of the tenant.")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose it is; CloudTrail shows it.")],
    scope: Annotated[str, typer.Option(help="read, deploy or admin.")] = "deploy",
    expires_at: Annotated[
        str | None, typer.Option(help="Such as 2027-01-01T00:00:00Z; never if absent.")
    ] = None,
) -> None:
    """Make a key; it is shown this once."""
    from byoc_infra.cli import remote

    with remote.connected() as client:
        made = client.create_key(name, scope, expires_at=expires_at)
    spoken = output.current()
    spoken.result(made.model_dump(mode="json"), lambda: spoken.text(made.key or ""))


@app.command("list")
def list_() -> None:
    """List them, ended ones too."""
    from byoc_infra.cli import remote

    with remote.connected() as client:
        listed = [one.model_dump(mode="json", exclude={"key"}) for one in client.api_keys()]

    def human() -> None:
        columns = ("name", "scope", "status", "prefix", "last_used_at", "id")
        output.current().table(columns, [[one[key] for key in columns] for one in listed])

    output.current().result(listed, human)


@app.command()
def revoke(key: Annotated[str, typer.Argument(help="The key's id.")]) -> None:
    """End a key at once and for good."""
    from byoc_infra.cli import remote

    with remote.connected() as client:
        ended = client.revoke_key(key)
    output.current().result(ended.model_dump(mode="json", exclude={"key"}))
