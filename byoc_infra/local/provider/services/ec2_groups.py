"""Security groups and their rules."""

from typing import Any, ClassVar

from byoc_infra.local.provider.aws import ProviderError
from byoc_infra.local.provider.compare import same
from byoc_infra.local.provider.properties import Json, Props
from byoc_infra.local.provider.resource import params, tag_map, unique
from byoc_infra.local.provider.services.ec2_vpc import Ec2, first, tags_for

__all__ = [
    "DefaultSecurityGroup",
    "SecurityGroup",
    "SecurityGroupEgressRule",
    "SecurityGroupIngressRule",
]

_EVERYTHING = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


class _Group(Ec2):
    """What a group of one's own and the default group share: inline rules."""

    gone = ("InvalidGroup.NotFound", "InvalidGroupId.NotFound", "InvalidSecurityGroupID.NotFound")
    unmodelled = ("revokeRulesOnDelete",)

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeSecurityGroups."""
        answer = self.ec2.describe_security_groups(GroupIds=[resource_id])
        group = first(answer["SecurityGroups"])
        if group is None:
            return None
        return {
            "arn": self.aws.arn("ec2", f"security-group/{resource_id}"),
            "name": group["GroupName"],
            "description": group["Description"],
            "ownerId": group.get("OwnerId"),
            "vpcId": group.get("VpcId"),
            "ingress": _from_permissions(group.get("IpPermissions", []), resource_id),
            "egress": _from_permissions(group.get("IpPermissionsEgress", []), resource_id),
            "tags": tag_map(group.get("Tags")),
        }

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """Revoke what is gone, then authorise what is new."""
        for way in ("ingress", "egress"):
            if way in changed:
                before, after = old.get(way) or [], new.get(way) or []
                self.revoke(way, resource_id, self._missing(way, before, after))
                self.authorise(way, resource_id, self._missing(way, after, before))
        return None

    def _missing(self, way: str, rules: list[Props], others: list[Props]) -> list[Props]:
        return [
            rule
            for rule in rules
            if not any(same(self.rules, way, other, rule) for other in others)
        ]

    def authorise(self, way: str, group_id: str, rules: list[Props]) -> None:
        """AuthorizeSecurityGroupIngress or …Egress."""
        if rules:
            call = getattr(self.ec2, f"authorize_security_group_{way}")
            call(GroupId=group_id, IpPermissions=[_permission(rule, group_id) for rule in rules])

    def revoke(self, way: str, group_id: str, rules: list[Props]) -> None:
        """RevokeSecurityGroupIngress or …Egress."""
        if rules:
            call = getattr(self.ec2, f"revoke_security_group_{way}")
            call(GroupId=group_id, IpPermissions=[_permission(rule, group_id) for rule in rules])


def _permission(rule: Props, group_id: str) -> dict[str, Any]:
    about = {"Description": rule["description"]} if rule.get("description") else {}
    groups = list(rule.get("securityGroups") or []) + ([group_id] if rule.get("self") else [])
    whole: dict[str, Any] = {
        "IpProtocol": rule["protocol"],
        "IpRanges": [{"CidrIp": cidr, **about} for cidr in rule.get("cidrBlocks") or []],
        "Ipv6Ranges": [{"CidrIpv6": cidr, **about} for cidr in rule.get("ipv6CidrBlocks") or []],
        "PrefixListIds": [{"PrefixListId": p, **about} for p in rule.get("prefixListIds") or []],
        "UserIdGroupPairs": [{"GroupId": group, **about} for group in groups],
    }
    if rule["protocol"] not in ("-1", "all"):
        whole |= {"FromPort": rule["fromPort"], "ToPort": rule["toPort"]}
    return {key: value for key, value in whole.items() if value != []}


def _from_permissions(permissions: list[Json], group_id: str) -> list[Props]:
    """One rule for each description, as the real provider folds them."""
    return [
        _rule(permission, about, group_id)
        for permission in permissions
        for about in _descriptions(permission)
    ]


_KINDS = ("IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs")


def _descriptions(permission: Json) -> list[str]:
    parts = [part for kind in _KINDS for part in permission.get(kind, [])]
    return sorted({part.get("Description", "") for part in parts})


def _rule(permission: Json, about: str, group_id: str) -> Props:
    def those(kind: str, key: str) -> list[str]:
        parts = permission.get(kind, [])
        return [part[key] for part in parts if part.get("Description", "") == about]

    groups = those("UserIdGroupPairs", "GroupId")
    everything = permission["IpProtocol"] == "-1"
    return {
        "protocol": permission["IpProtocol"],
        "fromPort": 0 if everything else permission.get("FromPort", 0),
        "toPort": 0 if everything else permission.get("ToPort", 0),
        "cidrBlocks": those("IpRanges", "CidrIp"),
        "ipv6CidrBlocks": those("Ipv6Ranges", "CidrIpv6"),
        "prefixListIds": those("PrefixListIds", "PrefixListId"),
        "securityGroups": [group for group in groups if group != group_id],
        "self": group_id in groups,
        "description": about,
    }


class SecurityGroup(_Group):
    """`aws:ec2/securityGroup:SecurityGroup`; ec2: resourceSecurityGroupCreate, …Delete."""

    type_name = "aws:ec2/securityGroup:SecurityGroup"
    title = "EC2 Security Group"

    def make(self, new: Props) -> str:
        """CreateSecurityGroup."""
        answer = self.ec2.create_security_group(
            GroupName=new.get("name") or unique(new["namePrefix"]),
            Description=new["description"],
            **params(new, "vpcId"),
            **tags_for("security-group", new),
        )
        group_id: str = answer["GroupId"]
        return group_id

    def settle(self, resource_id: str, new: Props) -> None:
        """Revoke AWS's allow-all egress, then authorise what the program gives."""
        answer = self.ec2.describe_security_groups(GroupIds=[resource_id])
        if first(answer["SecurityGroups"]).get("IpPermissionsEgress"):
            self.ec2.revoke_security_group_egress(GroupId=resource_id, IpPermissions=[_EVERYTHING])
        for way in ("ingress", "egress"):
            self.authorise(way, resource_id, new.get(way) or [])

    def remove(self, resource_id: str, state: Props) -> None:
        """Look for interfaces left over, then DeleteSecurityGroup while it is in use."""
        self.ec2.describe_network_interfaces(
            Filters=[{"Name": "group-id", "Values": [resource_id]}]
        )
        self.aws.retry(
            f"deleting EC2 Security Group ({resource_id})",
            lambda: self.ec2.delete_security_group(GroupId=resource_id),
            "DependencyViolation",
            "InvalidGroup.InUse",
            timeout_s=20,
        )
        self.wait_gone(resource_id)


