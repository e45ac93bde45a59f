"""The one way in for the control plane: a role in the customer's account.

It trusts exactly one principal, and only with an external id. The customer may judge its
policies before, change the external id at any time, and take the role away.
"""

from __future__ import annotations  # the classes of pulumi_aws load slowly

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import pulumi
import pulumi_aws as aws

from byoc_infra.components._base import Component
from byoc_infra.components._checks import check_one_of, check_pattern, check_unique
from byoc_infra.components._fence import Fence
from byoc_infra.components._least_privilege import least_privilege
from byoc_infra.components._managed import AWS_POLICIES, managed
from byoc_infra.components._policies import Document, access_trust
from byoc_infra.components._task_roles import DEFAULT_ROLES
from byoc_infra.errors import SpecError
from byoc_infra.naming import AccountNames, Place
from byoc_infra.spec import TaskRoleSpec

__all__ = ["CustomerAccess", "CustomerAccessArgs"]

PRINCIPAL = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(role|user)/[\w+=,.@/-]+")
EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{16,1224}")
"""AWS takes 2 to 1224 characters (STS API reference, AssumeRole); under 16 one can be guessed."""
MOST_EXTERNAL_IDS = 2
POLICY_LIMIT = 6144
"""Characters of a managed policy without white space (IAM user guide, quotas)."""
ARN_LENGTH = 120
"""What an ARN that is not known yet is taken for."""
ID_LENGTH = 24
"""Of a subnet or a security group: `subnet-` or `sg-` and 17 hex digits."""
SESSION_S = (3600, 43200)
"""IAM API reference, CreateRole MaxSessionDuration."""


@dataclass(frozen=True, kw_only=True)
class CustomerAccessArgs:
    """What the customer decides about the vendor's access."""

    names: AccountNames
    """Of the installation; all names and tags follow from it."""
    place: Place
    """The account and region whose things the role may touch."""
    vendor_principal_arn: str
    """The one role or user of the vendor that may assume the role; no account root, no `*`."""
    external_ids: Sequence[str]
    """Made by the control plane; one, or two while one is being replaced."""
    namespace_arn: pulumi.Input[str]
    """The Cloud Map namespace in which deployments may register their caches."""
    repositories: Sequence[str]
    """Names of the ECR repositories that the control plane may look into."""
    task_roles: Mapping[str, TaskRoleSpec] = field(default_factory=lambda: DEFAULT_ROLES)
    """By name: the task roles that may be passed to tasks."""
    private_subnet_ids: Sequence[pulumi.Input[str]] = ()
    """Where services may run and internal load balancers be; anywhere if none is named."""
    public_subnet_ids: Sequence[pulumi.Input[str]] = ()
    """Where internet-facing load balancers may be, with `public_ingress`."""
    balancer_group_ids: Sequence[pulumi.Input[str]] = ()
    """The security groups that load balancers may have; any if none is named."""
    public_ingress: bool = False
    """Let the control plane make load balancers that face the internet."""
    permissions: Literal["least_privilege", "managed"] = "least_privilege"
    """Documents of this project, or five policies of AWS and a supplement."""
    permissions_boundary_arn: str | None = None
    """A policy that limits the role, whatever else is attached to it."""
    max_session_s: int = 3600
    """The longest session, in seconds: 3600 to 43200."""

    def __post_init__(self) -> None:
        check_pattern(
            "vendor_principal_arn",
            self.vendor_principal_arn,
            PRINCIPAL,
            wanted="the ARN of exactly one IAM role or user",
            next_step="Ask the vendor for its control plane's ARN.",
        )
        _check_external_ids(self.external_ids)
        check_one_of(
            "permissions",
            self.permissions,
            ("least_privilege", "managed"),
            next_step="least_privilege is the closed one.",
        )
        if not SESSION_S[0] <= self.max_session_s <= SESSION_S[1]:
            raise SpecError(
                "max_session_s",
                wanted=f"{SESSION_S[0]} to {SESSION_S[1]}",
                got=str(self.max_session_s),
                next_step="An hour is enough: credentials are renewed inside long runs.",
            )
        check_unique("repositories", self.repositories)
        self._check_sizes()

    def _check_sizes(self) -> None:
        for surface, found in self._documents(self._as_long(self.fence())).items():
            text = json.dumps(found, separators=(",", ":"), default=lambda _: "x" * ARN_LENGTH)
            if len(text) > POLICY_LIMIT:
                raise SpecError(
                    "repositories",
                    wanted=f"policies of at most {POLICY_LIMIT} characters",
                    got=f"{len(text)} characters in the policy for {surface}",
                    next_step="Name fewer repositories or task roles, or use shorter names.",
                )

    def documents(self) -> dict[str, Document]:
        """The policies that are made for the role, by surface."""
        return self._documents(self.fence())

    def _documents(self, fence: Fence) -> dict[str, Document]:
        return managed(fence) if self.permissions == "managed" else least_privilege(fence)

    def _as_long(self, fence: Fence) -> Fence:
        """The same fence with ids that are not known yet as long as they will be."""
        return replace(
            fence,
            task_subnet_ids=["x" * ID_LENGTH] * len(fence.task_subnet_ids),
            balancer_subnet_ids=["x" * ID_LENGTH] * len(fence.balancer_subnet_ids),
            balancer_group_ids=["x" * ID_LENGTH] * len(fence.balancer_group_ids),
        )

    def fence(self) -> Fence:
        """What the role may reach."""
        return Fence(
            place=self.place,
            names=self.names,
            repositories=self.repositories,
            task_roles=self.task_roles,
            namespace_arn=self.namespace_arn,
            task_subnet_ids=self.private_subnet_ids,
            balancer_subnet_ids=[
                *self.private_subnet_ids,
                *(self.public_subnet_ids if self.public_ingress else ()),
            ],
            balancer_group_ids=self.balancer_group_ids,
            public_ingress=self.public_ingress,
        )


