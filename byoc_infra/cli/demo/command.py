"""`byoc demo`: runs the story and shows its table."""

from typing import TYPE_CHECKING, Annotated

import typer

from byoc_infra.cli import output

if TYPE_CHECKING:
    from byoc_infra.cli.demo.story import Report

__all__ = ["demo"]


def demo(
    *,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave it all running, and print how to look inside.")
    ] = False,
) -> None:
    """Run the whole life of a deployment on the local cloud."""
    from byoc_infra.cli.demo import story

    spoken = output.current()
    report = story.tell(spoken.progress, keep=keep)
    spoken.result(report, lambda: _show(report))


def _show(report: "Report") -> None:
    spoken = output.current()
    spoken.table(
        ("step", "seconds", "what was made"),
        [(step.title, f"{step.seconds:.1f}", step.made) for step in report.steps],
    )
    total = sum(step.seconds for step in report.steps)
    spoken.text(f"\n{report.calls} calls, none failed; {total:.0f} s in all.")
    for one in report.kept:
        spoken.text(f"kept: {one.kind} {one.name} ({one.why})")
    if not report.look_inside:
        return
    spoken.text(f"\nThe graph answers at {report.url}, which is {report.address}")
    for who, env in report.look_inside.items():
        spoken.text(f"\nTo look inside as the {who}:")
        spoken.lines(f"  export {name}={value}" for name, value in sorted(env.items()))
    spoken.text("\n`byoc local down` ends it.")
