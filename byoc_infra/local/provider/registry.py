"""Which class serves which type token."""

from byoc_infra.local.provider.resource import Resource
from byoc_infra.local.provider.services import (
    appautoscaling,
    ec2_addresses,
    ec2_endpoints,
    ec2_groups,
    ec2_routes,
    ec2_vpc,
    ecs,
    ecs_service,
    elbv2,
    elbv2_listener,
    iam,
    kms,
    logs,
    rds,
    rds_instance,
    secretsmanager,
    servicediscovery,
)

__all__ = ["RESOURCES"]

_CLASSES: tuple[type[Resource], ...] = (
    iam.Role,
    iam.Policy,
    iam.RolePolicy,
    iam.RolePolicyAttachment,
    iam.ServiceLinkedRole,
    ec2_vpc.Vpc,
    ec2_vpc.Subnet,
    ec2_vpc.InternetGateway,
    ec2_addresses.Eip,
    ec2_addresses.NatGateway,
    ec2_routes.RouteTable,
    ec2_routes.Route,
    ec2_routes.RouteTableAssociation,
    ec2_groups.DefaultSecurityGroup,
    ec2_groups.SecurityGroup,
    ec2_groups.SecurityGroupIngressRule,
    ec2_groups.SecurityGroupEgressRule,
    ec2_endpoints.VpcEndpoint,
    ec2_endpoints.FlowLog,
    ec2_endpoints.Tag,
    ecs.Cluster,
    ecs.TaskDefinition,
    ecs_service.Service,
    logs.LogGroup,
    servicediscovery.PrivateDnsNamespace,
    servicediscovery.Service,
    rds.SubnetGroup,
    rds.ParameterGroup,
    rds_instance.Instance,
    secretsmanager.Secret,
    secretsmanager.SecretPolicy,
    secretsmanager.SecretRotation,
    kms.Key,
    kms.Alias,
    elbv2.LoadBalancer,
    elbv2.TargetGroup,
    elbv2_listener.Listener,
    appautoscaling.Target,
    appautoscaling.Policy,
)

RESOURCES: dict[str, type[Resource]] = {kind.type_name: kind for kind in _CLASSES}
"""Type token → class."""
