"""Rules of IAM and EC2 types; the fields are those of `rules.Rules`."""

from typing import Any

__all__ = ["EC2", "IAM"]

_TARGETS = (
    "gatewayId",
    "natGatewayId",
    "networkInterfaceId",
    "vpcEndpointId",
    "transitGatewayId",
    "vpcPeeringConnectionId",
    "egressOnlyGatewayId",
    "carrierGatewayId",
    "coreNetworkArn",
    "localGatewayId",
    "odbNetworkArn",
)
_DESTINATIONS = ("destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId")
_RULE_SETS = ("cidrBlocks", "ipv6CidrBlocks", "prefixListIds", "securityGroups")
_GROUP_RULES = (
    "ingress",
    "egress",
    *(f"{way}.{name}" for way in ("ingress", "egress") for name in _RULE_SETS),
)
_GROUP_PROTOCOLS = {"ingress.protocol": "protocol", "egress.protocol": "protocol"}

_FLOW_SOURCES = (
    "vpcId",
    "subnetId",
    "eniId",
    "transitGatewayId",
    "transitGatewayAttachmentId",
    "regionalNatGatewayId",
)

IAM: dict[str, dict[str, Any]] = {
    "aws:iam/role:Role": {
        "source": "iam: resourceRole",
        "replace": ("name", "namePrefix", "path"),
        "defaults": {"forceDetachPolicies": False, "maxSessionDuration": 3600, "path": "/"},
        "computed": ("name", "namePrefix", "inlinePolicies", "managedPolicyArns"),
        "sets": ("managedPolicyArns", "inlinePolicies"),
        "meaning": {"assumeRolePolicy": "policy", "inlinePolicies.policy": "policy"},
        "auto_name": {"limit": 64},
        "kept": ("forceDetachPolicies",),
        "conflicts": (("name", "namePrefix"),),
        "ranges": {"maxSessionDuration": (3600, 43200)},
        "on_import": {"forceDetachPolicies": False},
    },
    "aws:iam/policy:Policy": {
        "source": "iam: resourcePolicy",
        "replace": ("description", "name", "namePrefix", "path"),
        "defaults": {"path": "/"},
        "computed": ("name", "namePrefix"),
        "meaning": {"policy": "policy"},
        "auto_name": {"limit": 128},
        "kept": ("delayAfterPolicyCreationInMs",),
        "conflicts": (("name", "namePrefix"),),
    },
    "aws:iam/rolePolicy:RolePolicy": {
        "source": "ref aws_iam_role_policy",
        "replace": ("role", "name", "namePrefix"),
        "computed": ("name", "namePrefix"),
        "meaning": {"policy": "policy"},
        "auto_name": {"limit": 255},
        "conflicts": (("name", "namePrefix"),),
    },
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": {
        "source": "ref aws_iam_role_policy_attachment",
        "replace": ("role", "policyArn"),
        "delete_first": True,
    },
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": {
        "source": "iam: resourceServiceLinkedRole",
        "replace": ("awsServiceName", "customSuffix"),
        "unless": {"customSuffix": "suffix of autoscaling"},
        "patterns": {"awsServiceName": r"\."},
    },
}

