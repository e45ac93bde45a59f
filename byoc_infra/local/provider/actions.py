"""Which AWS API actions the real provider calls, by resource type and operation, with the source.

A policy for who runs a stack is argued from this table, so this provider makes the same calls;
a test records them and compares. `implied` are rights that AWS asks for beside the call's own
(Service Authorization Reference, "dependent actions" and tag-on-create), not calls.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = ["ACTIONS", "INVOKE_ACTIONS", "OPERATIONS", "Operation", "Row"]

Operation = Literal["create", "read", "update", "delete", "import"]
OPERATIONS: tuple[Operation, ...] = ("create", "read", "update", "delete", "import")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One resource type. Names are IAM actions, without the service's prefix in `service`."""

    service: str
    source: str
    read: tuple[str, ...]
    """Also the end of every create and update, and what an import does."""
    create: tuple[str, ...] = ()
    create_may: tuple[str, ...] = ()
    """Only where an input asks for it, or where something is left over."""
    update_may: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()
    delete_may: tuple[str, ...] = ()
    import_may: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    """In place: tag and untag."""
    implied: tuple[str, ...] = ()

    def must(self, operation: Operation) -> frozenset[str]:
        """Called in every such operation."""
        cells = {"create": self.create + self.read, "delete": self.delete, "update": self.read}
        return self._named(cells.get(operation, self.read))

    def may(self, operation: Operation) -> frozenset[str]:
        """Everything that such an operation may call."""
        extra = {
            "create": self.create_may,
            "update": self.update_may + self.tags,
            "delete": self.delete_may + self.read,
            "import": self.import_may,
        }
        return self.must(operation) | self._named(extra.get(operation, ()))

    def _named(self, actions: Iterable[str]) -> frozenset[str]:
        return frozenset(a if ":" in a else f"{self.service}:{a}" for a in actions)


_EC2_TAGS = ("CreateTags", "DeleteTags")
_ROLE_TAGS = ("TagRole", "UntagRole")
_RESOURCE_TAGS = ("TagResource", "UntagResource")
_GROUP_RULES = (
    "AuthorizeSecurityGroupIngress",
    "AuthorizeSecurityGroupEgress",
    "RevokeSecurityGroupIngress",
    "RevokeSecurityGroupEgress",
)

_IAM = {
    "aws:iam/role:Role": Row(
        service="iam",
        source="iam: resourceRoleCreate, …Read, readRoleInlinePolicies, …Update, deleteRole",
        create=("CreateRole",),
        create_may=("AttachRolePolicy", "PutRolePolicy", "GetRolePolicy"),
        read=("GetRole", "ListRolePolicies", "ListAttachedRolePolicies"),
        update_may=(
            "UpdateAssumeRolePolicy",
            "UpdateRoleDescription",
            "UpdateRole",
            "PutRolePermissionsBoundary",
            "DeleteRolePermissionsBoundary",
            "AttachRolePolicy",
            "DetachRolePolicy",
            "PutRolePolicy",
            "DeleteRolePolicy",
            "GetRolePolicy",
        ),
        delete=("ListInstanceProfilesForRole", "DeleteRole"),
        delete_may=("RemoveRoleFromInstanceProfile", "DetachRolePolicy", "DeleteRolePolicy"),
        import_may=("GetRolePolicy",),
        tags=_ROLE_TAGS,
        implied=("TagRole",),
    ),
    "aws:iam/policy:Policy": Row(
        service="iam",
        source="iam: resourcePolicyRead, …Update, policyPruneVersions, …Delete",
        create=("CreatePolicy",),
        read=("GetPolicy", "GetPolicyVersion"),
        update_may=("ListPolicyVersions", "CreatePolicyVersion", "DeletePolicyVersion"),
        delete=("ListPolicyVersions", "DeletePolicy"),
        delete_may=("DeletePolicyVersion",),
        tags=("TagPolicy", "UntagPolicy"),
        implied=("TagPolicy",),
    ),
    "aws:iam/rolePolicy:RolePolicy": Row(
        service="iam",
        source="iam: resourceRolePolicyPut, …Delete",
        create=("PutRolePolicy",),
        read=("GetRolePolicy",),
        update_may=("PutRolePolicy",),
        delete=("DeleteRolePolicy",),
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Row(
        service="iam",
        source="iam: attachPolicyToRole, findAttachedRolePolicyByTwoPartKey",
        create=("AttachRolePolicy",),
        read=("ListAttachedRolePolicies",),
        delete=("DetachRolePolicy",),
    ),
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": Row(
        service="iam",
        source="iam: resourceServiceLinkedRole, …Create, deleteServiceLinkedRole",
        create=("CreateServiceLinkedRole",),
        create_may=("TagRole",),
        read=("GetRole",),
        update_may=("UpdateRole",),
        delete=("DeleteServiceLinkedRole", "GetServiceLinkedRoleDeletionStatus"),
        tags=_ROLE_TAGS,
    ),
}

