"""The kinds of operation: each is a flow, and its result as JSON."""

import dataclasses
import json
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from byoc_infra.control_plane.supervisor import approval
from byoc_infra.control_plane.supervisor.rows import Task
from byoc_infra.errors import SpecError
from byoc_infra.flows import deployment
from byoc_infra.flows.results import Preview, Up
from byoc_infra.flows.work import Work
from byoc_infra.spec import DeploymentSpec

__all__ = ["KINDS", "PACKAGE", "Found", "plan_of"]


def _package() -> str:
    try:
        return version("byoc-infra")
    except PackageNotFoundError:
        return "unreleased"  # run from its source


PACKAGE = _package()
"""Which version's programs make the stacks."""
Found = dict[str, Any]
"""What to write: `result`, `plan` and `url`, as far as there is one."""


def deploy(task: Task, work: Work) -> Found:
    """Bring the revision about, and wait until it is true."""
    up = deployment.up(_spec(task), task.access, work)
    return {"result": _up(up), "url": str(up.outputs.get("url") or "") or None}


def preview(task: Task, work: Work) -> Found:
    """What the revision would change."""
    found = deployment.preview(_spec(task), task.access, work)
    return {"result": {"package": PACKAGE}, "plan": plan_of(found)}


def delete(task: Task, work: Work) -> Found:
    """Take everything away that the stack made, and the revisions' secrets."""
    if task.spec is None:
        return {"result": {"package": PACKAGE, "destroyed": [], "kept": []}}
    receipt = deployment.destroy(task.spec, task.access, work, values=task.values, sweep=True)
    return {"result": _json(receipt) | {"package": PACKAGE}}


KINDS: dict[str, Callable[[Task, Work], Found]] = {
    "deploy": deploy,
    "preview": preview,
    "delete": delete,
}


def plan_of(preview: Preview) -> dict[str, Any]:
    """A preview as it is shown to whoever may approve it."""
    needs = approval.needed(preview.changes)
    return _json(preview) | {"needs_approval": [_json(one) for one in needs]}


def _up(up: Up) -> dict[str, Any]:
    return _json(up) | {"package": PACKAGE}


def _json(result: Any) -> dict[str, Any]:  # noqa: ANN401  # one of the flows' results
    plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(result), default=str))
    return plain


def _spec(task: Task) -> DeploymentSpec:
    if task.spec is None:
        raise SpecError(
            "revision",
            wanted="a revision to deploy",
            got="none",
            next_step="Make a new revision.",
        )
    return task.spec
