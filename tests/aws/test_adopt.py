"""What a killed run has made is found again; what is somebody else's is not."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from byoc_infra.aws.adopt import FINDERS, find
from byoc_infra.aws.session import Session

TAGS = {"byoc:installation": "default", "byoc:deployment": "x"}
PAIRS = [{"Key": key, "Value": value} for key, value in TAGS.items()]
LOWER = [{"key": key, "value": value} for key, value in TAGS.items()]
ALLOW = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [ALLOW]})
Made = tuple[dict[str, Any], str]
"""Inputs by Pulumi's names, and the import id that must be found."""


def ec2_tags(kind: str) -> list[dict[str, Any]]:
    """Tags at creation, as EC2 takes them."""
    return [{"ResourceType": kind, "Tags": PAIRS}]


def vpc(s: Session) -> Made:
    """A VPC; the same one for all that a test makes."""
    inputs = {"cidrBlock": "10.9.0.0/16", "tags": TAGS}
    if found := find("aws:ec2/vpc:Vpc", inputs, s):
        return inputs, found
    made = s.client("ec2").create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=ec2_tags("vpc"))
    return inputs, made["Vpc"]["VpcId"]


def subnet(s: Session) -> Made:
    """A subnet."""
    _, vpc_id = vpc(s)
    made = s.client("ec2").create_subnet(
        VpcId=vpc_id, CidrBlock="10.9.1.0/24", TagSpecifications=ec2_tags("subnet")
    )
    inputs = {"vpcId": vpc_id, "cidrBlock": "10.9.1.0/24", "tags": TAGS}
    return inputs, made["Subnet"]["SubnetId"]


def internet_gateway(s: Session) -> Made:
    """A gateway that was not attached yet."""
    made = s.client("ec2").create_internet_gateway(TagSpecifications=ec2_tags("internet-gateway"))
    return {"vpcId": "vpc-1", "tags": TAGS}, made["InternetGateway"]["InternetGatewayId"]


def eip(s: Session) -> Made:
    """An address."""
    made = s.client("ec2").allocate_address(Domain="vpc", TagSpecifications=ec2_tags("elastic-ip"))
    return {"domain": "vpc", "tags": TAGS}, made["AllocationId"]


def nat_gateway(s: Session) -> Made:
    """A NAT gateway, after one that was deleted."""
    inputs, subnet_id = subnet(s)
    ec2 = s.client("ec2")
    ids = [
        ec2.create_nat_gateway(
            SubnetId=subnet_id, ConnectivityType="private", TagSpecifications=ec2_tags("natgateway")
        )["NatGateway"]["NatGatewayId"]
        for _ in range(2)
    ]
    ec2.delete_nat_gateway(NatGatewayId=ids[0])
    return {"subnetId": subnet_id, "tags": inputs["tags"]}, ids[1]


def route_table(s: Session) -> Made:
    """A route table beside the VPC's main one."""
    _, vpc_id = vpc(s)
    made = s.client("ec2").create_route_table(
        VpcId=vpc_id, TagSpecifications=ec2_tags("route-table")
    )
    return {"vpcId": vpc_id, "tags": TAGS}, made["RouteTable"]["RouteTableId"]


def route(s: Session) -> Made:
    """A route to the internet."""
    inputs, table = route_table(s)
    ec2 = s.client("ec2")
    _, gateway = internet_gateway(s)
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=inputs["vpcId"])
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    wanted = {"routeTableId": table, "destinationCidrBlock": "0.0.0.0/0", "gatewayId": gateway}
    return wanted, f"{table}_0.0.0.0/0"


