"""A whole request, judged by all policies that have a say, in AWS's order."""

import json
from typing import Any

import pytest

from byoc_infra.local.authorizer.callers import Caller, service_caller
from byoc_infra.local.authorizer.documents import named_policy
from byoc_infra.local.authorizer.judgement import Judgement, PolicySets, allows, judge
from byoc_infra.local.authorizer.policies import request_of
from tests.local.authorizer.harness import allow, deny, policy

HERE, THERE = "222222222222", "111111111111"
ROLE = f"arn:aws:iam::{HERE}:role/app/Worker"
SESSION = f"arn:aws:sts::{HERE}:assumed-role/Worker/run-1"
USER = f"arn:aws:iam::{HERE}:user/ann"
ROOT = f"arn:aws:iam::{HERE}:root"
READ, SECRET = "secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:eu-west-1:{HERE}:secret:s"
KEY = f"arn:aws:kms:eu-west-1:{HERE}:key/1"
TARGET = f"arn:aws:iam::{HERE}:role/Target"
Statements = list[dict[str, Any]]


def judged(
    action: str = READ,
    on: str = SECRET,
    *,
    by: str = SESSION,
    identity: Statements | None = None,
    boundary: Statements | None = None,
    session: Statements | None = None,
    resource: Statements | None = None,
) -> Judgement:
    """What comes out for a session or user of this account."""

    def policies(name: str, said: Statements | None) -> Any:
        return None if said is None else (named_policy(name, policy(*said)),)

    carried = policies("carried", resource)
    return judge(
        request_of(action, on, {}),
        Caller(
            account=by.split(":")[4],
            itself=by,
            role=ROLE if by == SESSION else None,
            bounded=boundary is not None,
        ),
        PolicySets(
            identity=policies("own", identity or []),
            boundary=policies("boundary", boundary),
            session=policies("session", session),
            resource=carried[0] if carried else None,
        ),
    )


def to(principal: Any, *actions: str, effect: str = "Allow", key: str = "Principal") -> Any:
    """A statement of a resource's policy."""
    return {"Effect": effect, "Action": list(actions or [READ]), "Resource": "*", key: principal}


ALL, NONE = [allow("*")], [allow("s3:*")]
AWS_ROLE, AWS_SESSION = {"AWS": ROLE}, {"AWS": SESSION}


def test_each_of_the_callers_policies_must_allow() -> None:
    """Identity, boundary and session are cut with each other, and the one to blame is named."""
    assert judged(identity=ALL, boundary=ALL, session=ALL).allowed
    assert judged(identity=NONE, boundary=ALL, session=ALL).refused_by == "identity"
    assert judged(identity=ALL, boundary=NONE, session=ALL).refused_by == "boundary"
    assert judged(identity=ALL, boundary=ALL, session=NONE).refused_by == "session"


@pytest.mark.parametrize("kind", ["identity", "boundary", "session", "resource"])
def test_a_deny_anywhere_ends_it(kind: str) -> None:
    """Whatever else allows the request."""
    sets: dict[str, Any] = {
        "identity": ALL,
        "boundary": ALL,
        "session": ALL,
        "resource": [to("*")],
    }
    ban = to("*", effect="Deny") if kind == "resource" else deny(READ)
    found = judged(**{**sets, kind: [*sets[kind], ban]})

    assert judged(**sets).allowed
    assert found.refused_by == kind
    assert found.verdicts[kind].explicit


@pytest.mark.parametrize(
    ("principal", "identity", "boundary", "session"),
    [
        ("*", True, True, True),
        (AWS_SESSION, True, True, True),
        (AWS_ROLE, True, False, False),
        ({"AWS": ROOT}, False, False, False),
        ({"AWS": HERE}, False, False, False),
        ({"AWS": f"arn:aws:iam::{HERE}:role/*"}, False, False, False),
        ({"Service": "ecs-tasks.amazonaws.com"}, False, False, False),
    ],
)
def test_what_a_resources_policy_is_enough_for(
    principal: Any,
    identity: bool,  # noqa: FBT001
    boundary: bool,  # noqa: FBT001
    session: bool,  # noqa: FBT001
) -> None:
    """In its own account: without identity policy, outside the boundary, outside the session."""
    carried = [to(principal)]

    assert judged(resource=carried).allowed is identity
    assert judged(identity=ALL, boundary=NONE, resource=carried).allowed is boundary
    assert judged(identity=ALL, session=NONE, resource=carried).allowed is session


