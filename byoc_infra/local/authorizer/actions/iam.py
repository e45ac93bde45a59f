"""IAM: what each operation on roles, policies and users asks."""

from byoc_infra.local.authorizer.actions._keys import Keys, Values, said
from byoc_infra.local.authorizer.actions._rules import (
    Resources,
    Row,
    Rule,
    asked_tags,
    at,
    needs,
    reads,
    removed_tags,
    values,
)
from byoc_infra.local.authorizer.state import role_arn, role_boundary
from byoc_infra.local.wire import Call

__all__ = ["ROWS"]


def _role(call: Call) -> tuple[str, ...]:
    return (role_arn(call.account_id, str(call.params.get("RoleName", "*"))),)


def _new(kind: str, parameter: str) -> Resources:
    """What is about to be made, with the path that the request gives it."""

    def resources(call: Call) -> tuple[str, ...]:
        path = str(call.params.get("Path") or "/")
        return (f"arn:aws:iam::{call.account_id}:{kind}{path}{call.params.get(parameter, '*')}",)

    return resources


def _user(call: Call) -> tuple[str, ...]:
    """The named user; without a name it is the caller, as for AWS."""
    name = call.params.get("UserName")
    return (f"arn:aws:iam::{call.account_id}:user/{name}" if name else call.principal.arn,)


def _linked_role(call: Call) -> tuple[str, ...]:
    service = call.params.get("AWSServiceName", "*")
    return (f"arn:aws:iam::{call.account_id}:role/aws-service-role/{service}/*",)


def _deletion_task(call: Call) -> tuple[str, ...]:
    """A task id is `task/aws-service-role/<service>/<role>/<id>`."""
    parts = str(call.params.get("DeletionTaskId", "")).split("/")
    path = "/".join(parts[1:4]) if len(parts) > 4 else "*"
    return (f"arn:aws:iam::{call.account_id}:role/{path}",)


def _boundary(call: Call) -> Values | None:
    """The boundary that the role has."""
    return role_boundary(call.account_id, str(call.params.get("RoleName", "")))


_BOUND: Keys = {"iam:PermissionsBoundary": _boundary}
_GIVEN_BOUNDARY: Keys = {"iam:PermissionsBoundary": said("PermissionsBoundary")}
_POLICY: Keys = {"iam:PolicyARN": said("PolicyArn")}


def _each(resources: Resources, operations: str, keys: Keys | None = None) -> dict[str, Row]:
    return {name: (needs(f"iam:{name}", resources, keys=keys),) for name in operations.split()}


def _makes(operation: str, resources: Resources, tagging: str, keys: Keys | None = None) -> Row:
    tags: Rule = needs(
        f"iam:{tagging}", resources, tagged=True, when=lambda call: bool(asked_tags(call))
    )
    return (needs(f"iam:{operation}", resources, tagged=True, keys=keys), tags)


ROWS: dict[str, Row] = {
    "CreateRole": _makes("CreateRole", _new("role", "RoleName"), "TagRole", _GIVEN_BOUNDARY),
    "TagRole": (needs("iam:TagRole", _role, tagged=True),),
    **_each(
        _role,
        "GetRole UpdateRole UpdateRoleDescription UpdateAssumeRolePolicy DeleteRole "
        "ListRoleTags ListRolePolicies ListAttachedRolePolicies ListInstanceProfilesForRole "
        "GetRolePolicy DeleteServiceLinkedRole",
    ),
    **_each(_role, "UntagRole", {"aws:TagKeys": removed_tags}),
    **_each(_role, "PutRolePolicy DeleteRolePolicy DeleteRolePermissionsBoundary", _BOUND),
    **_each(_role, "PutRolePermissionsBoundary", _GIVEN_BOUNDARY),
    **_each(_role, "AttachRolePolicy DetachRolePolicy", {**_BOUND, **_POLICY}),
    "CreateServiceLinkedRole": (
        needs(
            "iam:CreateServiceLinkedRole",
            _linked_role,
            keys={"iam:AWSServiceName": said("AWSServiceName")},
        ),
    ),
    "GetServiceLinkedRoleDeletionStatus": (
        needs("iam:GetServiceLinkedRoleDeletionStatus", _deletion_task),
    ),
    "CreatePolicy": _makes("CreatePolicy", _new("policy", "PolicyName"), "TagPolicy"),
    "TagPolicy": (needs("iam:TagPolicy", values("PolicyArn"), tagged=True),),
    **_each(
        values("PolicyArn", absent="*"),
        "GetPolicy GetPolicyVersion ListPolicyVersions CreatePolicyVersion DeletePolicyVersion "
        "SetDefaultPolicyVersion DeletePolicy ListPolicyTags ListEntitiesForPolicy",
    ),
    **_each(values("PolicyArn"), "UntagPolicy", {"aws:TagKeys": removed_tags}),
    "CreateUser": _makes("CreateUser", _new("user", "UserName"), "TagUser", _GIVEN_BOUNDARY),
    **_each(
        _user,
        "GetUser DeleteUser CreateAccessKey UpdateAccessKey DeleteAccessKey ListAccessKeys "
        "PutUserPolicy GetUserPolicy DeleteUserPolicy ListUserPolicies ListAttachedUserPolicies "
        "AttachUserPolicy DetachUserPolicy ListGroupsForUser ListUserTags "
        "PutUserPermissionsBoundary DeleteUserPermissionsBoundary",
    ),
    "GetInstanceProfile": (
        needs("iam:GetInstanceProfile", at("iam", "instance-profile/{InstanceProfileName}")),
    ),
    **reads(
        "iam",
        "GetAccountSummary ListAccountAliases ListGroups ListInstanceProfiles "
        "ListOpenIDConnectProviders ListPolicies ListRoles ListSAMLProviders "
        "ListServerCertificates ListUsers",
    ),
}