_EC2 = {
    "aws:ec2/vpc:Vpc": Row(
        service="ec2",
        source="ec2: resourceVPCCreate, …Read, resourceVPCFlatten, modifyVPCAttributesOnCreate",
        create=("CreateVpc",),
        create_may=("ModifyVpcAttribute",),
        read=(
            "DescribeVpcs",
            "DescribeVpcAttribute",
            "DescribeNetworkAcls",
            "DescribeRouteTables",
            "DescribeSecurityGroups",
        ),
        update_may=("ModifyVpcAttribute", "ModifyVpcTenancy"),
        delete=("DeleteVpc", "DescribeVpcs"),
        tags=_EC2_TAGS,
        implied=("CreateTags",),
    ),
    "aws:ec2/subnet:Subnet": Row(
        service="ec2",
        source="ec2: resourceSubnetCreate, modifySubnetAttributesOnCreate, deleteLingeringENIs",
        create=("CreateSubnet",),
        create_may=("ModifySubnetAttribute",),
        read=("DescribeSubnets",),
        update_may=("ModifySubnetAttribute",),
        delete=("DescribeNetworkInterfaces", "DeleteSubnet", "DescribeSubnets"),
        delete_may=("DetachNetworkInterface", "DeleteNetworkInterface"),
        tags=_EC2_TAGS,
        implied=("CreateTags",),
    ),
    "aws:ec2/internetGateway:InternetGateway": Row(
        service="ec2",
        source="ec2: resourceInternetGatewayCreate, attachInternetGateway, …Delete",
        create=("CreateInternetGateway",),
        create_may=("AttachInternetGateway",),
        read=("DescribeInternetGateways",),
        update_may=("AttachInternetGateway", "DetachInternetGateway"),
        delete=("DeleteInternetGateway", "DescribeInternetGateways"),
        delete_may=("DetachInternetGateway",),
        tags=_EC2_TAGS,
        implied=("CreateTags",),
    ),
    "aws:ec2/eip:Eip": Row(
        service="ec2",
        source="ec2: resourceEIPCreate, …Read, …Update, …Delete",
        create=("AllocateAddress",),
        create_may=("AssociateAddress",),
        read=("DescribeAddresses", "DescribeAddressesAttribute"),
        update_may=("AssociateAddress", "DisassociateAddress"),
        delete=("ReleaseAddress",),
        delete_may=("DisassociateAddress",),
        tags=_EC2_TAGS,
        implied=("CreateTags",),
    ),
    "aws:ec2/natGateway:NatGateway": Row(
        service="ec2",
        source="ec2: resourceNATGatewayCreate, waitNATGatewayCreated, …Delete",
        create=("CreateNatGateway",),
        read=("DescribeNatGateways",),
        update_may=("AssociateNatGatewayAddress", "DisassociateNatGatewayAddress"),
        delete=("DeleteNatGateway", "DescribeNatGateways"),
        tags=_EC2_TAGS,
        implied=("CreateTags",),
    ),
    "aws:ec2/routeTable:RouteTable": Row(
        service="ec2",
        source="ec2: resourceRouteTableCreate, routeTableAddRoute, …Delete",
        create=("CreateRouteTable",),
        create_may=("CreateRoute", "EnableVgwRoutePropagation"),
        read=("DescribeRouteTables",),
        update_may=("CreateRoute", "ReplaceRoute", "DeleteRoute"),
        delete=("DescribeRouteTables", "DeleteRouteTable"),
        delete_may=("DisassociateRouteTable",),
        tags=_EC2_TAGS,
        implied=("CreateTags",),
    ),
    "aws:ec2/route:Route": Row(
        service="ec2",
        source="ec2: resourceRouteCreate, …Update, …Delete",
        create=("CreateRoute",),
        read=("DescribeRouteTables",),
        update_may=("ReplaceRoute",),
        delete=("DeleteRoute", "DescribeRouteTables"),
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Row(
        service="ec2",
        source="ec2: resourceRouteTableAssociationCreate, …Update, …Delete",
        create=("AssociateRouteTable",),
        read=("DescribeRouteTables",),
        update_may=("ReplaceRouteTableAssociation", "AssociateRouteTable"),
        delete=("DisassociateRouteTable", "DescribeRouteTables"),
    ),
    "aws:ec2/securityGroup:SecurityGroup": Row(
        service="ec2",
        source="ec2: resourceSecurityGroupCreate, …Update, …Delete, deleteLingeringENIs",
        create=("CreateSecurityGroup",),
        create_may=_GROUP_RULES,
        read=("DescribeSecurityGroups",),
        update_may=_GROUP_RULES,
        delete=("DescribeNetworkInterfaces", "DeleteSecurityGroup", "DescribeSecurityGroups"),
        delete_may=(*_GROUP_RULES, "DetachNetworkInterface", "DeleteNetworkInterface"),
        tags=_EC2_TAGS,
        implied=("CreateTags",),
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": Row(
        service="ec2",
        source="ec2: resourceDefaultSecurityGroupCreate",
        create_may=(*_GROUP_RULES, *_EC2_TAGS),
        read=("DescribeSecurityGroups",),
        update_may=_GROUP_RULES,
        tags=_EC2_TAGS,
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Row(
        service="ec2",
        source="ec2: resourceVPCEndpointCreate, …Read, …Update, …Delete, findPrefixListByName",
        create=("CreateVpcEndpoint",),
        # interfaces: of interface endpoints, one call each
        read=("DescribeVpcEndpoints", "DescribePrefixLists", "DescribeNetworkInterfaces"),
        update_may=("ModifyVpcEndpoint",),
        delete=("DeleteVpcEndpoints", "DescribeVpcEndpoints"),
        tags=_EC2_TAGS,
        implied=("CreateTags",),
    ),
    "aws:ec2/flowLog:FlowLog": Row(
        service="ec2",
        source="ec2: resourceLogFlowCreate, …Read, …Delete",
        create=("CreateFlowLogs",),
        read=("DescribeFlowLogs",),
        delete=("DeleteFlowLogs",),
        tags=_EC2_TAGS,
        implied=("CreateTags", "iam:PassRole"),
    ),
    "aws:ec2/tag:Tag": Row(
        service="ec2",
        source="ec2: resourceTagCreate, …Read, …Update, …Delete, findTag",
        create=("CreateTags",),
        read=("DescribeTags",),
        update_may=("CreateTags",),
        delete=("DeleteTags",),
    ),
    **{
        f"aws:vpc/securityGroup{way}Rule:SecurityGroup{way}Rule": Row(
            service="ec2",
            source="ec2: securityGroupRuleResource.Create, .Read, .Update, .Delete",
            create=(f"AuthorizeSecurityGroup{way}",),
            read=("DescribeSecurityGroupRules",),
            update_may=("ModifySecurityGroupRules",),
            delete=(f"RevokeSecurityGroup{way}",),
            tags=_EC2_TAGS,
            implied=("CreateTags",),
        )
        for way in ("Ingress", "Egress")
    },
}

_ECS = {
    "aws:ecs/cluster:Cluster": Row(
        service="ecs",
        source="ecs: resourceClusterCreate, …Read, …Update, …Delete",
        create=("CreateCluster",),
        read=("DescribeClusters",),
        update_may=("UpdateCluster",),
        delete=("DeleteCluster", "DescribeClusters"),
        tags=_RESOURCE_TAGS,
        implied=("TagResource", "iam:CreateServiceLinkedRole"),
    ),
    "aws:ecs/taskDefinition:TaskDefinition": Row(
        service="ecs",
        source="ecs: resourceTaskDefinitionCreate, …Read, …Delete",
        create=("RegisterTaskDefinition",),
        read=("DescribeTaskDefinition",),
        delete_may=("DeregisterTaskDefinition",),
        tags=_RESOURCE_TAGS,
        implied=("TagResource", "iam:PassRole"),
    ),
    "aws:ecs/service:Service": Row(
        service="ecs",
        source="ecs: resourceServiceCreate, …Read, …Update, …Delete",
        create=("CreateService",),
        create_may=("ListServiceDeployments", "DescribeServiceDeployments"),
        read=("DescribeServices",),
        update_may=("UpdateService", "ListServiceDeployments", "DescribeServiceDeployments"),
        delete=("DescribeServices", "DeleteService"),
        delete_may=("UpdateService",),
        tags=_RESOURCE_TAGS,
        implied=("TagResource",),
    ),
    "aws:cloudwatch/logGroup:LogGroup": Row(
        service="logs",
        source="logs: resourceGroupCreate, …Read, …Update, …Delete",
        create=("CreateLogGroup",),
        create_may=("PutRetentionPolicy",),
        read=("DescribeLogGroups", "ListTagsForResource"),
        update_may=(
            "PutRetentionPolicy",
            "DeleteRetentionPolicy",
            "AssociateKmsKey",
            "DisassociateKmsKey",
        ),
        delete_may=("DeleteLogGroup",),
        tags=_RESOURCE_TAGS,
        implied=("TagResource",),
    ),
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": Row(
        service="servicediscovery",
        source="servicediscovery: resourcePrivateDNSNamespaceCreate, …Read, waitOperationSucceeded",
        create=("CreatePrivateDnsNamespace", "GetOperation"),
        read=("GetNamespace", "ListTagsForResource"),
        update_may=("UpdatePrivateDnsNamespace", "GetOperation"),
        delete=("DeleteNamespace", "GetOperation"),
        tags=_RESOURCE_TAGS,
        implied=(
            "TagResource",
            "ec2:DescribeVpcs",
            "ec2:DescribeRegions",
            "route53:CreateHostedZone",
            "route53:DeleteHostedZone",
            "route53:GetHostedZone",
            "route53:ListHostedZonesByName",
        ),
    ),
    "aws:servicediscovery/service:Service": Row(
        service="servicediscovery",
        source="servicediscovery: resourceServiceCreate, …Read, …Update, …Delete",
        create=("CreateService",),
        read=("GetService", "ListTagsForResource"),
        update_may=("UpdateService", "GetOperation"),
        delete=("DeleteService",),
        delete_may=("ListInstances", "DeregisterInstance", "GetOperation"),
        tags=_RESOURCE_TAGS,
        implied=("TagResource",),
    ),
}

_ELB = {
    "aws:lb/loadBalancer:LoadBalancer": Row(
        service="elasticloadbalancing",
        source="elbv2: resourceLoadBalancerCreate, …Read, …Update, …Delete",
        create=("CreateLoadBalancer", "ModifyLoadBalancerAttributes"),
        read=(
            "DescribeLoadBalancers",
            "DescribeLoadBalancerAttributes",
            "DescribeCapacityReservation",
            "DescribeTags",
        ),
        update_may=(
            "ModifyLoadBalancerAttributes",
            "SetSecurityGroups",
            "SetSubnets",
            "SetIpAddressType",
        ),
        delete=("DeleteLoadBalancer", "ec2:DescribeNetworkInterfaces"),
        tags=("AddTags", "RemoveTags"),
        implied=("AddTags", "iam:CreateServiceLinkedRole"),
    ),
    "aws:lb/targetGroup:TargetGroup": Row(
        service="elasticloadbalancing",
        source="elbv2: resourceTargetGroupCreate, …Read, …Update, …Delete",
        create=("CreateTargetGroup", "ModifyTargetGroupAttributes"),
        read=("DescribeTargetGroups", "DescribeTargetGroupAttributes", "DescribeTags"),
        update_may=("ModifyTargetGroup", "ModifyTargetGroupAttributes"),
        delete=("DeleteTargetGroup",),
        tags=("AddTags", "RemoveTags"),
        implied=("AddTags",),
    ),
    "aws:lb/listener:Listener": Row(
        service="elasticloadbalancing",
        source="elbv2: resourceListenerCreate, …Read, …Update",
        create=("CreateListener",),
        create_may=("ModifyListenerAttributes",),
        read=("DescribeListeners", "DescribeListenerAttributes", "DescribeTags"),
        update_may=("ModifyListener", "ModifyListenerAttributes"),
        delete=("DeleteListener",),
        tags=("AddTags", "RemoveTags"),
        implied=("AddTags",),
    ),
}

_DATA = {
    "aws:rds/subnetGroup:SubnetGroup": Row(
        service="rds",
        source="rds: resourceSubnetGroupCreate, …Read, …Update, …Delete",
        create=("CreateDBSubnetGroup",),
        read=("DescribeDBSubnetGroups", "ListTagsForResource"),
        update_may=("ModifyDBSubnetGroup",),
        delete=("DeleteDBSubnetGroup", "DescribeDBSubnetGroups"),
        tags=("AddTagsToResource", "RemoveTagsFromResource"),
        implied=("AddTagsToResource",),
    ),
    "aws:rds/parameterGroup:ParameterGroup": Row(
        service="rds",
        source="rds: resourceParameterGroupRead, …Update, …Delete",
        create=("CreateDBParameterGroup",),
        create_may=("ModifyDBParameterGroup",),
        read=("DescribeDBParameterGroups", "DescribeDBParameters", "ListTagsForResource"),
        update_may=("ModifyDBParameterGroup", "ResetDBParameterGroup"),
        delete_may=("DeleteDBParameterGroup",),
        tags=("AddTagsToResource", "RemoveTagsFromResource"),
        implied=("AddTagsToResource",),
    ),
    "aws:rds/instance:Instance": Row(
        service="rds",
        source="rds: resourceInstanceCreate, …Read, …Update, …Delete",
        create=("CreateDBInstance",),
        read=("DescribeDBInstances",),
        update_may=("ModifyDBInstance",),
        delete=("DeleteDBInstance", "DescribeDBInstances"),
        delete_may=("ModifyDBInstance",),
        tags=("AddTagsToResource", "RemoveTagsFromResource"),
        implied=(
            "AddTagsToResource",
            "CreateDBSnapshot",
            "iam:CreateServiceLinkedRole",
            "kms:DescribeKey",
            "kms:CreateGrant",
            "secretsmanager:CreateSecret",
            "secretsmanager:TagResource",
        ),
    ),
    "aws:secretsmanager/secret:Secret": Row(
        service="secretsmanager",
        source="secretsmanager: resourceSecretCreate, …Read, …Update, …Delete",
        create=("CreateSecret",),
        create_may=("PutResourcePolicy",),
        read=("DescribeSecret", "GetResourcePolicy"),
        update_may=("UpdateSecret", "PutResourcePolicy", "DeleteResourcePolicy"),
        delete=("DeleteSecret", "DescribeSecret"),
        tags=_RESOURCE_TAGS,
        implied=("TagResource",),
    ),
    "aws:secretsmanager/secretPolicy:SecretPolicy": Row(
        service="secretsmanager",
        source="secretsmanager: resourceSecretPolicyCreate, …Delete",
        create=("PutResourcePolicy",),
        read=("GetResourcePolicy",),
        update_may=("PutResourcePolicy",),
        delete=("DeleteResourcePolicy", "GetResourcePolicy"),
    ),
    "aws:secretsmanager/secretRotation:SecretRotation": Row(
        service="secretsmanager",
        source="secretsmanager: resourceSecretRotationCreate, …Read, …Delete",
        create=("RotateSecret",),
        read=("DescribeSecret",),
        update_may=("RotateSecret",),
        delete=("CancelRotateSecret",),
    ),
    "aws:kms/key:Key": Row(
        service="kms",
        source="kms: resourceKeyCreate, findKeyInfo, resourceKeyUpdate, …Delete",
        create=("CreateKey",),
        create_may=("EnableKeyRotation", "DisableKey"),
        read=("DescribeKey", "GetKeyPolicy", "GetKeyRotationStatus", "ListResourceTags"),
        update_may=(
            "EnableKey",
            "DisableKey",
            "EnableKeyRotation",
            "DisableKeyRotation",
            "UpdateKeyDescription",
            "PutKeyPolicy",
        ),
        delete=("ScheduleKeyDeletion", "DescribeKey"),
        tags=_RESOURCE_TAGS,
        implied=("TagResource",),
    ),
    "aws:kms/alias:Alias": Row(
        service="kms",
        source="kms: resourceAliasCreate, findAliasByName, …Update, …Delete",
        create=("CreateAlias",),
        read=("ListAliases",),
        update_may=("UpdateAlias",),
        delete=("DeleteAlias",),
    ),
}

_SCALING = {
    "aws:appautoscaling/target:Target": Row(
        service="application-autoscaling",
        source="appautoscaling: resourceTargetCreate, …Read, …Update, …Delete",
        create=("RegisterScalableTarget",),
        read=("DescribeScalableTargets", "ListTagsForResource"),
        update_may=("RegisterScalableTarget",),
        delete=("DeregisterScalableTarget", "DescribeScalableTargets"),
        tags=_RESOURCE_TAGS,
        implied=(
            "TagResource",
            "ecs:DescribeServices",
            "ecs:UpdateService",
            "iam:CreateServiceLinkedRole",
        ),
    ),
    "aws:appautoscaling/policy:Policy": Row(
        service="application-autoscaling",
        source="appautoscaling: resourcePolicyCreate, …Read, …Update, …Delete",
        create=("PutScalingPolicy",),
        read=("DescribeScalingPolicies",),
        update_may=("PutScalingPolicy",),
        delete=("DescribeScalingPolicies", "DeleteScalingPolicy"),
        implied=(
            "cloudwatch:DescribeAlarms",
            "cloudwatch:PutMetricAlarm",
            "cloudwatch:DeleteAlarms",
        ),
    ),
}

ACTIONS: dict[str, Row] = {**_IAM, **_EC2, **_ECS, **_ELB, **_SCALING, **_DATA}
"""Type token → row."""

INVOKE_ACTIONS: dict[str, tuple[str, ...]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": ("sts:GetCallerIdentity",),
    "aws:index/getRegion:getRegion": (),
    "aws:index/getAvailabilityZones:getAvailabilityZones": ("ec2:DescribeAvailabilityZones",),
    "aws:ec2/getVpcs:getVpcs": ("ec2:DescribeVpcs",),
    "aws:ec2/getVpc:getVpc": (
        "ec2:DescribeVpcs",
        "ec2:DescribeVpcAttribute",
        "ec2:DescribeRouteTables",
    ),
    "aws:ec2/getSubnets:getSubnets": ("ec2:DescribeSubnets",),
    "aws:ec2/getSecurityGroup:getSecurityGroup": ("ec2:DescribeSecurityGroups",),
    "aws:ecs/getCluster:getCluster": ("ecs:DescribeClusters",),
    "aws:servicediscovery/getDnsNamespace:getDnsNamespace": (
        "servicediscovery:ListNamespaces",
        "servicediscovery:GetNamespace",
        "servicediscovery:ListTagsForResource",
    ),
    "aws:secretsmanager/getSecret:getSecret": (
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetResourcePolicy",
    ),
}
"""Function token → the actions of its data source."""
