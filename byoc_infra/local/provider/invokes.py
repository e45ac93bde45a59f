"""The look-ups that programs make: an answer or an error, never a guess.

The calls are those of terraform-provider-aws's data sources of the same names.
"""

from collections.abc import Callable, Sequence
from typing import Any

from byoc_infra.local.provider.aws import Aws, Client, ProviderError
from byoc_infra.local.provider.properties import Json, Props
from byoc_infra.local.provider.resource import tag_map

__all__ = ["INVOKES"]


def _filters(args: Props, **named: str) -> list[dict[str, Any]]:
    """EC2 filters from `tags`, `filters` and inputs that have a filter of their own."""
    own = [
        {"Name": name, "Values": [str(args[key])]} for key, name in named.items() if args.get(key)
    ]
    tags = [
        {"Name": f"tag:{key}", "Values": [value]} for key, value in (args.get("tags") or {}).items()
    ]
    given = [
        {"Name": each["name"], "Values": list(each["values"])} for each in args.get("filters") or []
    ]
    return [*own, *tags, *given]


def _exactly_one(found: Sequence[Json], what: str) -> Json:
    if not found:
        text = f"no matching {what} found"
        raise ProviderError(text)
    if len(found) > 1:
        text = f"multiple {what}s matched; use additional constraints to reduce them to one"
        raise ProviderError(text)
    return found[0]


def _pages(client: Client, operation: str, key: str, **asked: Json) -> list[Json]:
    pages = client.get_paginator(operation).paginate(**asked)
    return [each for page in pages for each in page[key]]


def _caller_identity(aws: Aws, _args: Props) -> Props:
    identity = aws.client("sts").get_caller_identity()
    return {
        "accountId": identity["Account"],
        "arn": identity["Arn"],
        "userId": identity["UserId"],
        "id": identity["Account"],
    }


def _region(aws: Aws, args: Props) -> Props:
    name = args.get("region") or args.get("name") or aws.region
    return {
        "name": name,
        "region": name,
        "id": name,
        "description": name,
        "endpoint": f"ec2.{name}.amazonaws.com",
    }


def _availability_zones(aws: Aws, args: Props) -> Props:
    answer = aws.client("ec2").describe_availability_zones(
        Filters=_filters(args, state="state"),
        AllAvailabilityZones=bool(args.get("allAvailabilityZones")),
    )
    names, ids = args.get("excludeNames") or [], args.get("excludeZoneIds") or []
    zones = [
        zone
        for zone in sorted(answer["AvailabilityZones"], key=lambda zone: str(zone["ZoneName"]))
        if zone["ZoneName"] not in names and zone.get("ZoneId") not in ids
    ]
    groups = {zone.get("GroupName") or zone["ZoneName"][:-1] for zone in zones}
    return {
        **args,
        "id": aws.region,
        "region": aws.region,
        "names": [zone["ZoneName"] for zone in zones],
        "zoneIds": [zone.get("ZoneId", "") for zone in zones],
        "groupNames": sorted(groups),
    }


def _vpcs(aws: Aws, args: Props) -> Props:
    found = _pages(aws.client("ec2"), "describe_vpcs", "Vpcs", Filters=_filters(args))
    ids = [vpc["VpcId"] for vpc in found]
    return {"tags": {}, **args, "id": aws.region, "region": aws.region, "ids": ids}


def _vpc(aws: Aws, args: Props) -> Props:
    ec2 = aws.client("ec2")
    asked: dict[str, Any] = {
        "Filters": _filters(args, cidrBlock="cidr", dhcpOptionsId="dhcp-options-id", state="state")
    }
    if args.get("default"):
        asked["Filters"].append({"Name": "isDefault", "Values": ["true"]})
    if args.get("id"):
        asked["VpcIds"] = [args["id"]]
    vpc = _exactly_one(_pages(ec2, "describe_vpcs", "Vpcs", **asked), "EC2 VPC")
    vpc_id = vpc["VpcId"]
    return {
        "id": vpc_id,
        "arn": aws.arn("ec2", f"vpc/{vpc_id}"),
        "cidrBlock": vpc["CidrBlock"],
        "cidrBlockAssociations": [
            {
                "associationId": each["AssociationId"],
                "cidrBlock": each["CidrBlock"],
                "state": each["CidrBlockState"]["State"],
            }
            for each in vpc.get("CidrBlockAssociationSet", [])
        ],
        "default": bool(vpc.get("IsDefault")),
        "dhcpOptionsId": vpc.get("DhcpOptionsId", ""),
        **_vpc_attributes(ec2, vpc_id),
        "instanceTenancy": vpc.get("InstanceTenancy", "default"),
        "ipv6AssociationId": "",
        "ipv6CidrBlock": "",
        "ipv6CidrBlockAssociations": [],
        "mainRouteTableId": _main_table(ec2, vpc_id),
        "ownerId": vpc.get("OwnerId", ""),
        "region": aws.region,
        "state": vpc["State"],
        "tags": tag_map(vpc.get("Tags")),
    }


def _vpc_attributes(ec2: Client, vpc_id: str) -> dict[str, bool]:
    names = ("enableDnsHostnames", "enableDnsSupport", "enableNetworkAddressUsageMetrics")
    return {
        name: ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=name)[name[0].upper() + name[1:]][
            "Value"
        ]
        for name in names
    }