def route_table_association(s: Session) -> Made:
    """An association."""
    inputs, subnet_id = subnet(s)
    ec2 = s.client("ec2")
    table = ec2.create_route_table(VpcId=inputs["vpcId"])["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet_id)
    return {"routeTableId": table, "subnetId": subnet_id}, f"{subnet_id}/{table}"


def endpoint(s: Session) -> Made:
    """An endpoint beside that of another service, after one that was deleted."""
    _, vpc_id = vpc(s)
    ec2, region = s.client("ec2"), "com.amazonaws.eu-west-1"
    made = [
        ec2.create_vpc_endpoint(
            VpcId=vpc_id,
            ServiceName=f"{region}.{word}",
            VpcEndpointType="Interface",
            TagSpecifications=ec2_tags("vpc-endpoint"),
        )["VpcEndpoint"]["VpcEndpointId"]
        for word in ("logs", "ecr.api", "logs")
    ]
    ec2.delete_vpc_endpoints(VpcEndpointIds=made[:1])
    return {"vpcId": vpc_id, "serviceName": f"{region}.logs", "tags": TAGS}, made[2]


def flow_log(s: Session) -> Made:
    """A flow log beside one that writes elsewhere."""
    _, vpc_id = vpc(s)
    base = "arn:aws:logs:eu-west-1:123456789012:log-group:"
    made = [
        s.client("ec2").create_flow_logs(
            ResourceIds=[vpc_id],
            ResourceType="VPC",
            TrafficType="ALL",
            LogDestination=base + group,
            DeliverLogsPermissionArn="arn:aws:iam::123456789012:role/flow",
            TagSpecifications=ec2_tags("vpc-flow-log"),
        )["FlowLogIds"][0]
        for group in ("/other", "/ours")
    ]
    return {"vpcId": vpc_id, "logDestination": f"{base}/ours:*", "tags": TAGS}, made[1]


def tag(s: Session) -> Made:
    """One tag of a VPC that has others."""
    _, vpc_id = vpc(s)
    wanted = {"resourceId": vpc_id, "key": "byoc:deployment", "value": "x"}
    return wanted, f"{vpc_id},byoc:deployment"


def default_security_group(s: Session) -> Made:
    """The one that AWS made."""
    _, vpc_id = vpc(s)
    groups = s.client("ec2").describe_security_groups(
        Filters=[{"Name": "vpc-id", "Values": [vpc_id]}]
    )
    return {"vpcId": vpc_id}, groups["SecurityGroups"][0]["GroupId"]


def security_group(s: Session) -> Made:
    """A group."""
    _, vpc_id = vpc(s)
    made = s.client("ec2").create_security_group(
        GroupName="app",
        Description="d",
        VpcId=vpc_id,
        TagSpecifications=ec2_tags("security-group"),
    )
    return {"name": "app", "vpcId": vpc_id, "tags": TAGS}, made["GroupId"]


def ingress_rule(s: Session) -> Made:
    """A rule beside another one."""
    _, group = security_group(s)
    ec2 = s.client("ec2")
    made = [
        ec2.authorize_security_group_ingress(
            GroupId=group,
            IpPermissions=[
                {
                    "IpProtocol": "tcp",
                    "FromPort": port,
                    "ToPort": port,
                    "IpRanges": [{"CidrIp": "10.0.0.0/8"}],
                }
            ],
        )["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        for port in (8000, 8001)
    ]
    inputs = {
        "securityGroupId": group,
        "ipProtocol": "tcp",
        "fromPort": 8000,
        "toPort": 8000,
        "cidrIpv4": "10.0.0.0/8",
    }
    return inputs, made[0]


def egress_rule(s: Session) -> Made:
    """A rule to another group."""
    _, group = security_group(s)
    ec2 = s.client("ec2")
    made = ec2.authorize_security_group_egress(
        GroupId=group,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 6379,
                "ToPort": 6379,
                "UserIdGroupPairs": [{"GroupId": group}],
            }
        ],
    )["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    inputs = {
        "securityGroupId": group,
        "ipProtocol": "tcp",
        "fromPort": 6379,
        "toPort": 6379,
        "referencedSecurityGroupId": group,
    }
    return inputs, made


def role(s: Session) -> Made:
    """A role."""
    s.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST, Tags=PAIRS)
    return {"name": "r", "tags": TAGS}, "r"


def policy(s: Session) -> Made:
    """A managed policy."""
    made = s.client("iam").create_policy(PolicyName="p", PolicyDocument=TRUST, Tags=PAIRS)
    return {"name": "p", "tags": TAGS}, made["Policy"]["Arn"]


def role_policy(s: Session) -> Made:
    """An inline policy."""
    role(s)
    s.client("iam").put_role_policy(RoleName="r", PolicyName="inline", PolicyDocument=TRUST)
    return {"role": "r", "name": "inline"}, "r:inline"


def attachment(s: Session) -> Made:
    """A policy on a role."""
    role(s)
    _, arn = policy(s)
    s.client("iam").attach_role_policy(RoleName="r", PolicyArn=arn)
    return {"role": "r", "policyArn": arn}, f"r/{arn}"


