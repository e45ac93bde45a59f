"""`byoc operations`: what is being done on deployments, and what one may decide about it."""

from typing import Annotated

import typer

from byoc_infra.cli import output

__all__ = ["app"]

app = typer.Typer(help="What is being done on deployments.")
OperationArgument = Annotated[str, typer.Argument(help="The operation's id.")]


@app.command("list")
def list_(
    deployment: Annotated[
        str | None, typer.Argument(help="Name or id of a deployment; all if absent.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
) -> None:
    """List operations, newest first."""
    from itertools import islice

    from byoc_infra.cli import remote

    with remote.connected() as client:
        which = None if deployment is None else client.deployment(deployment).id
        listed = list(islice(client.operations(deployment_id=which), limit))

    def human() -> None:
        output.current().table(
            ("id", "kind", "status", "by", "made"),
            [
                (one.id, one.kind, one.status, one.requested_by, f"{one.created_at:%m-%d %H:%M}")
                for one in listed
            ],
        )

    output.current().result([one.model_dump(mode="json") for one in listed], human)


@app.command()
def show(operation: OperationArgument) -> None:
    """Show one; of a failed one also the last lines of its tasks."""
    from byoc_infra.cli import remote

    with remote.connected() as client:
        found = client.operation(operation).model_dump(mode="json")
        if found["status"] == "FAILED":
            found["failure_now"] = client.failure(operation).model_dump(mode="json")
    output.current().result(found)


@app.command()
def watch(operation: OperationArgument) -> None:
    """Follow it until it has ended; exit 0 only if it has done what was asked."""
    from byoc_infra.cli import remote, watching

    with remote.connected() as client:
        ended = watching.ended_well(client, watching.watch(client, operation))
    output.current().result(ended.model_dump(mode="json"))


@app.command()
def cancel(operation: OperationArgument) -> None:
    """Let it end: at once, or when what is in flight is done."""
    _decide(operation, "cancel")


@app.command()
def approve(operation: OperationArgument) -> None:
    """Let its plan be carried out, though it replaces or deletes something that holds data."""
    _decide(operation, "approve")


@app.command()
def reject(operation: OperationArgument) -> None:
    """Let its plan not be carried out."""
    _decide(operation, "reject")


def _decide(operation: str, verb: str) -> None:
    from byoc_infra.cli import remote

    with remote.connected() as client:
        found = getattr(client, verb)(operation)
    output.current().result(found.model_dump(mode="json"))
