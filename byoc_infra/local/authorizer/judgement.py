"""One question, judged by all the policies that have a say, in AWS's order; pure.

An explicit Deny anywhere ends it. In one account the resource's policy or the caller's own may
allow; what names the user or session itself is not limited further, everything else must also be
within the permissions boundary and the session's policies. Between accounts both sides must
allow. A role's trust policy and a key's policy decide alone: they hand over to the account's own
policies only where they name it. Source: IAM User Guide, "Policy evaluation logic"; KMS Developer
Guide, "Key policies". Service control policies are not modelled.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from byoc_infra.local.authorizer.callers import Caller, Meant, meant_by
from byoc_infra.local.authorizer.documents import Policy, Statement
from byoc_infra.local.authorizer.policies import Request, Verdict, decide

__all__ = ["Judgement", "PolicySets", "account_of", "allows", "judge", "resource_kind"]


@dataclass(frozen=True, kw_only=True)
class PolicySets:
    """The policies that have a say about one caller and one resource."""

    identity: tuple[Policy, ...]
    """The user's with its groups', or the role's."""
    boundary: tuple[Policy, ...] | None = None
    """None where there is no permissions boundary."""
    session: tuple[Policy, ...] | None = None
    """None where the session has no policies of its own."""
    resource: Policy | None = None
    """The resource's own: a secret's, a key's, a role's trust."""

    def by_kind(self, resource_kind: str) -> dict[str, tuple[Policy, ...]]:
        """The sets that are there, under the names that verdicts have."""
        resource = None if self.resource is None else (self.resource,)
        found = {
            "identity": self.identity,
            "boundary": self.boundary,
            "session": self.session,
            resource_kind: resource,
        }
        return {kind: policies for kind, policies in found.items() if policies is not None}


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What came out, and which policy sets said what."""

    allowed: bool
    verdicts: Mapping[str, Verdict]
    """By `identity`, `boundary`, `session` and `resource` or `trust`: of an allowed request, those
    that allowed it; of a refused one, all."""
    refused_by: str | None = None
    """The set that a refusal is blamed on."""


def account_of(arn: str, default: str) -> str:
    """The account that owns a resource; the caller's where its ARN has none."""
    parts = arn.split(":", 5)
    owner = parts[4] if len(parts) == 6 else ""
    return owner if owner.isdigit() else default


def judge(request: Request, caller: Caller, sets: PolicySets) -> Judgement:
    """Whether a request is allowed."""
    kind = resource_kind(request.action)
    limits = {"boundary": sets.boundary, "session": sets.session}
    asked = {name: policies for name, policies in limits.items() if policies is not None}
    verdicts = {
        "identity": _of(sets.identity, request),
        **{name: _of(policies, request) for name, policies in asked.items()},
    }
    meant, verdicts[kind] = _of_resource(sets.resource, request, caller)
    route = _route(request, caller, sets, meant)
    needed = [kind if name == "resource" else name for name in route]
    needed += [] if meant is Meant.ITSELF and route == ("resource",) else asked
    explicit = next((name for name, verdict in verdicts.items() if verdict.explicit), None)
    refused_by = explicit or next((name for name in needed if not verdicts[name].allowed), None)
    if refused_by is None:
        return Judgement(allowed=True, verdicts={name: verdicts[name] for name in needed})
    silent = kind not in needed and not verdicts[kind].explicit
    told = {name: said for name, said in verdicts.items() if not (silent and name == kind)}
    return Judgement(allowed=False, verdicts=told, refused_by=refused_by)


def allows(policy: Policy | None, request: Request, caller: Caller) -> bool:
    """Whether a resource's policy alone allows a caller, as it must for an AWS service."""
    return _of_resource(policy, request, caller)[1].allowed


def resource_kind(action: str) -> str:
    """What the policy of the resource is called: a role's is the one that trusts."""
    return "trust" if action.startswith("sts:") else "resource"


def _route(request: Request, caller: Caller, sets: PolicySets, meant: Meant) -> tuple[str, ...]:
    """Which of the caller's and the resource's policies must allow, before what limits them."""
    if account_of(request.resource, caller.account) != caller.account:
        return ("identity", "resource")
    if meant in {Meant.ITSELF, Meant.ROLE}:
        return ("resource",)
    service = request.action.partition(":")[0]
    if service == "sts" or (service == "kms" and sets.resource is not None):
        return ("resource", "identity") if meant is Meant.ACCOUNT else ("resource",)
    return ("identity",)


def _of(policies: Iterable[Policy], request: Request) -> Verdict:
    about = (item for policy in policies for item in policy.about(request.action))
    return decide(about, request)


def _of_resource(policy: Policy | None, request: Request, caller: Caller) -> tuple[Meant, Verdict]:
    """How closely the resource's policy allows a caller, and its verdict."""
    if policy is None:
        return Meant.NOT, Verdict(allowed=False, why="the resource has no policy, or is not there")
    meant: dict[Meant, list[Statement]] = {level: [] for level in Meant}
    denies: list[Statement] = []
    for statement in policy.about(request.action):
        level, doubt = meant_by(statement, caller)
        if statement.allows:
            meant[level].append(statement)
        elif level is not Meant.NOT:
            strange = (*statement.strange, *([doubt] if doubt else ()))
            denies.append(replace(statement, strange=strange))
    verdict = decide(denies, request)
    if verdict.explicit:
        return Meant.NOT, verdict
    for level in (Meant.ITSELF, Meant.ROLE, Meant.ACCOUNT):
        verdict = decide(meant[level], request)
        if verdict.allowed:
            return level, verdict
    everyone = [*meant[Meant.ITSELF], *meant[Meant.ROLE], *meant[Meant.ACCOUNT]]
    if not everyone:
        return Meant.NOT, Verdict(allowed=False, why=f"{policy.name} names another principal")
    return Meant.NOT, decide(everyone, request)
