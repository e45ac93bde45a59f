"""`byoc local`: an AWS on this machine, to try, test and look at everything."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from byoc_infra.cli import output

if TYPE_CHECKING:
    from byoc_infra.local.cloud import LocalCloud, Who

__all__ = ["app"]

NameOption = Annotated[
    str | None,
    typer.Option("--name", help="Which local cloud; by the working directory if absent."),
]
WHOSE: "dict[str, Who]" = {
    "customer": "customer",
    "vendor": "vendor",
    "vendor-admin": "vendor-admin",
}

app = typer.Typer(help="Run an AWS on this machine.")


@app.command()
def up(
    name: NameOption = None,
    region: Annotated[str, typer.Option(help="The region it plays.")] = "eu-west-1",
) -> None:
    """Start the local cloud, or take up one that died."""
    from byoc_infra.local.cloud import LocalCloud

    cloud = LocalCloud.start(name, region=region, on_progress=output.current().progress)
    output.current().result(_about(cloud))


@app.command()
def prepare() -> None:
    """Get what takes minutes into the cache: Pulumi and the LangGraph server."""
    from byoc_infra.engine import Toolchain
    from byoc_infra.errors import ToolMissing
    from byoc_infra.local import redis_install, server

    report = output.current().progress
    redis_install.require()
    toolchain = Toolchain.obtain(lambda progress: report(str(progress)))
    try:
        host = str(toolchain.with_language_host(lambda progress: report(str(progress))))
    except ToolMissing as missing:  # only `pulumi` by hand needs it
        host = f"none: {missing.got}"
    environment = server.prepare(report)
    output.current().result(
        {
            "pulumi": str(toolchain.path),
            "language_host": host,
            "server": str(environment.path),
        }
    )


@app.command()
def path() -> None:
    """Print the folders for PATH with which `pulumi up` works by hand, built where they are not."""
    import sys

    from byoc_infra.engine import Toolchain

    spoken = output.current()
    toolchain = Toolchain.obtain(lambda progress: spoken.progress(str(progress)))
    host = toolchain.with_language_host(lambda progress: spoken.progress(str(progress)))
    # the language host starts the first `python3` of PATH
    folders = [Path(sys.executable).parent, toolchain.path.parent, host]
    text = ":".join(dict.fromkeys(str(folder) for folder in folders))
    spoken.result({"path": text}, lambda: spoken.text(text))


@app.command()
def down(name: NameOption = None) -> None:
    """Stop it; no process, address or file of it is left."""
    from byoc_infra.local.cloud import LocalCloud

    ended = LocalCloud.remove(name)
    output.current().result({"processes_ended": ended})


@app.command()
def status(name: NameOption = None) -> None:
    """Say what runs in it."""
    from byoc_infra.local.cloud import LocalCloud

    cloud = LocalCloud.attach(name)
    output.current().result({**_about(cloud), **cloud.control("status")})


@app.command()
def env(
    who: Annotated[str, typer.Argument(help="customer, vendor or vendor-admin.")] = "customer",
    name: NameOption = None,
) -> None:
    """Print the variables for any AWS tool: `eval "$(byoc local env vendor)"`."""
    import shlex

    from byoc_infra.local.cloud import LocalCloud

    if who not in WHOSE:
        raise typer.BadParameter(" or ".join(WHOSE), param_hint="who")
    cloud = LocalCloud.attach(name)
    values = cloud.env(WHOSE[who])
    spoken = output.current()
    shell = "\n".join(f"export {key}={shlex.quote(value)}" for key, value in values.items())
    # another account's keys of an earlier `env` must not stay
    spoken.result(values, lambda: spoken.text(f"unset AWS_SESSION_TOKEN AWS_PROFILE\n{shell}"))


@app.command()
def push(
    app_folder: Annotated[
        Path, typer.Argument(metavar="APP", help="A folder with a langgraph.json.")
    ],
    repository: Annotated[str, typer.Option(help="The ECR repository; made if absent.")],
    tag: Annotated[str, typer.Option(help="The image's tag.")] = "latest",
    region: Annotated[
        str | None, typer.Option(help="The ECR of this region; the local cloud's first if absent.")
    ] = None,
    name: NameOption = None,
) -> None:
    """Push an application into the customer's ECR; prints the image by digest."""
    from byoc_infra.local.cloud import LocalCloud

    spoken = output.current()
    spoken.progress(f"Pushing {app_folder} as {repository}:{tag}")
    image = LocalCloud.attach(name).push(app_folder, repository, tag, region=region)
    spoken.result({"image": image}, lambda: spoken.text(image))


@app.command()
def certificate(
    domain: Annotated[str, typer.Argument(help="The host name that it is for.")],
    days: Annotated[float, typer.Option(help="Until it ends; negative: it has ended.")] = 365,
    name: NameOption = None,
) -> None:
    """Put a certificate of the local cloud's own CA into the customer's ACM; prints its ARN."""
    from byoc_infra.local.cloud import LocalCloud

    made = LocalCloud.attach(name).control("certificate", domain=domain, days=days)
    spoken = output.current()
    spoken.result(made, lambda: spoken.text(str(made["certificate"])))


@app.command()
def point(
    domain: Annotated[str, typer.Argument(help="A name of yours.")],
    at: Annotated[str, typer.Argument(help="A balancer's name or URL.")],
    name: NameOption = None,
) -> None:
    """Let a name lead to a balancer, as a CNAME record in your DNS would."""
    from byoc_infra.local.cloud import LocalCloud

    output.current().result(LocalCloud.attach(name).control("point", name=domain, at=at))


@app.command()
def load(
    service: Annotated[str, typer.Argument(help="An ECS service, as `byoc deployment status`.")],
    cpu: Annotated[float | None, typer.Option(min=0, help="Percent, on average.")] = None,
    memory: Annotated[float | None, typer.Option(min=0, help="Percent, on average.")] = None,
    minutes: Annotated[float, typer.Option(min=0, help="As if it had been so for so long.")] = 0,
    name: NameOption = None,
) -> None:
    """Tell the autoscaler what the tasks of a service use: it measures nothing itself."""
    from byoc_infra.local.cloud import LocalCloud

    cloud = LocalCloud.attach(name)
    told = cloud.control("load", service=service, cpu=cpu, memory=memory, minutes=minutes)
    output.current().result(told)


@app.command()
def logs(
    what: Annotated[
        str, typer.Argument(help="emulator, verdicts (of every request), or a task's id.")
    ] = "emulator",
    lines: Annotated[int, typer.Option(min=1, help="The last so many lines.")] = 100,
    name: NameOption = None,
) -> None:
    """Show the local cloud's own logs."""
    from byoc_infra.cli import local_logs
    from byoc_infra.local.cloud import LocalCloud

    cloud = LocalCloud.attach(name)
    found = local_logs.tail(cloud.directory, what, lines)
    spoken = output.current()
    spoken.result({"lines": found}, lambda: spoken.lines(found))


def _about(cloud: "LocalCloud") -> dict[str, object]:
    return {
        "name": cloud.name,
        "endpoint": cloud.endpoint,
        "region": cloud.region,
        "customer_account": cloud.customer.id,
        "vendor_account": cloud.vendor.id,
        "vendor_principal_arn": cloud.vendor.principal_arn,
        "redis_image": cloud.redis_image,
        "directory": str(cloud.directory),
    }
