"""Setting an account up, as its owner: the account stack."""

import time
from typing import Any

from byoc_infra.aws.services import describe_service
from byoc_infra.aws.session import Session
from byoc_infra.engine import StackRef
from byoc_infra.errors import SpecError
from byoc_infra.flows import names_taken
from byoc_infra.flows.redis_image import pinned, stand_in
from byoc_infra.flows.results import Kept, Preview, Receipt, Up, items, preview_of, shown
from byoc_infra.flows.work import Reached, Work, held, recovered, taken_away
from byoc_infra.naming import AccountNames
from byoc_infra.programs import AccountProgram
from byoc_infra.spec import AccountSpec

__all__ = ["PROJECT", "destroy", "preview", "stack_name", "up"]

PROJECT = "byoc-account"
ROLES = "/aws-service-role/"
SERVICE_LINKED = "aws:iam/serviceLinkedRole:ServiceLinkedRole"
"""Leaves the stack and stays in the account."""


def stack_name(spec: AccountSpec) -> str:
    """One stack for one installation in one account and region."""
    return f"{spec.aws_account_id}-{spec.region}-{spec.installation}"


def up(spec: AccountSpec, work: Work) -> Up:
    """Make the account ready, or bring it up to date."""
    started = time.monotonic()
    AccountProgram(stand_in(spec))  # refuses what cannot work before AWS is asked for anything
    with work.reach(spec, None) as reached:
        stack = _stack(pinned(spec, reached.session), reached)
        recovered(work, reached, stack)
        resources = held(work, stack)
        names_taken.refuse(reached.session, spec, resources)
        _no_role_of_others(reached.session, spec, resources)
        work.report("Bringing the account stack up")
        outcome = work.engine.up(stack, on_event=work.tell, deadline_s=work.deadline_s)
        outcome.raise_for_failure()
    changes = items(outcome.changes)
    work.report(f"Account stack: {shown(changes)}")
    return Up(
        stack=stack.name,
        operation=work.operation,
        changes=changes,
        outputs=dict(outcome.outputs),
        seconds=round(time.monotonic() - started, 1),
    )


def preview(spec: AccountSpec, work: Work) -> Preview:
    """What `up` would do."""
    AccountProgram(stand_in(spec))
    with work.reach(spec, None) as reached:
        stack = _stack(pinned(spec, reached.session), reached)
        resources = held(work, stack)
        names_taken.refuse(reached.session, spec, resources)
        _no_role_of_others(reached.session, spec, resources)
        outcome = work.engine.preview(stack, on_event=work.tell, deadline_s=work.deadline_s)
        return preview_of(stack.name, outcome.raise_for_failure())


def destroy(spec: AccountSpec, work: Work) -> Receipt:
    """Take away what `up` made; refused while deployments live in it."""
    started = time.monotonic()
    with work.reach(spec, None) as reached:
        _no_deployments(reached.session, AccountNames(spec.installation).cluster)
        stack = _stack(stand_in(spec), reached)
        recovered(work, reached, stack)
        work.report("Destroying the account stack")
        gone = items(taken_away(work, stack))
        destroyed = tuple(one for one in gone if one.type != SERVICE_LINKED)
        kept = (*_service_linked_roles(reached.session, spec), *_keys(destroyed))
    return Receipt(
        stack=stack.name,
        operation=work.operation,
        destroyed=destroyed,
        kept=kept,
        seconds=round(time.monotonic() - started, 1),
    )


def _stack(spec: AccountSpec, reached: Reached) -> StackRef:
    return reached.stack(PROJECT, stack_name(spec), AccountProgram(spec))


def _no_deployments(session: Session, cluster: str) -> None:
    absent = frozenset({"ClusterNotFoundException"})
    arns = session.each("ecs", "list_services", "serviceArns", absent=absent, cluster=cluster)
    live = [
        name
        for name in (arn.rsplit("/", 1)[-1] for arn in arns)
        if describe_service(session, cluster, name) is not None
    ]
    if live:
        raise SpecError(
            "account",
            wanted="no deployment in it",
            got=f"services {', '.join(sorted(live))}",
            next_step="Destroy the deployments first (`byoc deployment destroy`).",
        )


def _no_role_of_others(
    session: Session, spec: AccountSpec, resources: list[dict[str, Any]]
) -> None:
    """AWS makes a service-linked role once; one that is there already cannot be made again."""
    own = {str(one.get("id")) for one in resources if one["type"] == SERVICE_LINKED}
    existing = _asked_for(session, spec)
    if taken := {word for word, arn in existing.items() if arn not in own}:
        missing = [word for word in spec.create_service_linked_roles if word not in taken]
        raise SpecError(
            "create_service_linked_roles",
            wanted="only roles that the account does not have yet",
            got=", ".join(existing[word] for word in sorted(taken)),
            next_step=f"Write `create_service_linked_roles: [{', '.join(missing)}]`.",
        )


def _asked_for(session: Session, spec: AccountSpec) -> dict[str, str]:
    """By the spec's words: the ARN of each service-linked role that exists."""
    roles = list(session.each("iam", "list_roles", "Roles", PathPrefix=ROLES))
    return {
        word: role["Arn"]
        for word in spec.create_service_linked_roles
        for role in roles
        if f"/{word}.amazonaws.com/" in role["Path"]
    }


def _service_linked_roles(session: Session, spec: AccountSpec) -> list[Kept]:
    """They belong to AWS's services, and others in the account may need them."""
    return [
        Kept(kind="service-linked role", name=arn, why="AWS's services use it")
        for arn in _asked_for(session, spec).values()
    ]


def _keys(destroyed: tuple[object, ...]) -> list[Kept]:
    return [
        Kept(
            kind="kms key", name=str(getattr(one, "name", "")), why="deleted after its waiting time"
        )
        for one in destroyed
        if getattr(one, "type", "") == "aws:kms/key:Key"
    ]
