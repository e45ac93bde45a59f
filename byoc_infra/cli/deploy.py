"""`byoc deploy`, `byoc rollback`, `byoc revisions`: what an application developer does all day."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from byoc_infra.cli import output

if TYPE_CHECKING:
    from byoc_infra.client import Client, Deployment

__all__ = ["NoWaitOption", "deploy", "finished", "revisions", "rollback"]

NoWaitOption = Annotated[
    bool, typer.Option("--no-wait", help="Return when it is accepted; watch it later.")
]
DeploymentArgument = Annotated[str, typer.Argument(help="Name or id of the deployment.")]


def deploy(
    *,
    image: Annotated[str, typer.Option(help="In the account's ECR, with tag or digest.")],
    name: Annotated[str, typer.Option(help="Of the deployment; made if there is none.")],
    connection: Annotated[
        str | None, typer.Option(help="Name or id of the account's connection; the only one.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--type", help="dev or prod; the connection's default.")
    ] = None,
    secret: Annotated[
        list[str] | None,
        typer.Option(help="Name of a variable of this shell whose value the app gets; repeat it."),
    ] = None,
    secrets_file: Annotated[
        Path | None, typer.Option(help="Lines NAME=value; these replace all that there were.")
    ] = None,
    resource: Annotated[
        list[str] | None, typer.Option(help="A size such as max_scale=4; repeat it.")
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="A repeat with the same key deploys nothing anew.")
    ] = None,
    no_wait: NoWaitOption = False,
) -> None:
    """Deploy an image, and wait until it is proven to serve."""
    from byoc_infra.cli import given, remote

    secrets = given.secrets(secret or [], secrets_file)
    sizes = given.sizes(resource or [])
    with remote.connected() as client:
        account = None if connection is None else client.account(connection).id
        started = client.deploy(
            name,
            image,
            secrets=secrets,
            account_id=account,
            deployment_type=kind,
            resource_spec=sizes,
            key=idempotency_key,
        )
        finished(client, started.deployment, started.operation_id, no_wait=no_wait)


def rollback(
    deployment: DeploymentArgument,
    to: Annotated[str, typer.Option(help="Number or id of the revision to go back to.")],
    *,
    no_wait: NoWaitOption = False,
) -> None:
    """Go back to an earlier revision: its image, variables, secrets and sizes."""
    from byoc_infra.cli import remote

    with remote.connected() as client:
        found = client.deployment(deployment)
        operation = client.roll_back(found.id, to=int(to) if to.isdecimal() else to)
        finished(client, found, operation.id, no_wait=no_wait)


def revisions(deployment: DeploymentArgument) -> None:
    """List a deployment's revisions, newest first; `*` is the one that serves."""
    from byoc_infra.cli import remote

    with remote.connected() as client:
        found = client.deployment(deployment)
        listed = list(client.revisions(found.id))

    def human() -> None:
        output.current().table(
            ("number", "status", "", "image", "made", "id"),
            [
                (
                    one.number,
                    one.status,
                    "*" if one.id == found.active_revision_id else "",
                    one.image,
                    f"{one.created_at:%Y-%m-%d %H:%M}",
                    one.id,
                )
                for one in listed
            ],
        )

    output.current().result([one.model_dump(mode="json") for one in listed], human)


def finished(
    client: "Client", deployment: "Deployment", operation_id: str | None, *, no_wait: bool
) -> None:
    """Watch the operation unless it is not waited for; then show the deployment as it is."""
    from byoc_infra.cli import watching

    operation = None if operation_id is None else client.operation(operation_id)
    if operation is not None and not no_wait:
        operation = watching.watch(client, operation.id)
        watching.ended_well(client, operation)
        if operation.kind != "delete":
            deployment = client.deployment(deployment.id)
    told = {
        "deployment": deployment.model_dump(mode="json"),
        "operation": operation and operation.model_dump(mode="json"),
    }

    def human() -> None:
        output.current().fields(
            {
                "deployment": deployment.name,
                "id": deployment.id,
                "status": deployment.status,
                "url": deployment.url,
                "operation": operation and f"{operation.id} {operation.status}",
                **({"next": f"byoc operations watch {operation_id}"} if no_wait else {}),
            }
        )

    output.current().result(told, human)
