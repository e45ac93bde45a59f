"""How results look to people."""

from typing import TYPE_CHECKING

from byoc_infra.cli import output

if TYPE_CHECKING:
    from byoc_infra.flows.results import Item, Preview, Receipt, Status, Up

__all__ = ["preview", "receipt", "status", "up"]


def up(result: "Up") -> None:
    """Changes, outputs, and how long it took."""

    def human() -> None:
        spoken = output.current()
        _changes(result.changes)
        spoken.fields(output.plain(result.outputs))
        for service in result.restarted:
            spoken.text(f"started anew for a newer database password: {service}")
        spoken.text(f"up in {result.seconds} s, operation {result.operation}")

    output.current().result(result, human)


def preview(result: "Preview") -> None:
    """What would change."""

    def human() -> None:
        _changes(result.changes)
        output.current().text(f"{len(result.changes)} changes would be made")

    output.current().result(result, human)


def receipt(result: "Receipt") -> None:
    """What went and what stayed."""

    def human() -> None:
        spoken = output.current()
        spoken.table(("destroyed", "name"), [(one.type, one.name) for one in result.destroyed])
        if result.kept:
            spoken.table(
                ("kept", "name", "why"), [(one.kind, one.name, one.why) for one in result.kept]
            )
        spoken.text(f"destroyed in {result.seconds} s, operation {result.operation}")

    output.current().result(result, human)


def status(result: "Status") -> None:
    """State, services, causes."""

    def human() -> None:
        spoken = output.current()
        spoken.fields({"deployment": result.name, "state": result.state, "said": result.said})
        if result.services:
            spoken.table(
                ("service", "healthy", "desired", "roll-out"),
                [(s["name"], s["right"], s["desired"], s["rollout"]) for s in result.services],
            )
        for cause in result.causes:
            spoken.text(cause)

    output.current().result(result, human)


def _changes(changes: "tuple[Item, ...]") -> None:
    if not changes:
        output.current().text("no changes")
        return
    output.current().table(
        ("change", "type", "name", "fields"),
        [(one.op, one.type, one.name, ", ".join(one.diff_keys)) for one in changes],
    )