def service_linked_role(s: Session) -> Made:
    """A role of AWS's own."""
    made = s.client("iam").create_service_linked_role(AWSServiceName="rds.amazonaws.com")
    return {"awsServiceName": "rds.amazonaws.com"}, made["Role"]["Arn"]


def cluster(s: Session) -> Made:
    """A cluster."""
    s.client("ecs").create_cluster(clusterName="c", tags=LOWER)
    return {"name": "c", "tags": TAGS}, "c"


def task_definition(s: Session) -> Made:
    """The newest revision."""
    ecs = s.client("ecs")
    for _ in range(2):
        made = ecs.register_task_definition(
            family="f",
            containerDefinitions=[{"name": "a", "image": "x", "memory": 64}],
            tags=LOWER,
        )
    return {"family": "f", "tags": TAGS}, made["taskDefinition"]["taskDefinitionArn"]


def service(s: Session) -> Made:
    """A service."""
    cluster(s)
    task_definition(s)
    s.client("ecs").create_service(
        cluster="c", serviceName="svc", taskDefinition="f", desiredCount=0, tags=LOWER
    )
    inputs = {"cluster": "arn:aws:ecs:eu-west-1:123456789012:cluster/c", "name": "svc"}
    return {**inputs, "tags": TAGS}, "c/svc"


def log_group(s: Session) -> Made:
    """A log group beside one whose name begins alike."""
    logs = s.client("logs")
    logs.create_log_group(logGroupName="/a/b", tags=TAGS)
    logs.create_log_group(logGroupName="/a/bc", tags=TAGS)
    return {"name": "/a/b", "tags": TAGS}, "/a/b"


def namespace(s: Session) -> Made:
    """A namespace in a VPC."""
    client = s.client("servicediscovery")
    client.create_private_dns_namespace(Name="n.internal", Vpc="vpc-1", Tags=PAIRS)
    found = client.list_namespaces()["Namespaces"][0]["Id"]
    return {"name": "n.internal", "vpc": "vpc-1", "tags": TAGS}, f"{found}:vpc-1"


def discovery_service(s: Session) -> Made:
    """A service in it."""
    _, place = namespace(s)
    namespace_id = place.split(":")[0]
    made = s.client("servicediscovery").create_service(
        Name="cache", NamespaceId=namespace_id, Tags=PAIRS
    )
    inputs = {"name": "cache", "dnsConfig": {"namespaceId": namespace_id}, "tags": TAGS}
    return inputs, made["Service"]["Id"]


def subnet_group(s: Session) -> Made:
    """A DB subnet group."""
    _, subnet_id = subnet(s)
    s.client("rds").create_db_subnet_group(
        DBSubnetGroupName="g", DBSubnetGroupDescription="d", SubnetIds=[subnet_id], Tags=PAIRS
    )
    return {"name": "g", "tags": TAGS}, "g"


def parameter_group(s: Session) -> Made:
    """A DB parameter group."""
    s.client("rds").create_db_parameter_group(
        DBParameterGroupName="pg", DBParameterGroupFamily="postgres16", Description="d", Tags=PAIRS
    )
    return {"name": "pg", "tags": TAGS}, "pg"


def database(s: Session) -> Made:
    """A DB instance."""
    s.client("rds").create_db_instance(
        DBInstanceIdentifier="db",
        Engine="postgres",
        DBInstanceClass="db.t4g.micro",
        AllocatedStorage=20,
        MasterUsername="langgraph",
        MasterUserPassword="not-a-secret",
        Tags=PAIRS,
    )
    return {"identifier": "db", "tags": TAGS}, "db"


def secret(s: Session) -> Made:
    """A secret container."""
    made = s.client("secretsmanager").create_secret(Name="sec", Tags=PAIRS)
    return {"name": "sec", "tags": TAGS}, made["ARN"]


def secret_policy(s: Session) -> Made:
    """Its resource policy."""
    _, arn = secret(s)
    s.client("secretsmanager").put_resource_policy(SecretId=arn, ResourcePolicy=TRUST)
    return {"secretArn": arn}, arn


def secret_rotation(s: Session) -> Made:
    """Its rotation."""
    made = s.client("secretsmanager").create_secret(Name="rot", SecretString="x")
    s.client("secretsmanager").rotate_secret(
        SecretId=made["ARN"], RotationRules={"AutomaticallyAfterDays": 90}, RotateImmediately=False
    )
    return {"secretId": made["ARN"]}, made["ARN"]


