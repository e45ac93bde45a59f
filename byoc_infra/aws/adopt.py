"""Finds again what a killed run has made, so that it is imported and not made twice.

Names are deterministic and tags are put on at creation, so a resource's inputs are enough to
find it. Something of the same name without our tags is somebody else's and is never taken.
"""

from collections.abc import Callable, Mapping
from typing import Any

from byoc_infra.aws import adopt_network as network
from byoc_infra.aws.adopt_match import Inputs, one_of, ours, tags_of
from byoc_infra.aws.session import Session

__all__ = ["FINDERS", "find"]

Finder = Callable[[Session, Inputs], str | None]


def find(type_token: str, inputs: Mapping[str, Any], session: Session) -> str | None:
    """The import id of the object that these inputs made, if there is exactly one."""
    finder = FINDERS.get(type_token)
    if finder is None:
        return None
    try:
        return finder(session, inputs)
    except (KeyError, TypeError, AttributeError):
        # an input that was unknown when the run was killed: nothing can have been made with it
        return None


def _role(session: Session, inputs: Inputs) -> str | None:
    name = inputs["name"]
    role = session.ask("iam", "get_role", absent=NO_ENTITY, RoleName=name).get("Role")
    return name if role and ours(inputs, tags_of(role.get("Tags"))) else None


def _policy(session: Session, inputs: Inputs) -> str | None:
    account = session.identity().account_id
    arn = f"arn:aws:iam::{account}:policy{inputs.get('path') or '/'}{inputs['name']}"
    policy = session.ask("iam", "get_policy", absent=NO_ENTITY, PolicyArn=arn).get("Policy")
    return arn if policy and ours(inputs, tags_of(policy.get("Tags"))) else None


def _role_policy(session: Session, inputs: Inputs) -> str | None:
    role, name = _role_name(inputs["role"]), inputs["name"]
    found = session.ask("iam", "get_role_policy", absent=NO_ENTITY, RoleName=role, PolicyName=name)
    return f"{role}:{name}" if found else None


def _attachment(session: Session, inputs: Inputs) -> str | None:
    role, policy = _role_name(inputs["role"]), inputs["policyArn"]
    attached = session.each(
        "iam", "list_attached_role_policies", "AttachedPolicies", absent=NO_ENTITY, RoleName=role
    )
    return f"{role}/{policy}" if any(one["PolicyArn"] == policy for one in attached) else None


def _service_linked_role(session: Session, inputs: Inputs) -> str | None:
    path = f"/aws-service-role/{inputs['awsServiceName']}/"
    return one_of(
        role["Arn"]
        for role in session.each("iam", "list_roles", "Roles", PathPrefix=path)
        if role["Path"] == path
    )


def _cluster(session: Session, inputs: Inputs) -> str | None:
    found = session.ask(
        "ecs", "describe_clusters", clusters=[inputs["name"]], include=["TAGS"]
    ).get("clusters", [])
    return one_of(
        one["clusterName"]
        for one in found
        if one.get("status") != "INACTIVE" and ours(inputs, tags_of(one.get("tags")))
    )


def _service(session: Session, inputs: Inputs) -> str | None:
    cluster, name = str(inputs["cluster"]).rsplit("/", 1)[-1], inputs["name"]
    found = session.ask(
        "ecs",
        "describe_services",
        absent=frozenset({"ClusterNotFoundException"}),
        cluster=cluster,
        services=[name],
        include=["TAGS"],
    ).get("services", [])
    return one_of(
        f"{cluster}/{name}"
        for one in found
        if one.get("status") == "ACTIVE" and ours(inputs, tags_of(one.get("tags")))
    )


def _task_definition(session: Session, inputs: Inputs) -> str | None:
    """The family's newest revision, when its tags are those asked for.

    Tags say which deployment; that the revision is not one of an earlier run is for the caller
    to see, who knows what the stack holds already.
    """
    family = inputs["family"]
    arns = session.each(
        "ecs",
        "list_task_definitions",
        "taskDefinitionArns",
        familyPrefix=family,
        status="ACTIVE",
    )
    revisions = {int(arn.rsplit(":", 1)[-1]): arn for arn in arns if _family(arn) == family}
    if not revisions:
        return None
    newest = revisions[max(revisions)]
    about = session.ask("ecs", "describe_task_definition", taskDefinition=newest, include=["TAGS"])
    return newest if ours(inputs, tags_of(about.get("tags"))) else None


def _family(arn: str) -> str:
    return arn.rsplit("/", 1)[-1].split(":", maxsplit=1)[0]


