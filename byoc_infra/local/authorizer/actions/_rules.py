"""The words in which the tables of this package are written.

A row says, for one operation, which questions it puts to the caller's policies. One question is
one IAM action on one resource with the condition keys that AWS has for it. An operation that acts
on several resources (a subnet *in* a VPC) asks once for each, and each must be allowed: request
tags are seen with the resource that is being made, resource tags with the ones that exist.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from byoc_infra.local.authorizer.actions._keys import Keys, Values, fixed, produce
from byoc_infra.local.authorizer.policies import Context
from byoc_infra.local.authorizer.state import has_service_linked_role, pairs
from byoc_infra.local.wire import Call

__all__ = [
    "EVERYTHING",
    "Check",
    "Resources",
    "Row",
    "Rule",
    "Table",
    "asked_tags",
    "at",
    "creates_service_role",
    "given",
    "needs",
    "passes_role",
    "reads",
    "removed_tags",
    "values",
]

Resources = Callable[[Call], Iterable[str]]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One question: whether the caller may do `action` on `resource`."""

    action: str
    resource: str
    context: Context


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A question as a table has it, before the call fills it in."""

    action: str
    resources: Resources
    keys: Keys
    tagged: bool
    """Seen with the tags that the request carries."""
    when: Callable[[Call], bool]
    forwarded: bool
    """Asked by another AWS service that acts for the caller (`aws:ViaAWSService`)."""

    def context(self, call: Call) -> dict[str, Values]:
        """The keys that one call has for this question."""
        tags = asked_tags(call) if self.tagged else {}
        found: dict[str, Values] = {
            f"{prefix}{key}": value for prefix in self._prefixes for key, value in tags.items()
        }
        return {
            **found,
            **({"aws:TagKeys": tuple(tags)} if tags else {}),
            **produce(self.keys, call),
        }

    @property
    def produces(self) -> frozenset[str]:
        """The keys that some call may have; one that ends in `/` is followed by a tag."""
        tags = {*self._prefixes, "aws:TagKeys"} if self.tagged else set()
        return frozenset({*tags, *self.keys})

    @property
    def _prefixes(self) -> tuple[str, ...]:
        own = ("rds:req-tag/",) if self.action.startswith("rds:") else ()
        return ("aws:RequestTag/", *own)


Row = tuple[Rule, ...]
Table = Mapping[str, Row]


def EVERYTHING(_call: Call) -> tuple[str, ...]:  # noqa: N802 - reads as a constant in the tables
    """The resource of an action for which IAM knows no resource."""
    return ("*",)


def _always(_call: Call) -> bool:
    return True


def needs(
    action: str,
    resources: Resources = EVERYTHING,
    *,
    tagged: bool = False,
    keys: Keys | None = None,
    when: Callable[[Call], bool] = _always,
    forwarded: bool = False,
) -> Rule:
    """Ask for `action`; `tagged`: with the request's tags; `keys`: further condition keys."""
    through = _THROUGH_KMS if action.startswith("kms:") and forwarded else {}
    return Rule(
        action=action,
        resources=resources,
        keys={**through, **(keys or {})},
        tagged=tagged,
        when=when,
        forwarded=forwarded,
    )


_THROUGH_KMS: Keys = {
    "kms:CallerAccount": lambda call: call.account_id,
    "kms:ViaService": lambda call: f"{call.service}.{call.region}.amazonaws.com",
}


def reads(prefix: str, operations: str) -> dict[str, Row]:
    """Rows for operations whose action has the operation's name and knows no resource."""
    return {name: (needs(f"{prefix}:{name}"),) for name in operations.split()}


def at(service: str, pattern: str) -> Resources:
    """An ARN in the caller's account and region; `{Name}` is a parameter, `*` where it is absent.

    A parameter that holds an ARN already is taken as it is when it is all of the pattern's end.
    """

    def resources(call: Call) -> tuple[str, ...]:
        whole = pattern.partition("{")[2].removesuffix("}")
        value = call.params.get(whole)
        if pattern.endswith("{" + whole + "}") and str(value).startswith("arn:"):
            return (str(value),)
        filled = pattern.format_map(_Params(call.params))
        region = "" if service == "iam" else call.region
        return (f"arn:aws:{service}:{region}:{call.account_id}:{filled}",)

    return resources


class _Params(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "*"


def given(name: str) -> Callable[[Call], bool]:
    """Whether a parameter was given and is not empty or false."""
    return lambda call: bool(call.params.get(name))


def values(name: str, *, absent: str | None = None) -> Resources:
    """A parameter's value or values, which are ARNs themselves."""

    def resources(call: Call) -> tuple[str, ...]:
        value = call.params.get(name)
        if not value:
            return (absent,) if absent else ()
        return tuple(value) if isinstance(value, list) else (str(value),)

    return resources


def asked_tags(call: Call) -> dict[str, str]:
    """The tags that the request itself carries."""
    if "TagSpecifications" in call.params:
        specs = call.params["TagSpecifications"]
        return {key: value for spec in specs for key, value in pairs(spec.get("Tags", [])).items()}
    return pairs(call.params.get("Tags") or call.params.get("tags") or [])


def removed_tags(call: Call) -> Values | None:
    """The keys of tags that the request takes off: what `aws:TagKeys` is there."""
    for name in ("TagKeys", "tagKeys", "Tags", "tags"):
        listed = call.params.get(name)
        if listed:
            return tuple(str(item["Key"] if isinstance(item, Mapping) else item) for item in listed)
    return None


def passes_role(service: str, *parameters: str) -> tuple[Rule, ...]:
    """`iam:PassRole` for each role that is handed to `service`."""

    def roles(name: str) -> Resources:
        def resources(call: Call) -> tuple[str, ...]:
            role = str(call.params[name])
            named = f"arn:aws:iam::{call.account_id}:role/{role}"
            return (role if role.startswith("arn:") else named,)

        return resources

    return tuple(
        needs(
            "iam:PassRole",
            roles(name),
            keys={"iam:PassedToService": fixed(service)},
            when=given(name),
        )
        for name in parameters
    )


def creates_service_role(service: str, role: str) -> Rule:
    """`iam:CreateServiceLinkedRole`, which AWS asks for while the account lacks the role."""
    return needs(
        "iam:CreateServiceLinkedRole",
        at("iam", f"role/aws-service-role/{service}/{role}"),
        keys={"iam:AWSServiceName": fixed(service)},
        when=lambda call: not has_service_linked_role(call.account_id, service),
        forwarded=True,
    )
