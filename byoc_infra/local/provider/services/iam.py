"""Roles, policies and what ties them together."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from byoc_infra.local.provider.aws import Client, ProviderError, error_code
from byoc_infra.local.provider.properties import Json, Props
from byoc_infra.local.provider.resource import Resource, params, tag_list, tag_map, unique

__all__ = ["Policy", "Role", "RolePolicy", "RolePolicyAttachment", "ServiceLinkedRole"]


def _text(document: Json) -> str | None:
    """boto3 gives documents decoded."""
    return document if isinstance(document, str) or document is None else json.dumps(document)


class _Iam(Resource):
    gone = ("NoSuchEntity", "NoSuchEntityException")

    @property
    def iam(self) -> Client:
        """The IAM client."""
        return self.aws.client("iam")


class Role(_Iam):
    """`aws:iam/role:Role`; iam: resourceRoleCreate, …Read, …Update, deleteRole."""

    type_name = "aws:iam/role:Role"
    title = "IAM Role"

    def make(self, new: Props) -> str:
        """CreateRole, with tags."""
        name = new.get("name") or unique(new["namePrefix"])
        self.iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=new["assumeRolePolicy"],
            Tags=tag_list(new.get("tagsAll")),
            **params(new, "path", "description", "maxSessionDuration", "permissionsBoundary"),
        )
        return str(name)

    def settle(self, resource_id: str, new: Props) -> None:
        """The inline policies and attachments that the role itself was given."""
        for policy in new.get("inlinePolicies") or []:
            if policy.get("name"):
                self._put(resource_id, policy)
        for arn in new.get("managedPolicyArns") or []:
            self.iam.attach_role_policy(RoleName=resource_id, PolicyArn=arn)

    def _put(self, role: str, policy: Props) -> None:
        self.iam.put_role_policy(
            RoleName=role, PolicyName=policy["name"], PolicyDocument=policy["policy"]
        )

    def look(self, resource_id: str, state: Props) -> Props | None:
        """GetRole, then every inline policy and attachment."""
        role = self.iam.get_role(RoleName=resource_id)["Role"]
        return {
            "arn": role["Arn"],
            "name": role["RoleName"],
            "assumeRolePolicy": _text(role.get("AssumeRolePolicyDocument")),
            "createDate": role["CreateDate"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            "description": role.get("Description") or None,
            "maxSessionDuration": role.get("MaxSessionDuration", 3600),
            "path": role["Path"],
            "permissionsBoundary": (role.get("PermissionsBoundary") or {}).get(
                "PermissionsBoundaryArn"
            ),
            "uniqueId": role["RoleId"],
            "inlinePolicies": self._inline(resource_id),
            "managedPolicyArns": self._attached(resource_id),
            "tags": tag_map(role.get("Tags")),
        }

    def _inline(self, role: str) -> list[Props]:
        names = self.iam.list_role_policies(RoleName=role)["PolicyNames"]
        answers = [self.iam.get_role_policy(RoleName=role, PolicyName=name) for name in names]
        return [
            {"name": answer["PolicyName"], "policy": _text(answer["PolicyDocument"])}
            for answer in answers
        ]

    def _attached(self, role: str) -> list[str]:
        answer = self.iam.list_attached_role_policies(RoleName=role)
        return [policy["PolicyArn"] for policy in answer["AttachedPolicies"]]

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """One call for each thing that changed."""
        name = {"RoleName": resource_id}
        if "assumeRolePolicy" in changed:
            self.iam.update_assume_role_policy(**name, PolicyDocument=new["assumeRolePolicy"])
        if "description" in changed:
            self.iam.update_role_description(**name, Description=new.get("description", ""))
        if "maxSessionDuration" in changed:
            self.iam.update_role(**name, MaxSessionDuration=new["maxSessionDuration"])
        if "permissionsBoundary" in changed:
            self._bound(resource_id, new.get("permissionsBoundary"))
        self._change_policies(resource_id, old, new, changed)
        return None

    def _bound(self, role: str, arn: str | None) -> None:
        if arn:
            self.iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=arn)
        else:
            self.iam.delete_role_permissions_boundary(RoleName=role)

    def _change_policies(self, role: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        if "inlinePolicies" in changed:
            kept = {policy.get("name") for policy in new.get("inlinePolicies") or []}
            for policy in old.get("inlinePolicies") or []:
                if policy["name"] not in kept:
                    self.iam.delete_role_policy(RoleName=role, PolicyName=policy["name"])
            for policy in new.get("inlinePolicies") or []:
                self._put(role, policy)
        if "managedPolicyArns" in changed:
            before = set(old.get("managedPolicyArns") or [])
            after = set(new.get("managedPolicyArns") or [])
            for arn in sorted(before - after):
                self.iam.detach_role_policy(RoleName=role, PolicyArn=arn)
            for arn in sorted(after - before):
                self.iam.attach_role_policy(RoleName=role, PolicyArn=arn)

    def remove(self, resource_id: str, state: Props) -> None:
        """Take it out of instance profiles, drop what it holds, DeleteRole."""
        self.iam.list_instance_profiles_for_role(RoleName=resource_id)
        forced = state.get("forceDetachPolicies")
        if forced or state.get("managedPolicyArns"):
            for arn in self._attached(resource_id):
                self.iam.detach_role_policy(RoleName=resource_id, PolicyArn=arn)
        if forced or state.get("inlinePolicies"):
            for name in self.iam.list_role_policies(RoleName=resource_id)["PolicyNames"]:
                self.iam.delete_role_policy(RoleName=resource_id, PolicyName=name)
        self.aws.retry(
            f"deleting IAM Role ({resource_id})",
            lambda: self.iam.delete_role(RoleName=resource_id),
            *("DeleteConflict", "DeleteConflictException"),
            timeout_s=10,
        )

    def tag(self, resource_id: str, state: Props, tags: Mapping[str, str]) -> None:
        """TagRole."""
        self.iam.tag_role(RoleName=resource_id, Tags=tag_list(tags))

    def untag(self, resource_id: str, state: Props, keys: Sequence[str]) -> None:
        """UntagRole."""
        self.iam.untag_role(RoleName=resource_id, TagKeys=list(keys))


class Policy(_Iam):
    """`aws:iam/policy:Policy`; iam: resourcePolicyRead, …Update, policyPruneVersions, …Delete."""

    type_name = "aws:iam/policy:Policy"
    title = "IAM Policy"
    unmodelled = ("delayAfterPolicyCreationInMs",)

    def make(self, new: Props) -> str:
        """CreatePolicy, with tags."""
        answer = self.iam.create_policy(
            PolicyName=new.get("name") or unique(new["namePrefix"]),
            PolicyDocument=new["policy"],
            Tags=tag_list(new.get("tagsAll")),
            **params(new, "path", "description"),
        )
        arn: str = answer["Policy"]["Arn"]
        return arn

    def look(self, resource_id: str, state: Props) -> Props | None:
        """GetPolicy and its default version."""
        policy = self.iam.get_policy(PolicyArn=resource_id)["Policy"]
        version = self.iam.get_policy_version(
            PolicyArn=resource_id, VersionId=policy["DefaultVersionId"]
        )["PolicyVersion"]
        return {
            "arn": policy["Arn"],
            "attachmentCount": policy.get("AttachmentCount"),
            "description": policy.get("Description") or None,
            "name": policy["PolicyName"],
            "path": policy["Path"],
            "policyId": policy["PolicyId"],
            "policy": _text(version["Document"]),
            "tags": tag_map(policy.get("Tags")),
        }

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """A new default version; the oldest goes when five are there."""
        versions = self._versions(resource_id)
        if len(versions) >= 5:
            oldest = min(
                (v for v in versions if not v["IsDefaultVersion"]), key=lambda v: v["CreateDate"]
            )
            self._delete_version(resource_id, oldest)
        self.iam.create_policy_version(
            PolicyArn=resource_id, PolicyDocument=new["policy"], SetAsDefault=True
        )
        return None

    def _versions(self, arn: str) -> list[dict[str, Any]]:
        versions: list[dict[str, Any]] = self.iam.list_policy_versions(PolicyArn=arn)["Versions"]
        return versions

    def _delete_version(self, arn: str, version: dict[str, Any]) -> None:
        self.iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])

    def remove(self, resource_id: str, state: Props) -> None:
        """The other versions first, then the policy."""
        for version in self._versions(resource_id):
            if not version["IsDefaultVersion"]:
                self._delete_version(resource_id, version)
        self.iam.delete_policy(PolicyArn=resource_id)

    def tag(self, resource_id: str, state: Props, tags: Mapping[str, str]) -> None:
        """TagPolicy."""
        self.iam.tag_policy(PolicyArn=resource_id, Tags=tag_list(tags))

    def untag(self, resource_id: str, state: Props, keys: Sequence[str]) -> None:
        """UntagPolicy."""
        self.iam.untag_policy(PolicyArn=resource_id, TagKeys=list(keys))


class RolePolicy(_Iam):
    """`aws:iam/rolePolicy:RolePolicy`; iam: resourceRolePolicyPut, …Delete."""

    type_name = "aws:iam/rolePolicy:RolePolicy"
    title = "IAM Role Policy"

    def make(self, new: Props) -> str:
        """PutRolePolicy."""
        name = new.get("name") or unique(new["namePrefix"])
        self.iam.put_role_policy(
            RoleName=new["role"], PolicyName=name, PolicyDocument=new["policy"]
        )
        return f"{new['role']}:{name}"

    def look(self, resource_id: str, state: Props) -> Props | None:
        """GetRolePolicy."""
        role, _, name = resource_id.partition(":")
        answer = self.iam.get_role_policy(RoleName=role, PolicyName=name)
        return {"role": role, "name": name, "policy": _text(answer["PolicyDocument"])}

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """PutRolePolicy again."""
        role, _, name = resource_id.partition(":")
        self.iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=new["policy"])
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """DeleteRolePolicy."""
        role, _, name = resource_id.partition(":")
        self.iam.delete_role_policy(RoleName=role, PolicyName=name)


class RolePolicyAttachment(_Iam):
    """`aws:iam/rolePolicyAttachment:RolePolicyAttachment`; iam: attachPolicyToRole."""

    type_name = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    title = "IAM Role Policy Attachment"

    def label(self, inputs: Props) -> str:
        """What to what."""
        return f" ({inputs.get('policyArn')} to {inputs.get('role')})"

    def make(self, new: Props) -> str:
        """AttachRolePolicy."""
        self.iam.attach_role_policy(RoleName=new["role"], PolicyArn=new["policyArn"])
        return f"{new['role']}/{new['policyArn']}"

    def look(self, resource_id: str, state: Props) -> Props | None:
        """ListAttachedRolePolicies."""
        role, _, arn = resource_id.partition("/")
        answer = self.iam.list_attached_role_policies(RoleName=role)
        attached = [policy["PolicyArn"] for policy in answer["AttachedPolicies"]]
        return {"role": role, "policyArn": arn} if arn in attached else None

    def remove(self, resource_id: str, state: Props) -> None:
        """DetachRolePolicy; one that is gone is ignored."""
        role, _, arn = resource_id.partition("/")
        self.iam.detach_role_policy(RoleName=role, PolicyArn=arn)


class ServiceLinkedRole(_Iam):
    """`aws:iam/serviceLinkedRole:ServiceLinkedRole`; iam: resourceServiceLinkedRole, …Delete."""

    type_name = "aws:iam/serviceLinkedRole:ServiceLinkedRole"
    title = "IAM Service Linked Role"

    def label(self, inputs: Props) -> str:
        """Of which service."""
        return f" ({inputs.get('awsServiceName')})"

    def make(self, new: Props) -> str:
        """CreateServiceLinkedRole; an existing one is an error, not adopted."""
        answer = self.iam.create_service_linked_role(
            **params(new, "customSuffix", "description", awsServiceName="AWSServiceName")
        )
        arn: str = answer["Role"]["Arn"]
        return arn

    def settle(self, resource_id: str, new: Props) -> None:
        """Tags are added after the create."""
        if new.get("tagsAll"):
            self.tag(resource_id, {}, new["tagsAll"])

    def look(self, resource_id: str, state: Props) -> Props | None:
        """GetRole."""
        role = self.iam.get_role(RoleName=resource_id.rsplit("/", 1)[-1])["Role"]
        return {
            "arn": role["Arn"],
            "awsServiceName": role["Path"].split("/")[2],
            "name": role["RoleName"],
            "path": role["Path"],
            "description": role.get("Description") or None,
            "createDate": role["CreateDate"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            "uniqueId": role["RoleId"],
            "customSuffix": state.get("customSuffix"),
            "tags": tag_map(role.get("Tags")),
        }

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """UpdateRole."""
        name = resource_id.rsplit("/", 1)[-1]
        self.iam.update_role(RoleName=name, Description=new.get("description", ""))
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """Start a deletion task and wait for it."""
        name = resource_id.rsplit("/", 1)[-1]
        task = self.iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
        self.aws.wait(f"IAM Service Linked Role ({name}) delete", lambda: self._deleted(task))

    def _deleted(self, task: str) -> bool | None:
        try:
            answer = self.iam.get_service_linked_role_deletion_status(DeletionTaskId=task)
        except ClientError as refused:
            if error_code(refused) in self.gone:
                return True
            raise
        if answer["Status"] == "FAILED":
            reason = answer.get("Reason", {})
            text = f"{reason.get('Reason')} {reason.get('RoleUsageList', [])}"
            raise ProviderError(text)
        return True if answer["Status"] == "SUCCEEDED" else None

    def tag(self, resource_id: str, state: Props, tags: Mapping[str, str]) -> None:
        """TagRole."""
        self.iam.tag_role(RoleName=resource_id.rsplit("/", 1)[-1], Tags=tag_list(tags))

    def untag(self, resource_id: str, state: Props, keys: Sequence[str]) -> None:
        """UntagRole."""
        self.iam.untag_role(RoleName=resource_id.rsplit("/", 1)[-1], TagKeys=list(keys))