class DefaultSecurityGroup(_Group):
    """`aws:ec2/defaultSecurityGroup:DefaultSecurityGroup`; ec2: resourceDefaultSecurityGroup."""

    type_name = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
    title = "EC2 Default Security Group"

    def make(self, new: Props) -> str:
        """Find the group; it is adopted, never created."""
        place = [{"Name": "vpc-id", "Values": [new["vpcId"]]}] if new.get("vpcId") else []
        named = {"Name": "group-name", "Values": ["default"]}
        groups = self.ec2.describe_security_groups(Filters=[named, *place])["SecurityGroups"]
        if not groups:
            text = f"no default security group in VPC ({new.get('vpcId')})"
            raise ProviderError(text)
        group_id: str = groups[0]["GroupId"]
        return group_id

    def settle(self, resource_id: str, new: Props) -> None:
        """Make the tags equal, revoke every rule, authorise what the program gives."""
        now = self.look(resource_id, {}) or {}
        wanted = new.get("tagsAll") or new.get("tags") or {}
        if dropped := sorted(now["tags"].keys() - wanted.keys()):
            self.untag(resource_id, {}, dropped)
        if wanted:
            self.tag(resource_id, {}, wanted)
        for way in ("ingress", "egress"):
            self.revoke(way, resource_id, now[way])
            self.authorise(way, resource_id, new.get(way) or [])

    def remove(self, resource_id: str, state: Props) -> None:
        """Nothing: the group lives as long as its VPC, with its rules as last set."""