def _check_external_ids(external_ids: Sequence[str]) -> None:
    if not 1 <= len(external_ids) <= MOST_EXTERNAL_IDS:
        raise SpecError(
            "external_ids",
            wanted=f"one external id, or {MOST_EXTERNAL_IDS} while one is being replaced",
            got=str(len(external_ids)),
            next_step="Give the id that the control plane made for this account.",
        )
    check_unique("external_ids", external_ids)
    for external_id in external_ids:
        check_pattern(
            "external_ids",
            external_id,
            EXTERNAL_ID,
            wanted="16 to 1224 letters, digits and characters of +=,.@:/_-",
            next_step="Give the id that the control plane made; do not make one up.",
        )


class CustomerAccess(Component):
    """The cross-account role and its policies."""

    TYPE: ClassVar[str] = "byoc:aws:CustomerAccess"
    PROMISES: ClassVar[tuple[str, ...]] = (
        "exactly_one_principal_is_trusted",
        "nobody_gets_in_without_an_external_id",
        "who_asked_can_be_said",
        "only_named_roles_can_be_passed",
        "secret_values_are_denied",
        "shells_in_containers_are_denied",
        "every_policy_fits_iam",
        "the_boundary_is_on_the_role",
    )

    role_name: pulumi.Output[str]
    """The role's name, fixed for the installation."""
    role_arn: pulumi.Output[str]
    """What the control plane assumes."""

    def __init__(
        self, name: str, args: CustomerAccessArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        role = aws.iam.Role(
            name,
            name=args.names.access_role,
            description="Assumed by the LangGraph control plane to run deployments",
            assume_role_policy=pulumi.Output.json_dumps(
                access_trust(args.vendor_principal_arn, args.external_ids)
            ),
            permissions_boundary=args.permissions_boundary_arn,
            max_session_duration=args.max_session_s,
            tags=args.names.tags(),
            opts=self.child(),
        )
        if args.permissions == "managed":
            for policy in AWS_POLICIES:
                arn = f"arn:{args.place.partition}:iam::aws:policy/{policy}"
                self._attach(f"{name}-{policy}", role, arn)
        for surface, document in args.documents().items():
            self._own_policy(f"{name}-{surface}", args, role, surface, document)
        self.role_name, self.role_arn = role.name, role.arn
        self.register_outputs({"role_name": self.role_name, "role_arn": self.role_arn})

    def _own_policy(
        self,
        name: str,
        args: CustomerAccessArgs,
        role: aws.iam.Role,
        surface: str,
        document: Document,
    ) -> None:
        policy = aws.iam.Policy(
            name,
            name=args.names.access_policy(surface),
            description=f"LangGraph control plane: {surface}",
            policy=pulumi.Output.json_dumps(document),
            tags=args.names.tags(),
            opts=self.child(),
        )
        self._attach(name, role, policy.arn)

    def _attach(self, name: str, role: aws.iam.Role, policy_arn: pulumi.Input[str]) -> None:
        aws.iam.RolePolicyAttachment(name, role=role.name, policy_arn=policy_arn, opts=self.child())
