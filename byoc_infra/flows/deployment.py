"""A deployment's life, as the vendor: up, preview, destroy, and what is true of it now."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from byoc_infra.aws import certificates, databases, health, images, secrets, services
from byoc_infra.aws.session import Session
from byoc_infra.engine import StackRef
from byoc_infra.errors import AccessRefused, CloudUnreachable, NotFound, WrongAccount
from byoc_infra.flows import receipts
from byoc_infra.flows.database_choice import external, refuse_change
from byoc_infra.flows.names import names_of, stack_name
from byoc_infra.flows.receipts import kept_after
from byoc_infra.flows.results import Preview, Receipt, Status, Up, items, preview_of, shown
from byoc_infra.flows.work import Reached, Work, held, recovered, taken_away
from byoc_infra.naming import AccountNames
from byoc_infra.programs import DeploymentProgram
from byoc_infra.spec import AccessSpec, DeploymentSpec

__all__ = [
    "PROJECT",
    "destroy",
    "names_of",
    "preview",
    "refuse_early",
    "stack_name",
    "status",
    "up",
]

PROJECT = "byoc-deployment"
UNKNOWN_DIGEST = "sha256:" + "0" * 64
"""Stands for the image where it does not matter: nothing that runs is made with it."""
PROTECTED = ("aws:rds/instance:Instance", "aws:lb/loadBalancer:LoadBalancer")
"""The types on which a destroy has to lift the deletion protection first."""


def up(spec: DeploymentSpec, access: AccessSpec | None, work: Work) -> Up:
    """Make the deployment what the spec says, and wait until that is true."""
    started = time.monotonic()
    refuse_early(spec)
    with work.reach(spec, access) as reached:
        image = _look_first(spec, reached, work)
        stack = _stack(spec, reached, image)
        recovered(work, reached, stack)
        resources = held(work, stack)
        refuse_change(spec, resources)
        work.overseer.consent(resources, lambda: _previewed(stack, work))
        work.report("Bringing the deployment stack up")
        outcome = work.engine.up(stack, on_event=work.tell, deadline_s=work.deadline_s)
        outcome.raise_for_failure()
        changes = items(outcome.changes)
        work.report(f"Deployment stack: {shown(changes)}")
        restarted = _renew_secrets(spec, outcome.outputs, reached.session, work)
        _await_truth(outcome.outputs, reached.session, work)
    return Up(
        stack=stack.name,
        operation=work.operation,
        changes=changes,
        outputs=dict(outcome.outputs),
        seconds=round(time.monotonic() - started, 1),
        image=image.uri_by_digest,
        architecture=image.architecture or "unknown",
        restarted=restarted,
    )


def preview(spec: DeploymentSpec, access: AccessSpec | None, work: Work) -> Preview:
    """What `up` would do."""
    refuse_early(spec)
    with work.reach(spec, access) as reached:
        stack = _stack(spec, reached, _look_first(spec, reached, work))
        refuse_change(spec, held(work, stack))
        return _previewed(stack, work)


def destroy(
    spec: DeploymentSpec,
    access: AccessSpec | None,
    work: Work,
    *,
    values: Iterable[str] = (),
    sweep: bool = False,
) -> Receipt:
    """Lift the protection, take everything away, and say what was kept.

    `values` are ARNs of secrets outside the stack that go with it. `sweep` looks, service by
    service, for what still carries the deployment's name.
    """
    started = time.monotonic()
    names = names_of(spec)
    with work.reach(spec, access) as reached:
        stack = _stack(spec, reached)
        recovered(work, reached, stack)
        snapshot = _lift_protection(spec, reached, work)
        work.report("Destroying the deployment stack")
        changes = taken_away(work, stack)
        gone = secrets.schedule_deletion(reached.session, values)
        kept = (*kept_after(reached.session, spec, names, snapshot), *receipts.recoverable(gone))
        left = receipts.left_over(reached.session, names) if sweep else None
    return Receipt(
        stack=stack.name,
        operation=work.operation,
        destroyed=items(changes),
        kept=kept,
        left=left,
        seconds=round(time.monotonic() - started, 1),
    )


def status(spec: DeploymentSpec, access: AccessSpec | None, work: Work) -> Status:
    """What is true now. An account that cannot be reached is *disconnected*, which is no error."""
    try:
        with work.reach(spec, access) as reached:
            outcome = work.engine.outputs(_stack(spec, reached))
            if isinstance(outcome.failure, NotFound) or not outcome.raise_for_failure().outputs:
                return Status(name=spec.name, state="NOT_DEPLOYED", said="there is no stack")
            found = health.truth(reached.session, _wanted(outcome.outputs))
    except (AccessRefused, CloudUnreachable, NotFound, WrongAccount) as error:
        return Status(name=spec.name, state="DISCONNECTED", said=str(error))
    return Status(
        name=spec.name,
        state="DEPLOYED" if found.deployed else "UNHEALTHY",
        said=found.words(),
        causes=found.causes,
        services=tuple(asdict(service) for service in found.services),
        outputs=dict(outcome.outputs),
    )


def _previewed(stack: StackRef, work: Work) -> Preview:
    outcome = work.engine.preview(stack, on_event=work.tell, deadline_s=work.deadline_s)
    return preview_of(stack.name, outcome.raise_for_failure())


def _look_first(spec: DeploymentSpec, reached: Reached, work: Work) -> images.Image:
    """What must be right in AWS before anything is built; the image by digest."""
    arn = spec.certificate_arn
    if arn is not None and not certificates.check(reached.session, arn, domain=spec.domain):
        work.report(f"Certificate {arn}: unknown, the role may not look at it")
    return _image(spec, reached, work)


def _image(spec: DeploymentSpec, reached: Reached, work: Work) -> images.Image:
    image = images.resolve(reached.session, spec.image, aws_account_id=spec.aws_account_id)
    work.report(f"Image {image.uri_by_digest} ({image.architecture or 'architecture unknown'})")
    return image


def refuse_early(spec: DeploymentSpec) -> None:
    """What cannot work is refused before AWS is asked for anything."""
    DeploymentProgram(_pinned(spec, UNKNOWN_DIGEST))


def _pinned(spec: DeploymentSpec, digest: str) -> DeploymentSpec:
    reference = images.parse_reference(spec.image)
    uri = f"{reference.registry}/{reference.repository}@{reference.digest or digest}"
    return spec.model_copy(update={"image": uri})


def _stack(spec: DeploymentSpec, reached: Reached, image: images.Image | None = None) -> StackRef:
    """The stack with the image that was resolved; without one, to read or to take away."""
    if image is None:
        program = DeploymentProgram(_pinned(spec, UNKNOWN_DIGEST), wants_values=False)
    else:
        pinned = spec.model_copy(update={"image": image.uri_by_digest})
        program = DeploymentProgram(pinned, architecture=image.architecture)
    return reached.stack(PROJECT, stack_name(spec), program)


def _lift_protection(spec: DeploymentSpec, reached: Reached, work: Work) -> str | None:
    """An `up` of the protected resources alone; gives the name of the last snapshot to come.

    There is none where the record shows no protection and no snapshot is asked for.
    """
    resources = held(work, _stack(spec, reached))
    refuse_change(spec, resources)  # an `up` of another database's program would take this away
    protected = [one for one in resources if one.get("type") in PROTECTED]
    if not protected:
        return None
    wanted = names_of(spec).final_snapshot()
    keep = spec.final_snapshot and not external(spec)
    snapshot = databases.free_snapshot_name(reached.session, wanted) if keep else None
    if snapshot is None and not any(map(_guarded, protected)):
        return None
    work.report("Lifting the deletion protection")
    program = DeploymentProgram(
        _opened(spec, resources), final_snapshot_name=snapshot, wants_values=False
    )
    work.engine.up(
        reached.stack(PROJECT, stack_name(spec), program),
        on_event=work.tell,
        deadline_s=work.deadline_s,
        target=[str(one["urn"]) for one in protected],
    ).raise_for_failure()
    return snapshot


def _guarded(resource: Mapping[str, Any]) -> bool:
    """Whether a destroy would be refused, or would keep a snapshot."""
    inputs = resource.get("inputs") or {}
    return (
        inputs.get("deletionProtection") is True
        or inputs.get("enableDeletionProtection") is True
        or inputs.get("skipFinalSnapshot") is False
    )


def _opened(spec: DeploymentSpec, resources: list[dict[str, Any]]) -> DeploymentSpec:
    """The spec without protection, with the image that the stack says it runs."""
    stack = next((one for one in resources if one.get("type") == "pulumi:pulumi:Stack"), {})
    image = (stack.get("outputs") or {}).get("image")
    known = spec.model_copy(update={"image": image}) if isinstance(image, str) else spec
    return _pinned(known, UNKNOWN_DIGEST).model_copy(update={"deletion_protection": False})


def _renew_secrets(
    spec: DeploymentSpec, outputs: Mapping[str, object], session: Session, work: Work
) -> tuple[str, ...]:
    """Tasks read secrets when they start: a later value of what others change needs new tasks."""
    names, cluster = names_of(spec), AccountNames(spec.installation).cluster
    roles = ("api", "queue") if spec.size == "production" else ("api",)
    restarted = []
    for service in map(names.service, roles):
        place = {"cluster": cluster, "service": service}
        newer = list(_newer_platform_secrets(outputs, session, place))
        if not external(spec) and databases.password_is_newer(session, names.database, **place):
            newer.append("the database's password")
        if newer:
            work.report(f"Newer than tasks of {service}, which start anew: {', '.join(newer)}")
            services.force_new_deployment(session, cluster, service)
            restarted.append(service)
    return tuple(restarted)


def _newer_platform_secrets(
    outputs: Mapping[str, object], session: Session, place: Mapping[str, str]
) -> Iterator[str]:
    told = outputs.get("platform_secrets")
    known = {str(arn): name for name, arn in told.items()} if isinstance(told, dict) else {}
    for arn in secrets.newer_than_tasks(session, known, **place):
        yield known[arn]


def _await_truth(outputs: Mapping[str, object], session: Session, work: Work) -> None:
    work.report("Waiting until every task is healthy")
    health.wait_until_true(
        session,
        _wanted(outputs),
        deadline_s=work.health_deadline_s,
        on_progress=lambda words: work.report(f"  {words}"),
        sleep=work.overseer.pause,
        log_lines=work.overseer.log_lines,
    )


def _wanted(outputs: Mapping[str, object]) -> health.Wanted:
    api = health.ServiceWanted(
        name=str(outputs["service"]),
        task_definition=str(outputs["task_definition_arn"]),
        target_group=str(outputs["target_group_arn"]),
    )
    # An output of an earlier version of the stack has no queue service.
    others = [
        health.ServiceWanted(
            name=str(outputs[f"{role}_service"]),
            task_definition=str(outputs[f"{role}_task_definition_arn"]),
        )
        for role in ("queue", "cache")
        if outputs.get(f"{role}_service")
    ]
    return health.Wanted(cluster=str(outputs["cluster"]), services=(api, *others))
