"""The `byoc` command: its nouns, and the one place where errors become words and exit codes.

Nothing heavy is imported here or in a noun's module: what a command needs, it imports when it
runs, so that `byoc --help` answers at once.
"""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from byoc_infra.cli import (
    account,
    connection,
    deploy,
    deployment,
    deployments,
    doctor,
    keys,
    local,
    operations,
    output,
    secrets,
    server,
    tenant,
)
from byoc_infra.cli.demo import command as demo
from byoc_infra.errors import ByocError
from byoc_infra.memory import collect_rarely

__all__ = ["INTERNAL_EXIT", "INTERRUPTED_EXIT", "USAGE_EXIT", "app", "main"]

INTERNAL_EXIT = 1
USAGE_EXIT = 2
INTERRUPTED_EXIT = 130
ANYWHERE = ("--json", "--quiet")

app = typer.Typer(
    name="byoc",
    help="Bring your own cloud for LangGraph deployments.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(local.app, name="local")
app.add_typer(account.app, name="account")
app.add_typer(deployment.app, name="deployment")
app.add_typer(secrets.app, name="secrets")
app.add_typer(tenant.app, name="tenant")
app.command("server")(server.server)
app.command("worker")(server.worker)
app.add_typer(connection.app, name="connection")
app.command("deploy")(deploy.deploy)
app.command("revisions")(deploy.revisions)
app.command("rollback")(deploy.rollback)
app.add_typer(deployments.app, name="deployments")
app.add_typer(operations.app, name="operations")
app.add_typer(keys.app, name="keys")
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)


@app.callback()
def _options(
    *,
    json: Annotated[
        bool,
        typer.Option("--json", help="One JSON object on stdout; may stand anywhere."),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="No progress; may stand anywhere.")
    ] = False,
) -> None:
    spoken = output.current()
    spoken.as_json = json
    spoken.quiet = quiet


def main(argv: Sequence[str] | None = None) -> int:
    """Run `byoc` with these arguments; the exit code (`docs/cli.md`)."""
    if argv is None:
        collect_rarely()
    words = list(sys.argv[1:] if argv is None else argv)
    words = _flags_first(words)
    output.current().as_json = "--json" in words[: len(ANYWHERE)]
    try:
        ended = app(words, prog_name="byoc", standalone_mode=False)
    except ByocError as error:
        output.current().failure(error.as_dict())
        return error.exit_code
    except typer.Abort:
        output.current().failure(_interrupted())
        return INTERRUPTED_EXIT
    except typer.TyperException as error:
        output.current().failure(_usage(error))
        return USAGE_EXIT
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback for users
        return _unforeseen(error)
    if ended == INTERRUPTED_EXIT:  # Typer has made an exit code of the KeyboardInterrupt
        output.current().failure(_interrupted())
    return ended if isinstance(ended, int) else 0


def _flags_first(words: list[str]) -> list[str]:
    """The root's own flags may stand anywhere before a `--`."""
    end = words.index("--") if "--" in words else len(words)
    flags = [flag for flag in ANYWHERE if flag in words[:end]]
    return [*flags, *(word for word in words[:end] if word not in ANYWHERE), *words[end:]]


def _unforeseen(error: Exception) -> int:
    from byoc_infra import redaction
    from byoc_infra.cli import crash

    path = crash.record(error)
    output.current().failure(
        {
            "code": "INTERNAL",
            "field": type(error).__name__,
            "wanted": "no such error",
            "got": redaction.scrub(str(error).splitlines()[0] if str(error) else "no message"),
            "next_step": f"This is a bug in byoc; {path} has the details.",
            "retryable": False,
        }
    )
    return INTERNAL_EXIT


def _usage(error: typer.TyperException) -> dict[str, object]:
    context = getattr(error, "ctx", None)
    command = getattr(context, "command_path", None) or "byoc"
    return {
        "code": "USAGE",
        "field": command,
        "wanted": "arguments that the command takes",
        "got": error.format_message(),
        "next_step": f"See `{command} --help`.",
        "retryable": False,
    }


def _interrupted() -> dict[str, object]:
    return {
        "code": "INTERRUPTED",
        "field": "byoc",
        "wanted": "to finish",
        "got": "an interrupt",
        "next_step": "Run the same command again: it goes on from what is there.",
        "retryable": True,
    }


if __name__ == "__main__":
    sys.exit(main())
