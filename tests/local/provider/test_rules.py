"""What replaces and what is changed in place, type by type, as the real provider decides it."""

import re
from typing import Any

import pytest

from byoc_infra.local.provider.diff import EXCEPTIONS, difference
from byoc_infra.local.provider.properties import UNKNOWN
from byoc_infra.local.provider.rules import rules_of
from byoc_infra.local.provider.schema import known_types, schema_of

NAMED = ("name", "namePrefix")

# Written down a second time, from the sources that the rows name, so that no row changes unseen.
REPLACED: dict[str, tuple[str, ...]] = {
    "aws:iam/role:Role": (*NAMED, "path"),
    "aws:iam/policy:Policy": (*NAMED, "path", "description"),
    "aws:iam/rolePolicy:RolePolicy": (*NAMED, "role"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": ("role", "policyArn"),
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": ("awsServiceName", "customSuffix"),
    "aws:ec2/vpc:Vpc": ("cidrBlock", "instanceTenancy", "ipv4IpamPoolId", "ipv4NetmaskLength"),
    "aws:ec2/subnet:Subnet": (
        *("vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId", "outpostArn"),
        *("ipv6Native", "ipv4IpamPoolId", "ipv4NetmaskLength", "ipv6IpamPoolId"),
        "ipv6NetmaskLength",
    ),
    "aws:ec2/internetGateway:InternetGateway": (),
    "aws:ec2/eip:Eip": ("address", "domain", "ipamPoolId", "networkBorderGroup", "publicIpv4Pool"),
    "aws:ec2/natGateway:NatGateway": (
        *("subnetId", "allocationId", "connectivityType", "privateIp", "availabilityMode"),
        "vpcId",
    ),
    "aws:ec2/routeTable:RouteTable": ("vpcId",),
    "aws:ec2/route:Route": (
        *("routeTableId", "destinationCidrBlock", "destinationIpv6CidrBlock"),
        "destinationPrefixListId",
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": ("subnetId", "gatewayId"),
    "aws:ec2/securityGroup:SecurityGroup": (*NAMED, "description", "vpcId"),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": ("vpcId",),
    "aws:ec2/vpcEndpoint:VpcEndpoint": (
        *("vpcId", "serviceName", "vpcEndpointType", "privateDnsEnabled"),
        *("resourceConfigurationArn", "serviceNetworkArn", "serviceRegion"),
    ),
    "aws:ec2/flowLog:FlowLog": (
        *("vpcId", "subnetId", "eniId", "transitGatewayId", "transitGatewayAttachmentId"),
        *("regionalNatGatewayId", "deliverCrossAccountRole", "destinationOptions", "iamRoleArn"),
        *("logDestination", "logDestinationType", "logFormat", "maxAggregationInterval"),
        *("tagFieldSpecifications", "trafficType"),
    ),
    "aws:ec2/tag:Tag": ("resourceId", "key"),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": ("securityGroupId",),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": ("securityGroupId",),
    "aws:appautoscaling/target:Target": ("serviceNamespace", "resourceId", "scalableDimension"),
    "aws:appautoscaling/policy:Policy": (
        *("name", "serviceNamespace", "resourceId", "scalableDimension"),
    ),
    "aws:ecs/cluster:Cluster": ("name",),
    "aws:ecs/taskDefinition:TaskDefinition": (
        *("containerDefinitions", "cpu", "enableFaultInjection", "ephemeralStorage"),
        *("executionRoleArn", "family", "ipcMode", "memory", "networkMode", "pidMode"),
        *("placementConstraints", "proxyConfiguration", "requiresCompatibilities"),
        *("runtimePlatform", "taskRoleArn", "volumes"),
    ),
    "aws:ecs/service:Service": ("name", "cluster", "launchType", "schedulingStrategy", "iamRole"),
    "aws:cloudwatch/logGroup:LogGroup": (*NAMED, "logGroupClass"),
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": ("name", "vpc"),
    "aws:servicediscovery/service:Service": (
        *("name", "namespaceId", "type", "healthCheckCustomConfig", "dnsConfig.namespaceId"),
        *("dnsConfig.routingPolicy", "dnsConfig.dnsRecords.type", "dnsConfig.dnsRecords[]"),
        "healthCheckConfig.type",
    ),
    "aws:rds/subnetGroup:SubnetGroup": NAMED,
    "aws:rds/parameterGroup:ParameterGroup": (*NAMED, "family", "description"),
    "aws:rds/instance:Instance": (
        *("engine", "username", "dbName", "storageEncrypted", "kmsKeyId", "availabilityZone"),
        *("snapshotIdentifier", "characterSetName", "ncharCharacterSetName", "timezone"),
        *("backupTarget", "customIamInstanceProfile", "restoreToPointInTime", "s3Import"),
    ),
    "aws:secretsmanager/secret:Secret": NAMED,
    "aws:secretsmanager/secretPolicy:SecretPolicy": ("secretArn",),
    "aws:secretsmanager/secretRotation:SecretRotation": ("secretId",),
    "aws:kms/key:Key": (
        *("customerMasterKeySpec", "keyUsage", "multiRegion", "customKeyStoreId"),
        "xksKeyId",
    ),
    "aws:kms/alias:Alias": NAMED,
    "aws:lb/loadBalancer:LoadBalancer": (
        *NAMED,
        *("internal", "loadBalancerType", "customerOwnedIpv4Pool"),
    ),
    "aws:lb/targetGroup:TargetGroup": (
        *NAMED,
        *("port", "protocol", "protocolVersion", "vpcId", "targetType", "ipAddressType"),
        "targetControlPort",
    ),
    "aws:lb/listener:Listener": ("loadBalancerArn",),
}

SOURCE = re.compile(r"(the automatic name's limit: )?(ref aws_\w+|[a-z0-9]+: [\w.…, ]+)")
"""A resource of terraform-provider-aws read as a whole, or functions of a service of it."""

SAMPLES: dict[str, tuple[Any, Any]] = {
    "string": ("one", "two"),
    "boolean": (True, False),
    "integer": (1, 2),
    "number": (1, 2),
}


def sample(shape: Any, objects: Any) -> tuple[Any, Any]:
    """Two different values of a shape."""
    if isinstance(shape, str):
        return SAMPLES[shape]
    if "list" in shape:
        one, two = sample(shape["list"], objects)
        return [one], [two]
    if "map" in shape:
        return {"key": "one"}, {"key": "two"}
    properties = objects[shape["object"]]["properties"]
    plain = {n: inner for n, inner in properties.items() if isinstance(inner, str)}
    pairs = {n: sample(inner, objects) for n, inner in (plain or properties).items()}
    return {n: pair[0] for n, pair in pairs.items()}, {n: pair[1] for n, pair in pairs.items()}


@pytest.mark.parametrize("token", known_types())
def test_the_row_says_what_the_sources_say(token: str) -> None:
    """The replacing inputs of each type are those written down here, and the row has a source."""
    rules = rules_of(token)

    assert set(rules.replace) == set(REPLACED[token])
    assert all(SOURCE.fullmatch(part) for part in rules.source.split("; "))
    assert rules.unless.keys() <= set(rules.replace)
    assert set(rules.unless.values()) <= EXCEPTIONS.keys()


@pytest.mark.parametrize("token", known_types())
def test_a_changed_input_replaces_only_where_the_row_says_so(token: str) -> None:
    """For each input of the type, one change gives a replacement or an update in place."""
    schema, rules = schema_of(token), rules_of(token)
    partly = {path.split(".")[0] for path in REPLACED[token] if "." in path}
    for name, shape in schema.inputs.items():
        old, new = sample(shape, schema.objects)
        if rules.meaning.get(name) in {"policy", "containers"}:
            old, new = '[{"name": "one"}]', '[{"name": "two"}]'

        found = difference(token, {name: old}, {name: new, "__defaults": []})

        assert found.changed == [name]
        whole = name in {*REPLACED[token], "region"}
        assert name in partly or found.replaces == ([name] if whole else [])


def nested(path: str, leaf: Any) -> dict[str, Any]:
    """An input with `leaf` at the end of a path; a step with `[]` is a list."""
    step, _, rest = path.partition(".")
    inner = nested(rest, leaf) if rest else leaf
    return {step.removesuffix("[]"): [inner] if step.endswith("[]") else inner}


DISCOVERY = "aws:servicediscovery/service:Service"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
SERVICE = "aws:ecs/service:Service"
GROUP = "aws:lb/targetGroup:TargetGroup"


@pytest.mark.parametrize(
    ("token", "path", "replaces"),
    [
        (DISCOVERY, "dnsConfig.namespaceId", True),
        (DISCOVERY, "dnsConfig.routingPolicy", True),
        (DISCOVERY, "dnsConfig.dnsRecords[].type", True),
        (DISCOVERY, "dnsConfig.dnsRecords[].ttl", False),
        (DISCOVERY, "healthCheckConfig.type", True),
        (DISCOVERY, "healthCheckConfig.resourcePath", False),
        (DISCOVERY, "healthCheckConfig.failureThreshold", False),
        (TASK, "ephemeralStorage.sizeInGib", True),
        (TASK, "runtimePlatform.cpuArchitecture", True),
        (TASK, "volumes[].name", True),
        (SERVICE, "networkConfiguration.subnets[]", False),
        (SERVICE, "deploymentCircuitBreaker.rollback", False),
        (GROUP, "healthCheck.path", False),
        (GROUP, "stickiness.cookieDuration", False),
        ("aws:lb/listener:Listener", "defaultActions[].targetGroupArn", False),
        ("aws:rds/parameterGroup:ParameterGroup", "parameters[].value", False),
        ("aws:secretsmanager/secretRotation:SecretRotation", "rotationRules.duration", False),
    ],
)
def test_a_nested_change_replaces_only_where_the_row_says_so(
    token: str, path: str, *, replaces: bool
) -> None:
    """Rows may name a field of a block; its neighbours change in place."""
    found = difference(token, nested(path, "one"), {**nested(path, "two"), "__defaults": []})

    top = path.split(".", maxsplit=1)[0].removesuffix("[]")
    assert found.changed == [top]
    assert found.replaces == ([top] if replaces else [])


@pytest.mark.parametrize("more", ["added", "dropped"])
def test_adding_or_dropping_a_dns_record_replaces(more: str) -> None:
    """The type of each record is fixed, so their number is."""
    one = {"dnsConfig": {"dnsRecords": [{"type": "A", "ttl": 10}]}}
    two = {"dnsConfig": {"dnsRecords": [{"type": "A", "ttl": 10}, {"type": "SRV", "ttl": 10}]}}

    old, new = (one, two) if more == "added" else (two, one)
    assert difference(DISCOVERY, old, new).replaces == ["dnsConfig"]


@pytest.mark.parametrize(
    ("old", "new", "replaces"),
    [
        ("default", {"instanceTenancy": "dedicated"}, ["instanceTenancy"]),
        ("dedicated", {"instanceTenancy": "default"}, []),
        ("dedicated", {}, []),
    ],
)
def test_only_a_dedicated_vpc_may_change_its_tenancy(
    old: str, new: dict[str, str], replaces: list[str]
) -> None:
    """AWS lets go of dedicated hosts in place, and never takes them on."""
    found = difference("aws:ec2/vpc:Vpc", {"instanceTenancy": old}, new)

    assert found.changed == ["instanceTenancy"]
    assert found.replaces == replaces


@pytest.mark.parametrize(
    ("service", "changed"),
    [
        ("autoscaling.amazonaws.com", ["customSuffix"]),
        ("ecs.application-autoscaling.amazonaws.com", []),
    ],
)
def test_the_suffix_that_aws_gave_is_not_taken_away(service: str, changed: list[str]) -> None:
    """Dropping it replaces the role, but for those that AWS names itself."""
    token = "aws:iam/serviceLinkedRole:ServiceLinkedRole"
    state = {"awsServiceName": service, "customSuffix": "ECSService"}

    found = difference(token, state, {"awsServiceName": service})

    assert found.changed == changed
    assert found.replaces == changed


@pytest.mark.parametrize("token", known_types())
def test_a_computed_input_taken_out_is_no_change(token: str) -> None:
    """What AWS chose stays when the program says nothing, also where a change would replace."""
    rules = rules_of(token)
    state = {name: "of AWS" for name in rules.computed if "." not in name}

    assert difference(token, state, {}).detailed == {}


def test_an_unknown_replacing_input_shows_as_a_replacement() -> None:
    """A preview that cannot know the value says what may happen (rule 1)."""
    found = difference("aws:ec2/subnet:Subnet", {"vpcId": "vpc-1"}, {"vpcId": UNKNOWN})

    assert found.detailed == {"vpcId": "UPDATE_REPLACE"}
    assert found.replaces == ["vpcId"]


def test_a_fixed_name_means_delete_before_replace() -> None:
    """Two things of one name cannot be at once (rule 2b)."""
    token = "aws:lb/targetGroup:TargetGroup"
    fixed = {"name": "one", "port": 81, "__defaults": []}

    assert difference(token, {"name": "one", "port": 80}, fixed).delete_before_replace


def test_an_automatic_name_means_create_before_delete() -> None:
    """Check gives the new one another name, so the old may serve meanwhile."""
    token = "aws:lb/targetGroup:TargetGroup"
    automatic = {"name": "one-1234567", "port": 81, "__defaults": ["name"]}

    assert not difference(token, {"name": "x", "port": 80}, automatic).delete_before_replace


def test_an_attachment_is_always_deleted_first() -> None:
    """Detach before attach, whatever the names (rule 2a)."""
    token = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"

    found = difference(token, {"role": "a", "policyArn": "x"}, {"role": "b", "policyArn": "x"})

    assert found.delete_before_replace
    assert found.stables == ["policyArn"]


def test_the_providers_own_region_may_come_and_go() -> None:
    """Absent and the provider's region are one (rule 3); another region replaces."""
    token = "aws:ec2/vpc:Vpc"

    assert difference(token, {"region": "eu-west-1"}, {}, region="eu-west-1").detailed == {}
    moved = difference(token, {"region": "eu-west-1"}, {"region": "us-east-1"}, region="eu-west-1")
    assert moved.replaces == ["region"]


def test_ignored_changes_are_left_out_although_the_state_has_drifted() -> None:
    """With ignore_changes on desiredCount, a count that a scaler set is no difference."""
    token = "aws:ecs/service:Service"

    assert difference(token, {"desiredCount": 3}, {"desiredCount": 1}).changed
    assert not difference(
        token, {"desiredCount": 3}, {"desiredCount": 1}, ignore=["desiredCount"]
    ).changed


def test_nested_rules_name_the_top_level_input() -> None:
    """Another record type replaces the discovery service, another TTL does not (rule 1)."""
    token = "aws:servicediscovery/service:Service"

    def records(kind: str, ttl: int) -> dict[str, Any]:
        return {"dnsConfig": {"dnsRecords": [{"type": kind, "ttl": ttl}]}}

    other_type = difference(token, records("A", 10), records("SRV", 10))
    other_ttl = difference(token, records("A", 10), records("A", 60))
    assert other_type.replaces == ["dnsConfig"]
    assert other_type.detailed == {"dnsConfig.dnsRecords[0].type": "UPDATE_REPLACE"}
    assert other_ttl.replaces == []
    assert other_ttl.detailed == {"dnsConfig.dnsRecords[0].ttl": "UPDATE"}