def test_a_user_is_named_directly() -> None:
    """Neither an identity policy nor the boundary limits what names the user."""
    carried = [to({"AWS": USER})]

    assert judged(by=USER, boundary=NONE, resource=carried).allowed
    assert not judged(by=USER.replace("ann", "bob"), boundary=NONE, resource=carried).allowed


def test_between_accounts_both_sides_must_allow() -> None:
    """A resource of another account needs its policy and the caller's."""
    there = SECRET.replace(HERE, THERE)

    assert judged(on=there, identity=ALL, resource=[to(AWS_ROLE)]).allowed
    assert judged(on=there, identity=ALL, resource=[to({"AWS": ROOT})]).allowed
    assert judged(on=there, identity=ALL).refused_by == "resource"
    assert judged(on=there, resource=[to("*")]).refused_by == "identity"
    assert judged(on=there, identity=ALL, boundary=NONE, resource=[to("*")]).refused_by == (
        "boundary"
    )


def test_a_keys_policy_decides_alone() -> None:
    """Only where it names the account do the account's own policies count."""
    use = "kms:Decrypt"

    assert judged(use, KEY, identity=ALL, resource=[to({"AWS": ROOT}, "kms:*")]).allowed
    assert judged(use, KEY, resource=[to({"AWS": ROOT}, "kms:*")]).refused_by == "identity"
    assert judged(use, KEY, identity=ALL, resource=[]).refused_by == "resource"
    assert judged(use, KEY, resource=[to(AWS_ROLE, use)]).allowed


def test_a_role_of_ones_own_account_trusts_by_name_or_by_account() -> None:
    """By name its trust is enough; by account the caller's own policies decide."""
    become = "sts:AssumeRole"

    assert judged(become, TARGET, resource=[to({"AWS": ROLE}, become)]).allowed
    assert judged(become, TARGET, identity=ALL, resource=[to({"AWS": ROOT}, become)]).allowed
    assert judged(become, TARGET, resource=[to({"AWS": ROOT}, become)]).refused_by == "identity"
    assert judged(become, TARGET, identity=ALL, resource=[]).refused_by == "trust"
    assert judged(become, TARGET, identity=ALL).refused_by == "trust"


@pytest.mark.parametrize(
    ("listed", "allowed"),
    [
        ([ROOT, ROLE, SESSION], True),
        ([ROLE, SESSION], False),
        ([ROOT], False),
        ([USER], False),
    ],
)
def test_a_deny_for_everybody_else_spares_who_is_listed_in_full(
    listed: list[str],
    allowed: bool,  # noqa: FBT001
) -> None:
    """AWS may look at account, role and session one by one, so all three must be listed."""
    others = to({"AWS": listed}, effect="Deny", key="NotPrincipal")

    assert judged(identity=ALL, resource=[others]).allowed is allowed


def test_a_boundary_loses_to_every_deny_with_not_principal() -> None:
    """AWS never spares a principal with a permissions boundary there."""
    others = to({"AWS": [ROOT, ROLE, SESSION]}, effect="Deny", key="NotPrincipal")

    assert not judged(identity=ALL, boundary=ALL, resource=[others]).allowed


def test_an_allow_for_everybody_else_leaves_out_who_is_listed() -> None:
    """Being listed by role, session or account is enough."""
    for name in (ROOT, ROLE, SESSION):
        assert not judged(resource=[to({"AWS": name}, key="NotPrincipal")]).allowed
    assert judged(resource=[to({"AWS": USER}, key="NotPrincipal")]).allowed


def test_a_service_needs_a_policy_that_names_it() -> None:
    """There is no other policy that could allow it."""
    request = request_of("sts:AssumeRole", TARGET, {})
    trust = named_policy("trust", policy(to({"Service": "ecs.amazonaws.com"}, "sts:AssumeRole")))

    assert allows(trust, request, service_caller("ecs.amazonaws.com"))
    assert not allows(trust, request, service_caller("rds.amazonaws.com"))
    assert not allows(None, request, service_caller("ecs.amazonaws.com"))


def test_what_cannot_be_read_denies() -> None:
    """A broken policy counts as one Deny of everything."""
    broken = named_policy("broken", json.dumps({"Statement": {"Effect": "Maybe"}}))
    sets = PolicySets(identity=(broken, named_policy("own", policy(*ALL))))

    found = judge(request_of(READ, SECRET, {}), Caller(account=HERE, itself=USER), sets)

    assert found.refused_by == "identity"
    assert "broken/unreadable" in found.verdicts["identity"].why
