"""`byoc deployment`: one LangGraph deployment by its file, as the vendor, without a server."""

from typing import Annotated

import typer

from byoc_infra.cli import output
from byoc_infra.cli.options import DeadlineOption, FileOption

__all__ = ["app"]

UNHEALTHY_EXIT = 5
DISCONNECTED_EXIT = 4

app = typer.Typer(help="One deployment by its file, without a control plane.")


@app.command()
def up(
    file: FileOption,
    deadline: DeadlineOption = 3600,
    health_deadline: Annotated[
        float, typer.Option(min=1, help="Seconds until every task has to be healthy.")
    ] = 900,
) -> None:
    """Create or revise the deployment, and wait until it is healthy."""
    from byoc_infra.cli import files, show

    spec, access = files.load_deployment(file)
    from byoc_infra.flows import deployment, work

    with work.open_work(
        output.current().progress, deadline_s=deadline, health_deadline_s=health_deadline
    ) as opened:
        show.up(deployment.up(spec, access, opened))


@app.command()
def preview(file: FileOption, deadline: DeadlineOption = 3600) -> None:
    """Show what `up` would do."""
    from byoc_infra.cli import files, show

    spec, access = files.load_deployment(file)
    from byoc_infra.flows import deployment, work

    with work.open_work(output.current().progress, deadline_s=deadline) as opened:
        show.preview(deployment.preview(spec, access, opened))


@app.command()
def destroy(file: FileOption, deadline: DeadlineOption = 3600) -> None:
    """Remove the deployment; the receipt lists what is kept."""
    from byoc_infra.cli import files, show

    spec, access = files.load_deployment(file)
    from byoc_infra.flows import deployment, work

    with work.open_work(output.current().progress, deadline_s=deadline) as opened:
        show.receipt(deployment.destroy(spec, access, opened))


@app.command()
def status(file: FileOption) -> None:
    """Say what is true of the deployment now; exit 0 only when it is as wanted."""
    from byoc_infra.cli import files, show

    spec, access = files.load_deployment(file)
    from byoc_infra.flows import deployment, work

    with work.open_work(output.current().progress) as opened:
        found = deployment.status(spec, access, opened)
    show.status(found)
    if found.state == "DISCONNECTED":
        raise typer.Exit(DISCONNECTED_EXIT)
    if found.state != "DEPLOYED":
        raise typer.Exit(UNHEALTHY_EXIT)


@app.command()
def logs(
    *,
    file: FileOption,
    follow: Annotated[bool, typer.Option("--follow", help="Go on as lines come.")] = False,
    since: Annotated[
        float, typer.Option(min=0, help="Minutes to look back; with --follow also.")
    ] = 60,
    match: Annotated[str, typer.Option(help="A CloudWatch filter pattern.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="The last so many lines.")] = 500,
    service: Annotated[str, typer.Option(help="api, queue, cache or all.")] = "api",
) -> None:
    """Show the containers' log lines; nothing of them is stored."""
    from byoc_infra.cli import files

    spec, access = files.load_deployment(file)
    from byoc_infra.flows import reading

    spoken = output.current()
    asked = reading.Asked(minutes=since, pattern=match, limit=limit, service=service)
    if follow:
        for line in reading.follow(spec, access, asked):
            spoken.line(line) if spoken.as_json else spoken.text(line.message)
        return
    lines = reading.lines(spec, access, asked)
    spoken.result({"lines": lines}, lambda: spoken.lines(line.message for line in lines))


@app.command()
def call(
    file: FileOption,
    data: Annotated[str, typer.Argument(metavar="INPUT", help="The run's input, as JSON.")],
    graph: Annotated[
        str | None, typer.Option(help="Graph or assistant; the only one if absent.")
    ] = None,
    thread: Annotated[str | None, typer.Option(help="Go on in this thread.")] = None,
    url: Annotated[
        str | None, typer.Option(help="Where the deployment answers; asked of its stack if absent.")
    ] = None,
) -> None:
    """Run the graph once over the load balancer and show its answer."""
    from byoc_infra.cli import files

    spec, access = files.load_deployment(file)
    from byoc_infra.cli import calling

    values = calling.parse_input(data)
    if url is None:
        from byoc_infra.flows import deployment, work

        with work.open_work(output.current().progress) as opened:
            url = calling.url_of(deployment.status(spec, access, opened))
    answer = calling.call(url, graph=graph, values=values, thread_id=thread)
    output.current().result(answer)