EC2: dict[str, dict[str, Any]] = {
    "aws:ec2/vpc:Vpc": {
        "source": "ec2: resourceVPC, resourceVPCCustomizeDiff",
        "replace": ("cidrBlock", "instanceTenancy", "ipv4IpamPoolId", "ipv4NetmaskLength"),
        "unless": {"instanceTenancy": "dedicated to default"},
        "defaults": {"enableDnsSupport": True, "instanceTenancy": "default"},
        "computed": (
            "cidrBlock",
            "enableDnsHostnames",
            "enableNetworkAddressUsageMetrics",
            "ipv6CidrBlock",
            "ipv6CidrBlockNetworkBorderGroup",
        ),
        "conflicts": (
            ("cidrBlock", "ipv4NetmaskLength"),
            ("assignGeneratedIpv6CidrBlock", "ipv6IpamPoolId"),
            ("ipv6CidrBlock", "ipv6NetmaskLength"),
        ),
        "choices": {"instanceTenancy": ("default", "dedicated")},
        "patterns": {"cidrBlock": r"^(\d{1,3}\.){3}\d{1,3}/(1[6-9]|2[0-8])$"},
    },
    "aws:ec2/subnet:Subnet": {
        "source": "ref aws_subnet",
        "replace": (
            "vpcId",
            "cidrBlock",
            "availabilityZone",
            "availabilityZoneId",
            "outpostArn",
            "ipv6Native",
            "ipv4IpamPoolId",
            "ipv4NetmaskLength",
            "ipv6IpamPoolId",
            "ipv6NetmaskLength",
        ),
        "defaults": {
            "mapPublicIpOnLaunch": False,
            "assignIpv6AddressOnCreation": False,
            "enableDns64": False,
            "enableResourceNameDnsARecordOnLaunch": False,
            "enableResourceNameDnsAaaaRecordOnLaunch": False,
            "ipv6Native": False,
        },
        "computed": (
            "availabilityZone",
            "availabilityZoneId",
            "cidrBlock",
            "ipv6CidrBlock",
            "privateDnsHostnameTypeOnLaunch",
        ),
        "conflicts": (
            ("availabilityZone", "availabilityZoneId"),
            ("cidrBlock", "ipv4NetmaskLength"),
        ),
    },
    "aws:ec2/internetGateway:InternetGateway": {
        "source": "ref aws_internet_gateway",
        "computed": ("vpcId",),
    },
    "aws:ec2/eip:Eip": {
        "source": "ref aws_eip",
        "replace": ("address", "domain", "ipamPoolId", "networkBorderGroup", "publicIpv4Pool"),
        "computed": (
            "domain",
            "instance",
            "networkInterface",
            "networkBorderGroup",
            "publicIpv4Pool",
            "ipamPoolId",
        ),
        "kept": ("address", "associateWithPrivateIp", "customerOwnedIpv4Pool", "ipamPoolId"),
        "choices": {"domain": ("vpc",)},
    },
    "aws:ec2/natGateway:NatGateway": {
        "source": "ref aws_nat_gateway",
        "replace": (
            "subnetId",
            "allocationId",
            "connectivityType",
            "privateIp",
            "availabilityMode",
            "vpcId",
        ),
        "defaults": {"connectivityType": "public"},
        "computed": (
            "privateIp",
            "availabilityMode",
            "vpcId",
            "secondaryAllocationIds",
            "secondaryPrivateIpAddresses",
            "secondaryPrivateIpAddressCount",
            "availabilityZoneAddresses",
        ),
        "sets": ("secondaryAllocationIds", "secondaryPrivateIpAddresses"),
        "choices": {"connectivityType": ("public", "private")},
    },
    "aws:ec2/routeTable:RouteTable": {
        "source": "ref aws_route_table",
        "replace": ("vpcId",),
        "computed": ("routes", "propagatingVgws"),
        "sets": ("routes", "propagatingVgws"),
    },
    "aws:ec2/route:Route": {
        "source": "ref aws_route",
        "replace": ("routeTableId", *_DESTINATIONS),
        "computed": ("networkInterfaceId",),
        "one_of": (_DESTINATIONS, _TARGETS),
    },
    "aws:ec2/routeTableAssociation:RouteTableAssociation": {
        "source": "ref aws_route_table_association",
        "replace": ("subnetId", "gatewayId"),
        "one_of": (("subnetId", "gatewayId"),),
    },
    "aws:ec2/securityGroup:SecurityGroup": {
        "source": "ref aws_security_group",
        "replace": ("name", "namePrefix", "description", "vpcId"),
        "defaults": {
            "description": "Managed by Pulumi",
            "revokeRulesOnDelete": False,
            "ingress.self": False,
            "egress.self": False,
        },
        "computed": ("name", "namePrefix", "vpcId", "ingress", "egress"),
        "sets": _GROUP_RULES,
        "meaning": _GROUP_PROTOCOLS,
        "auto_name": {"limit": 255},
        "kept": ("revokeRulesOnDelete",),
        "conflicts": (("name", "namePrefix"),),
    },
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": {
        "source": "ref aws_default_security_group",
        "replace": ("vpcId",),
        "defaults": {
            "revokeRulesOnDelete": False,
            "ingress.self": False,
            "egress.self": False,
        },
        "computed": ("vpcId", "ingress", "egress"),
        "sets": _GROUP_RULES,
        "meaning": _GROUP_PROTOCOLS,
        "kept": ("revokeRulesOnDelete",),
    },
    "aws:ec2/vpcEndpoint:VpcEndpoint": {
        "source": "ec2: resourceVPCEndpoint, …Create, …Read, …Update, …Delete",
        "replace": (
            "vpcId",
            "serviceName",
            "vpcEndpointType",
            "resourceConfigurationArn",
            "serviceNetworkArn",
            "serviceRegion",
            "privateDnsEnabled",
        ),
        "unless": {"privateDnsEnabled": "interface endpoint"},
        "defaults": {"vpcEndpointType": "Gateway"},
        "computed": (
            "dnsOptions",
            "ipAddressType",
            "policy",
            "privateDnsEnabled",
            "routeTableIds",
            "securityGroupIds",
            "serviceRegion",
            "subnetConfigurations",
            "subnetIds",
        ),
        "sets": ("routeTableIds", "securityGroupIds", "subnetConfigurations", "subnetIds"),
        "meaning": {"policy": "policy"},
        "conflicts": (("serviceName", "resourceConfigurationArn", "serviceNetworkArn"),),
        "choices": {
            "vpcEndpointType": (
                "Interface",
                "Gateway",
                "GatewayLoadBalancer",
                "Resource",
                "ServiceNetwork",
            )
        },
    },
    "aws:ec2/flowLog:FlowLog": {
        "source": "ec2: resourceFlowLog, resourceLogFlowCreate, …Delete",
        "replace": (
            *_FLOW_SOURCES,
            "deliverCrossAccountRole",
            "destinationOptions",
            "iamRoleArn",
            "logDestination",
            "logDestinationType",
            "logFormat",
            "maxAggregationInterval",
            "tagFieldSpecifications",
            "trafficType",
        ),
        "defaults": {"logDestinationType": "cloud-watch-logs", "maxAggregationInterval": 600},
        "computed": ("logDestination", "logFormat"),
        "one_of": (_FLOW_SOURCES,),
        "choices": {
            "logDestinationType": ("cloud-watch-logs", "s3", "kinesis-data-firehose"),
            "maxAggregationInterval": (60, 600),
            "trafficType": ("ACCEPT", "REJECT", "ALL"),
        },
    },
    "aws:ec2/tag:Tag": {
        "source": "ec2: resourceTag, resourceTagCreate, …Read, …Update, …Delete",
        "replace": ("resourceId", "key"),
    },
    **{
        f"aws:vpc/securityGroup{way}Rule:SecurityGroup{way}Rule": {
            "source": "ec2: securityGroupRuleResource.Schema, .Create, .Update",
            "replace": ("securityGroupId",),
            "one_of": (("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId"),),
            "meaning": {"ipProtocol": "protocol"},
            "framework": True,
        }
        for way in ("Ingress", "Egress")
    },
}