class _GroupRule(Ec2):
    """One rule; ec2: securityGroupRuleResource.Create, .Update, .Delete."""

    title = "VPC Security Group Rule"
    gone = ("InvalidSecurityGroupRuleId.NotFound", "InvalidGroup.NotFound")
    way: ClassVar[str]

    def label(self, inputs: Props) -> str:
        """Of which group."""
        return f" ({inputs.get('securityGroupId')})"

    def make(self, new: Props) -> str:
        """AuthorizeSecurityGroupIngress or …Egress of one rule."""
        call = getattr(self.ec2, f"authorize_security_group_{self.way}")
        answer = call(
            GroupId=new["securityGroupId"],
            IpPermissions=[self._one(new)],
            **tags_for("security-group-rule", new),
        )
        rule_id: str = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        return rule_id

    def _one(self, new: Props) -> dict[str, Any]:
        about = params(new, description="Description")
        whole: dict[str, Any] = params(
            new, ipProtocol="IpProtocol", fromPort="FromPort", toPort="ToPort"
        )
        for name, kind, key in (
            ("cidrIpv4", "IpRanges", "CidrIp"),
            ("cidrIpv6", "Ipv6Ranges", "CidrIpv6"),
            ("prefixListId", "PrefixListIds", "PrefixListId"),
            ("referencedSecurityGroupId", "UserIdGroupPairs", "GroupId"),
        ):
            if new.get(name):
                whole[kind] = [{key: new[name], **about}]
        return whole

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeSecurityGroupRules."""
        answer = self.ec2.describe_security_group_rules(SecurityGroupRuleIds=[resource_id])
        rule = first(answer["SecurityGroupRules"])
        if rule is None or bool(rule.get("IsEgress")) != (self.way == "egress"):
            return None
        everything = rule["IpProtocol"] == "-1"
        return {
            "arn": self.aws.arn("ec2", f"security-group-rule/{resource_id}"),
            "securityGroupRuleId": resource_id,
            "securityGroupId": rule["GroupId"],
            "ipProtocol": rule["IpProtocol"],
            "fromPort": None if everything else rule.get("FromPort"),
            "toPort": None if everything else rule.get("ToPort"),
            "cidrIpv4": rule.get("CidrIpv4"),
            "cidrIpv6": rule.get("CidrIpv6"),
            "prefixListId": rule.get("PrefixListId"),
            "referencedSecurityGroupId": (rule.get("ReferencedGroupInfo") or {}).get("GroupId"),
            "description": rule.get("Description") or None,
            "tags": tag_map(rule.get("Tags")),
        }

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """ModifySecurityGroupRules."""
        rule = params(
            new,
            *("ipProtocol", "fromPort", "toPort", "cidrIpv4", "cidrIpv6", "prefixListId"),
            *("description",),
            referencedSecurityGroupId="ReferencedGroupId",
        )
        self.ec2.modify_security_group_rules(
            GroupId=new["securityGroupId"],
            SecurityGroupRules=[
                {"SecurityGroupRuleId": resource_id, "SecurityGroupRule": rule},
            ],
        )
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """RevokeSecurityGroupIngress or …Egress by the rule's id."""
        call = getattr(self.ec2, f"revoke_security_group_{self.way}")
        call(GroupId=state["securityGroupId"], SecurityGroupRuleIds=[resource_id])


class SecurityGroupIngressRule(_GroupRule):
    """`aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule`."""

    type_name = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    way = "ingress"


class SecurityGroupEgressRule(_GroupRule):
    """`aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule`."""

    type_name = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
    way = "egress"