def _main_table(ec2: Client, vpc_id: str) -> str:
    filters = [
        {"Name": "association.main", "Values": ["true"]},
        {"Name": "vpc-id", "Values": [vpc_id]},
    ]
    tables = ec2.describe_route_tables(Filters=filters)["RouteTables"]
    return str(tables[0]["RouteTableId"]) if tables else ""


def _subnets(aws: Aws, args: Props) -> Props:
    found = _pages(aws.client("ec2"), "describe_subnets", "Subnets", Filters=_filters(args))
    ids = [subnet["SubnetId"] for subnet in found]
    return {"tags": {}, **args, "id": aws.region, "region": aws.region, "ids": ids}


def _security_group(aws: Aws, args: Props) -> Props:
    asked: dict[str, Any] = {"Filters": _filters(args, name="group-name", vpcId="vpc-id")}
    if args.get("id"):
        asked["GroupIds"] = [args["id"]]
    found = _pages(aws.client("ec2"), "describe_security_groups", "SecurityGroups", **asked)
    group = _exactly_one(found, "EC2 Security Group")
    return {
        "id": group["GroupId"],
        "arn": aws.arn("ec2", f"security-group/{group['GroupId']}"),
        "name": group["GroupName"],
        "description": group["Description"],
        "vpcId": group.get("VpcId", ""),
        "region": aws.region,
        "tags": tag_map(group.get("Tags")),
    }


def _cluster(aws: Aws, args: Props) -> Props:
    answer = aws.client("ecs").describe_clusters(
        clusters=[args["clusterName"]], include=["TAGS", "CONFIGURATIONS", "SETTINGS"]
    )
    found = [each for each in answer["clusters"] if each["status"] != "INACTIVE"]
    cluster = _exactly_one(found, f"ECS Cluster ({args['clusterName']})")
    defaults = cluster.get("serviceConnectDefaults")
    return {
        "id": cluster["clusterArn"],
        "arn": cluster["clusterArn"],
        "clusterName": cluster["clusterName"],
        "status": cluster["status"],
        "pendingTasksCount": cluster.get("pendingTasksCount", 0),
        "runningTasksCount": cluster.get("runningTasksCount", 0),
        "registeredContainerInstancesCount": cluster.get("registeredContainerInstancesCount", 0),
        "serviceConnectDefaults": [defaults] if defaults else [],
        "settings": cluster.get("settings") or [],
        "region": aws.region,
        "tags": tag_map(cluster.get("tags"), "key", "value"),
    }


def _dns_namespace(aws: Aws, args: Props) -> Props:
    client = aws.client("servicediscovery")
    asked = [{"Name": "TYPE", "Values": [args["type"]], "Condition": "EQ"}]
    listed = _pages(client, "list_namespaces", "Namespaces", Filters=asked)
    named = [each for each in listed if each["Name"] == args["name"]]
    summary = _exactly_one(named, f"Service Discovery DNS Namespace ({args['name']})")
    namespace = client.get_namespace(Id=summary["Id"])["Namespace"]
    tags = client.list_tags_for_resource(ResourceARN=namespace["Arn"]).get("Tags")
    dns = (namespace.get("Properties") or {}).get("DnsProperties") or {}
    return {
        "id": namespace["Id"],
        "arn": namespace["Arn"],
        "name": namespace["Name"],
        "type": args["type"],
        "description": namespace.get("Description", ""),
        "hostedZone": dns.get("HostedZoneId", ""),
        "region": aws.region,
        "tags": tag_map(tags),
    }


def _secret(aws: Aws, args: Props) -> Props:
    which = args.get("arn") or args.get("name")
    if not which:
        text = "one of `arn,name` must be specified"
        raise ProviderError(text)
    client = aws.client("secretsmanager")
    secret = client.describe_secret(SecretId=which)
    if secret.get("DeletedDate"):
        text = f"couldn't find resource: Secrets Manager Secret ({which})"
        raise ProviderError(text)
    policy = client.get_resource_policy(SecretId=secret["ARN"])
    return {
        "id": secret["ARN"],
        "arn": secret["ARN"],
        "name": secret["Name"],
        "description": secret.get("Description", ""),
        "kmsKeyId": secret.get("KmsKeyId", ""),
        "createdDate": _when(secret.get("CreatedDate")),
        "lastChangedDate": _when(secret.get("LastChangedDate")),
        "policy": policy.get("ResourcePolicy") or "",
        "type": secret.get("Type", ""),
        "region": aws.region,
        "tags": tag_map(secret.get("Tags")),
    }


def _when(moment: Json) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""


INVOKES: dict[str, Callable[[Aws, Props], Props]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _availability_zones,
    "aws:ec2/getVpcs:getVpcs": _vpcs,
    "aws:ec2/getVpc:getVpc": _vpc,
    "aws:ec2/getSubnets:getSubnets": _subnets,
    "aws:ec2/getSecurityGroup:getSecurityGroup": _security_group,
    "aws:ecs/getCluster:getCluster": _cluster,
    "aws:servicediscovery/getDnsNamespace:getDnsNamespace": _dns_namespace,
    "aws:secretsmanager/getSecret:getSecret": _secret,
}
"""Function token → answer."""