def key(s: Session) -> Made:
    """A key, after one that waits for its deletion."""
    kms = s.client("kms")
    tags = [{"TagKey": name, "TagValue": value} for name, value in TAGS.items()]
    ids = [kms.create_key(Description="d", Tags=tags)["KeyMetadata"]["KeyId"] for _ in range(2)]
    kms.schedule_key_deletion(KeyId=ids[0], PendingWindowInDays=7)
    return {"description": "d", "tags": TAGS}, ids[1]


def alias(s: Session) -> Made:
    """Its alias."""
    _, key_id = key(s)
    s.client("kms").create_alias(AliasName="alias/a", TargetKeyId=key_id)
    return {"name": "alias/a", "targetKeyId": key_id}, "alias/a"


def balancer(s: Session) -> Made:
    """A load balancer."""
    _, subnet_id = subnet(s)
    made = s.client("elbv2").create_load_balancer(Name="lb", Subnets=[subnet_id], Tags=PAIRS)
    return {"name": "lb", "tags": TAGS}, made["LoadBalancers"][0]["LoadBalancerArn"]


def target_group(s: Session) -> Made:
    """A target group."""
    _, vpc_id = vpc(s)
    made = s.client("elbv2").create_target_group(
        Name="tg", Protocol="HTTP", Port=8000, VpcId=vpc_id, TargetType="ip", Tags=PAIRS
    )
    return {"name": "tg", "tags": TAGS}, made["TargetGroups"][0]["TargetGroupArn"]


def listener(s: Session) -> Made:
    """A listener."""
    _, group_arn = target_group(s)
    _, balancer_arn = balancer(s)
    made = s.client("elbv2").create_listener(
        LoadBalancerArn=balancer_arn,
        Port=80,
        Protocol="HTTP",
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group_arn}],
        Tags=PAIRS,
    )
    inputs = {"loadBalancerArn": balancer_arn, "port": 80, "tags": TAGS}
    return inputs, made["Listeners"][0]["ListenerArn"]


SCALED = {
    "serviceNamespace": "dynamodb",
    "resourceId": "table/t",
    "scalableDimension": "dynamodb:table:ReadCapacityUnits",
}
"""Moto scales tables; the finders look at names alone."""


def scalable_target(s: Session) -> Made:
    """A scalable target; moto keeps no tags of it."""
    scaling = s.client("application-autoscaling")
    place = {name[0].upper() + name[1:]: value for name, value in SCALED.items()}
    scaling.register_scalable_target(**place, MinCapacity=1, MaxCapacity=2)
    scaling.list_tags_for_resource = lambda ResourceARN: {"Tags": TAGS}  # noqa: N803 - AWS's
    return {**SCALED, "tags": TAGS}, "/".join(SCALED.values())


def scaling_policy(s: Session) -> Made:
    """One of its policies."""
    _, place = scalable_target(s)
    s.client("application-autoscaling").put_scaling_policy(
        PolicyName="p",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={"TargetValue": 1.0},
        **{name[0].upper() + name[1:]: value for name, value in SCALED.items()},
    )
    return {**SCALED, "name": "p"}, f"{place}/p"


@dataclass(frozen=True)
class Case:
    """How a test makes one of a type, and which of its inputs tells it from another."""

    make: Callable[[Session], Made]
    other: dict[str, Any]


