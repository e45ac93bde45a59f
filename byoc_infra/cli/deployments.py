"""`byoc deployments`: those that the control plane looks after."""

from typing import Annotated

import typer

from byoc_infra.cli import output
from byoc_infra.cli.deploy import DeploymentArgument, NoWaitOption

__all__ = ["app"]

app = typer.Typer(help="Deployments that the control plane looks after.")


@app.command("list")
def list_() -> None:
    """List them, newest first."""
    from byoc_infra.cli import remote

    with remote.connected() as client:
        listed = list(client.deployments())

    def human() -> None:
        output.current().table(
            ("name", "status", "url", "id"),
            [(one.name, one.status, one.url, one.id) for one in listed],
        )

    output.current().result([one.model_dump(mode="json") for one in listed], human)


@app.command()
def show(deployment: DeploymentArgument) -> None:
    """Show one."""
    from byoc_infra.cli import remote

    with remote.connected() as client:
        found = client.deployment(deployment)
    output.current().result(found.model_dump(mode="json"))


@app.command()
def call(
    deployment: DeploymentArgument,
    data: Annotated[str, typer.Argument(metavar="INPUT", help="The run's input, as JSON.")],
    graph: Annotated[
        str | None, typer.Option(help="Graph or assistant; the only one if absent.")
    ] = None,
    thread: Annotated[str | None, typer.Option(help="Go on in this thread.")] = None,
) -> None:
    """Run the graph once, from within reach of its balancer, and show its answer."""
    from byoc_infra.cli import calling, remote
    from byoc_infra.errors import NotFound

    values = calling.parse_input(data)
    with remote.connected() as client:
        found = client.deployment(deployment)
    if found.url is None:
        raise NotFound(
            "deployment",
            wanted="one that serves",
            got=f"{found.status}: {found.status_message or 'no revision has served yet'}",
            next_step=f"Look: `byoc operations list {found.name}`.",
        )
    answer = calling.call(found.url, graph=graph, values=values, thread_id=thread)
    output.current().result(answer)


@app.command()
def preview(
    deployment: DeploymentArgument,
    revision: Annotated[
        str | None, typer.Option(help="Number or id of a revision; the newest if absent.")
    ] = None,
) -> None:
    """Show what bringing a revision up would change; nothing is changed."""
    from byoc_infra.cli import remote, watching

    with remote.connected() as client:
        found = client.deployment(deployment)
        chosen = revision
        if revision is not None and revision.isdecimal():
            chosen = next(
                (str(one.id) for one in client.revisions(found.id) if one.number == int(revision)),
                revision,
            )
        asked = client.preview(found.id, revision_id=chosen)
        ended = watching.ended_well(client, watching.watch(client, asked.id))
    result = ended.plan or ended.result or {}

    def human() -> None:
        changes = result.get("changes") or []
        output.current().table(
            ("change", "type", "name", "of"),
            [
                (one.get("op"), one.get("type"), one.get("name"), one.get("diff_keys"))
                for one in changes
            ],
        )
        output.current().text(f"{len(changes)} changes would be made")

    output.current().result(result, human)


@app.command()
def redeploy(deployment: DeploymentArgument, *, no_wait: NoWaitOption = False) -> None:
    """Bring the newest revision up once more."""
    from byoc_infra.cli import remote
    from byoc_infra.cli.deploy import finished

    with remote.connected() as client:
        found = client.deployment(deployment)
        started = client.redeploy(found.id, found.latest_revision_id or "")
        finished(client, started.deployment, started.operation_id, no_wait=no_wait)


@app.command()
def delete(deployment: DeploymentArgument, *, no_wait: NoWaitOption = False) -> None:
    """Remove all that it has in AWS but a last snapshot; the receipt lists what is kept."""
    from byoc_infra.cli import remote, watching
    from byoc_infra.cli.deploy import finished

    with remote.connected() as client:
        found = client.deployment(deployment)
        operation_id = client.delete_deployment(found.id)
        if no_wait or operation_id is None:
            finished(client, found, operation_id, no_wait=no_wait)
            return
        ended = watching.ended_well(client, watching.watch(client, operation_id))
    receipt = ended.result or {}

    def human() -> None:
        spoken = output.current()
        spoken.text(f"{len(receipt.get('destroyed') or [])} resources are gone")
        spoken.table(
            ("kept", "name", "why"),
            [(one["kind"], one["name"], one["why"]) for one in receipt.get("kept") or []],
        )

    output.current().result(receipt, human)


@app.command()
def forget(
    deployment: DeploymentArgument,
    confirm: Annotated[str, typer.Option(help="The name once more.")],
) -> None:
    """Know nothing more of it; all that it has in AWS stays and runs on."""
    from byoc_infra.cli import remote

    with remote.connected() as client:
        found = client.deployment(deployment)
        told = client.forget(found.id, name=confirm)
    output.current().result(told.model_dump(mode="json"))


@app.command()
def logs(
    *,
    deployment: DeploymentArgument,
    revision: Annotated[
        str | None, typer.Option(help="Id of a revision: those of its time.")
    ] = None,
    build: Annotated[
        bool, typer.Option("--build", help="What was done to bring the revision up.")
    ] = False,
    level: Annotated[str | None, typer.Option(help="DEBUG, INFO … and above.")] = None,
    query: Annotated[str | None, typer.Option(help="A text that the line has in it.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The last so many lines.")] = 100,
) -> None:
    """Show log lines; the control plane passes them through and keeps none."""
    from byoc_infra.cli import remote

    asked = {"level": level and level.upper(), "query": query, "limit": limit}
    with remote.connected() as client:
        found = client.deployment(deployment)
        chosen = revision or (str(found.latest_revision_id) if build else None)
        page = client.logs(
            found.id,
            revision_id=chosen,
            build=build,
            **{name: value for name, value in asked.items() if value is not None},
        )
    lines = page.logs[::-1]
    spoken = output.current()
    spoken.result(
        {"lines": [one.model_dump(mode="json") for one in lines]},
        lambda: spoken.lines(
            f"{one.timestamp:%H:%M:%S} {one.level} {one.message}" for one in lines
        ),
    )