def _log_group(session: Session, inputs: Inputs) -> str | None:
    name = inputs["name"]
    groups = session.each("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=name)
    if not any(group["logGroupName"] == name for group in groups):
        return None
    tags = session.ask("logs", "list_tags_log_group", logGroupName=name).get("tags")
    return name if ours(inputs, tags_of(tags)) else None


def _namespace(session: Session, inputs: Inputs) -> str | None:
    found = [
        one
        for one in session.each("servicediscovery", "list_namespaces", "Namespaces")
        if one["Name"] == inputs["name"] and ours(inputs, _discovery_tags(session, one["Arn"]))
    ]
    return one_of(f"{one['Id']}:{inputs['vpc']}" for one in found)


def _discovery_service(session: Session, inputs: Inputs) -> str | None:
    namespace = inputs["dnsConfig"]["namespaceId"]
    filters = [{"Name": "NAMESPACE_ID", "Values": [namespace], "Condition": "EQ"}]
    found = [
        one
        for one in session.each("servicediscovery", "list_services", "Services", Filters=filters)
        if one["Name"] == inputs["name"] and ours(inputs, _discovery_tags(session, one["Arn"]))
    ]
    return one_of(one["Id"] for one in found)


def _discovery_tags(session: Session, arn: str) -> dict[str, str]:
    answer = session.ask("servicediscovery", "list_tags_for_resource", ResourceARN=arn)
    return tags_of(answer.get("Tags"))


def _rds(operation: str, key: str, parameter: str, arn_key: str, missing: str) -> Finder:
    """RDS's kinds: described by name, tags listed by ARN."""

    def finder(session: Session, inputs: Inputs) -> str | None:
        name = inputs["identifier"] if key == "DBInstances" else inputs["name"]
        asked: dict[str, Any] = {parameter: name}
        absent = frozenset({missing, f"{missing}Fault"})
        found = session.ask("rds", operation, absent=absent, **asked).get(key, [])
        if not found or found[0].get("DBInstanceStatus") == "deleting":
            return None
        tags = session.ask("rds", "list_tags_for_resource", ResourceName=found[0][arn_key])
        return str(name) if ours(inputs, tags_of(tags.get("TagList"))) else None

    return finder


def _secret(session: Session, inputs: Inputs) -> str | None:
    found = session.ask(
        "secretsmanager", "describe_secret", absent=NO_SECRET, SecretId=inputs["name"]
    )
    if not found or found.get("DeletedDate"):
        return None
    return found["ARN"] if ours(inputs, tags_of(found.get("Tags"))) else None


def _secret_policy(session: Session, inputs: Inputs) -> str | None:
    arn = inputs["secretArn"]
    found = session.ask("secretsmanager", "get_resource_policy", absent=NO_SECRET, SecretId=arn)
    return arn if found.get("ResourcePolicy") else None


def _secret_rotation(session: Session, inputs: Inputs) -> str | None:
    arn = inputs["secretId"]
    found = session.ask("secretsmanager", "describe_secret", absent=NO_SECRET, SecretId=arn)
    return arn if found.get("RotationEnabled") else None


def _key(session: Session, inputs: Inputs) -> str | None:
    """By tags only: a key has no name. Untagged inputs match nothing."""
    if not inputs.get("tags"):
        return None
    return one_of(
        key["KeyId"]
        for key in session.each("kms", "list_keys", "Keys")
        if _key_is(session, key["KeyId"], inputs)
    )


def _key_is(session: Session, key_id: str, inputs: Inputs) -> bool:
    about = session.ask("kms", "describe_key", KeyId=key_id)["KeyMetadata"]
    if about.get("KeyManager") == "AWS" or about.get("KeyState") == "PendingDeletion":
        return False
    if inputs.get("description") not in (None, about.get("Description")):
        return False
    tags = session.ask("kms", "list_resource_tags", KeyId=key_id).get("Tags", [])
    return ours(inputs, {tag["TagKey"]: tag["TagValue"] for tag in tags})


def _alias(session: Session, inputs: Inputs) -> str | None:
    key = str(inputs["targetKeyId"]).rsplit("/", 1)[-1]
    return one_of(
        alias["AliasName"]
        for alias in session.each("kms", "list_aliases", "Aliases")
        if alias["AliasName"] == inputs["name"] and alias.get("TargetKeyId") == key
    )


def _balancer(session: Session, inputs: Inputs) -> str | None:
    found = session.ask(
        "elbv2",
        "describe_load_balancers",
        absent=frozenset({"LoadBalancerNotFound"}),
        Names=[inputs["name"]],
    ).get("LoadBalancers", [])
    return _tagged_balancing(session, inputs, [one["LoadBalancerArn"] for one in found])


def _target_group(session: Session, inputs: Inputs) -> str | None:
    found = session.ask(
        "elbv2",
        "describe_target_groups",
        absent=frozenset({"TargetGroupNotFound"}),
        Names=[inputs["name"]],
    ).get("TargetGroups", [])
    return _tagged_balancing(session, inputs, [one["TargetGroupArn"] for one in found])


def _listener(session: Session, inputs: Inputs) -> str | None:
    found = session.each(
        "elbv2",
        "describe_listeners",
        "Listeners",
        absent=frozenset({"LoadBalancerNotFound"}),
        LoadBalancerArn=inputs["loadBalancerArn"],
    )
    arns = [one["ListenerArn"] for one in found if one.get("Port") == int(inputs["port"])]
    return _tagged_balancing(session, inputs, arns)


def _tagged_balancing(session: Session, inputs: Inputs, arns: list[str]) -> str | None:
    if not arns:
        return None
    found = session.ask("elbv2", "describe_tags", ResourceArns=arns)["TagDescriptions"]
    return one_of(one["ResourceArn"] for one in found if ours(inputs, tags_of(one.get("Tags"))))


def _role_name(role: str) -> str:
    return str(role).rsplit("/", 1)[-1]


NO_ENTITY = frozenset({"NoSuchEntity", "NoSuchEntityException"})
NO_SECRET = frozenset({"ResourceNotFoundException"})


def _scalable_target(session: Session, inputs: Inputs) -> str | None:
    found = list(
        session.each(
            "application-autoscaling",
            "describe_scalable_targets",
            "ScalableTargets",
            ServiceNamespace=inputs["serviceNamespace"],
            ResourceIds=[inputs["resourceId"]],
            ScalableDimension=inputs["scalableDimension"],
        )
    )
    if not found:
        return None
    arn = found[0]["ScalableTargetARN"]
    tags = session.ask("application-autoscaling", "list_tags_for_resource", ResourceARN=arn)
    place = f"{inputs['serviceNamespace']}/{inputs['resourceId']}/{inputs['scalableDimension']}"
    return place if ours(inputs, tags_of(tags.get("Tags"))) else None


def _scaling_policy(session: Session, inputs: Inputs) -> str | None:
    """By name on its target, which carries the tags; a policy has none of its own."""
    found = session.each(
        "application-autoscaling",
        "describe_scaling_policies",
        "ScalingPolicies",
        ServiceNamespace=inputs["serviceNamespace"],
        PolicyNames=[inputs["name"]],
        ResourceId=inputs["resourceId"],
        ScalableDimension=inputs["scalableDimension"],
    )
    place = f"{inputs['serviceNamespace']}/{inputs['resourceId']}/{inputs['scalableDimension']}"
    return one_of(f"{place}/{one['PolicyName']}" for one in found)


FINDERS: dict[str, Finder] = {
    "aws:iam/role:Role": _role,
    "aws:iam/policy:Policy": _policy,
    "aws:iam/rolePolicy:RolePolicy": _role_policy,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _attachment,
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": _service_linked_role,
    "aws:ec2/vpc:Vpc": network.vpc,
    "aws:ec2/subnet:Subnet": network.subnet,
    "aws:ec2/internetGateway:InternetGateway": network.internet_gateway,
    "aws:ec2/eip:Eip": network.elastic_address,
    "aws:ec2/natGateway:NatGateway": network.nat_gateway,
    "aws:ec2/routeTable:RouteTable": network.route_table,
    "aws:ec2/route:Route": network.route,
    "aws:ec2/routeTableAssociation:RouteTableAssociation": network.route_table_association,
    "aws:ec2/vpcEndpoint:VpcEndpoint": network.endpoint,
    "aws:ec2/flowLog:FlowLog": network.flow_log,
    "aws:ec2/tag:Tag": network.tag,
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": network.default_security_group,
    "aws:ec2/securityGroup:SecurityGroup": network.security_group,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": network.ingress_rule,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": network.egress_rule,
    "aws:ecs/cluster:Cluster": _cluster,
    "aws:ecs/taskDefinition:TaskDefinition": _task_definition,
    "aws:ecs/service:Service": _service,
    "aws:cloudwatch/logGroup:LogGroup": _log_group,
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": _namespace,
    "aws:servicediscovery/service:Service": _discovery_service,
    "aws:rds/subnetGroup:SubnetGroup": _rds(
        "describe_db_subnet_groups",
        "DBSubnetGroups",
        "DBSubnetGroupName",
        "DBSubnetGroupArn",
        "DBSubnetGroupNotFound",
    ),
    "aws:rds/parameterGroup:ParameterGroup": _rds(
        "describe_db_parameter_groups",
        "DBParameterGroups",
        "DBParameterGroupName",
        "DBParameterGroupArn",
        "DBParameterGroupNotFound",
    ),
    "aws:rds/instance:Instance": _rds(
        "describe_db_instances",
        "DBInstances",
        "DBInstanceIdentifier",
        "DBInstanceArn",
        "DBInstanceNotFound",
    ),
    "aws:secretsmanager/secret:Secret": _secret,
    "aws:secretsmanager/secretPolicy:SecretPolicy": _secret_policy,
    "aws:secretsmanager/secretRotation:SecretRotation": _secret_rotation,
    "aws:kms/key:Key": _key,
    "aws:kms/alias:Alias": _alias,
    "aws:lb/loadBalancer:LoadBalancer": _balancer,
    "aws:lb/targetGroup:TargetGroup": _target_group,
    "aws:lb/listener:Listener": _listener,
    "aws:appautoscaling/target:Target": _scalable_target,
    "aws:appautoscaling/policy:Policy": _scaling_policy,
}
"""Each resource type of the programs, and how one of it is found."""