CASES = {
    "aws:iam/role:Role": Case(role, {"name": "other"}),
    "aws:iam/policy:Policy": Case(policy, {"name": "other"}),
    "aws:iam/rolePolicy:RolePolicy": Case(role_policy, {"name": "other"}),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Case(attachment, {"policyArn": "other"}),
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": Case(
        service_linked_role, {"awsServiceName": "ecs.amazonaws.com"}
    ),
    "aws:ec2/vpc:Vpc": Case(vpc, {"cidrBlock": "10.8.0.0/16"}),
    "aws:ec2/subnet:Subnet": Case(subnet, {"cidrBlock": "10.9.2.0/24"}),
    "aws:ec2/internetGateway:InternetGateway": Case(internet_gateway, {"tags": {"other": "1"}}),
    "aws:ec2/eip:Eip": Case(eip, {"tags": {}}),
    "aws:ec2/natGateway:NatGateway": Case(nat_gateway, {"subnetId": "subnet-other"}),
    "aws:ec2/routeTable:RouteTable": Case(route_table, {"tags": {}}),
    "aws:ec2/route:Route": Case(route, {"destinationCidrBlock": "1.0.0.0/8"}),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Case(
        route_table_association, {"subnetId": "subnet-other"}
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Case(
        endpoint, {"serviceName": "com.amazonaws.eu-west-1.ecr.dkr"}
    ),
    "aws:ec2/flowLog:FlowLog": Case(flow_log, {"logDestination": "other"}),
    "aws:ec2/tag:Tag": Case(tag, {"value": "somebody else's"}),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": Case(
        default_security_group, {"vpcId": "vpc-other"}
    ),
    "aws:ec2/securityGroup:SecurityGroup": Case(security_group, {"name": "other"}),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": Case(
        ingress_rule, {"fromPort": 9}
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": Case(egress_rule, {"toPort": 9}),
    "aws:ecs/cluster:Cluster": Case(cluster, {"name": "other"}),
    "aws:ecs/taskDefinition:TaskDefinition": Case(task_definition, {"family": "other"}),
    "aws:ecs/service:Service": Case(service, {"name": "other"}),
    "aws:cloudwatch/logGroup:LogGroup": Case(log_group, {"name": "/a"}),
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": Case(
        namespace, {"name": "other"}
    ),
    "aws:servicediscovery/service:Service": Case(discovery_service, {"name": "other"}),
    "aws:rds/subnetGroup:SubnetGroup": Case(subnet_group, {"name": "other"}),
    "aws:rds/parameterGroup:ParameterGroup": Case(parameter_group, {"name": "other"}),
    "aws:rds/instance:Instance": Case(database, {"identifier": "other"}),
    "aws:secretsmanager/secret:Secret": Case(secret, {"name": "other"}),
    "aws:secretsmanager/secretPolicy:SecretPolicy": Case(secret_policy, {"secretArn": "other"}),
    "aws:secretsmanager/secretRotation:SecretRotation": Case(
        secret_rotation, {"secretId": "other"}
    ),
    "aws:kms/key:Key": Case(key, {"tags": {}}),
    "aws:kms/alias:Alias": Case(alias, {"name": "alias/other"}),
    "aws:lb/loadBalancer:LoadBalancer": Case(balancer, {"name": "other"}),
    "aws:lb/targetGroup:TargetGroup": Case(target_group, {"name": "other"}),
    "aws:lb/listener:Listener": Case(listener, {"port": 81}),
    "aws:appautoscaling/target:Target": Case(scalable_target, {"resourceId": "table/other"}),
    "aws:appautoscaling/policy:Policy": Case(scaling_policy, {"resourceId": "table/other"}),
}


@pytest.mark.parametrize("token", FINDERS)
def test_what_was_made_is_found_again(session: Session, token: str) -> None:
    """Each type, by the inputs that it was created with.

    What differs in the input that tells it apart is not taken, nor is something of the same
    name without our tags: our destroy would delete it.
    """
    inputs, wanted = CASES[token].make(session)

    assert find(token, inputs, session) == wanted
    assert find(token, {**inputs, **CASES[token].other}, session) is None
    if "tags" in inputs:
        ours = {**TAGS, "byoc:deployment": "another"}
        assert find(token, {**inputs, "tags": ours}, session) is None


def test_unknown_inputs_find_nothing(session: Session) -> None:
    """With a value that was not known nothing can have been made."""
    for token in FINDERS:
        assert find(token, {}, session) is None


def test_a_type_without_a_finder_finds_nothing(session: Session) -> None:
    """The engine makes it anew."""
    assert find("aws:s3/bucket:Bucket", {"bucket": "x"}, session) is None


def test_two_of_the_same_are_not_guessed(session: Session) -> None:
    """Taking any of them could be the wrong one."""
    inputs, _ = eip(session)
    eip(session)

    assert find("aws:ec2/eip:Eip", inputs, session) is None


def test_what_is_being_deleted_is_not_taken(session: Session) -> None:
    """A secret in its recovery window cannot be used."""
    inputs, arn = secret(session)
    session.client("secretsmanager").delete_secret(SecretId=arn)

    assert find("aws:secretsmanager/secret:Secret", inputs, session) is None
