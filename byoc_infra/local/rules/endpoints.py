"""EC2: what VPC endpoints and flow logs refuse, and where moto's own forget what was asked."""

import json
from typing import Any

from moto.ec2.models.vpcs import AWS_ENDPOINT_SERVICES

from byoc_infra.local.hooks import Hooks
from byoc_infra.local.persistence import backend_of
from byoc_infra.local.wire import AwsError, Call

__all__ = ["register"]

FLOW_LOGS = "vpc-flow-logs.amazonaws.com"


def register(hooks: Hooks) -> None:
    """Put the rules in front of moto, and the repairs behind it."""
    hooks.before("ec2", "CreateVpcEndpoint", refuse_unknown_service)
    hooks.before("ec2", "CreateVpcEndpoint", refuse_two_subnets_of_a_zone)
    hooks.before("ec2", "CreateVpcEndpoint", refuse_private_names_twice)
    hooks.before("ec2", "CreateFlowLogs", refuse_foreign_role)
    hooks.after("ec2", "CreateVpcEndpoint", say_the_type)
    hooks.after("ec2", "ModifyVpcEndpoint", change_what_moto_forgets)
    hooks.after("ec2", "CreateFlowLogs", deliver_to_groups_that_exist)


def refuse_unknown_service(call: Call) -> None:
    """AWS's services of this region only (VPC API reference, CreateVpcEndpoint)."""
    name = str(call.params.get("ServiceName", ""))
    word = name.removeprefix(f"com.amazonaws.{call.region}.")
    if word not in AWS_ENDPOINT_SERVICES and not name.startswith("com.amazonaws.vpce."):
        raise AwsError("InvalidServiceName", f"The Vpc Endpoint Service '{name}' does not exist")


def refuse_two_subnets_of_a_zone(call: Call) -> None:
    """An interface endpoint has one network interface a zone."""
    zones = [_ec2(call).get_subnet(one).availability_zone for one in _asked(call, "SubnetIds")]
    for zone in set(zones):
        if zones.count(zone) > 1:
            raise AwsError(
                "DuplicateSubnetsInSameZone",
                f"Found another VPC endpoint subnet in the availability zone of {zone}.",
            )


def refuse_private_names_twice(call: Call) -> None:
    """A VPC has one endpoint that answers to a service's own name, and must resolve names."""
    if not call.params.get("PrivateDnsEnabled"):
        return
    ec2, vpc_id, name = _ec2(call), call.params["VpcId"], call.params["ServiceName"]
    vpc = ec2.get_vpc(vpc_id)
    # moto has true, or the word "true" once it was changed
    if "false" in (str(vpc.enable_dns_support).lower(), str(vpc.enable_dns_hostnames).lower()):
        raise AwsError(
            "InvalidParameter",
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC "
            f"attributes set to true for {vpc_id}",
        )
    for one in ec2.vpc_end_points.values():
        same = (one.vpc_id, one.service_name) == (vpc_id, name)
        if same and one.state != "deleted" and one.private_dns_enabled:
            raise AwsError(
                "InvalidParameter",
                "private-dns-enabled cannot be set because there is already a conflicting DNS "
                f"domain for {name} in the VPC {vpc_id}",
            )


def refuse_foreign_role(call: Call) -> None:
    """The role is there and trusts VPC flow logs."""
    arn = call.params.get("DeliverLogsPermissionArn")
    if arn is None:
        return
    roles = backend_of("iam", call.account_id, call.region).roles.values()
    role = next((one for one in roles if one.arn == arn), None)
    if role is None or FLOW_LOGS not in _trusted(role):
        raise AwsError("InvalidParameter", f"Unable to assume given IAM role {arn}")


def say_the_type(call: Call) -> None:
    """Gateway, where the caller does not say; moto cannot delete an endpoint without a type."""
    for one in _ec2(call).vpc_end_points.values():
        one.vpc_endpoint_type = one.vpc_endpoint_type or "Gateway"


def change_what_moto_forgets(call: Call) -> None:
    """The routes of tables that came or went, and whether private names lead to the endpoint."""
    ec2, params = _ec2(call), call.params
    endpoint = ec2.vpc_end_points[params["VpcEndpointId"]]
    if "PrivateDnsEnabled" in params:
        endpoint.private_dns_enabled = params["PrivateDnsEnabled"]
    if params.get("ResetPolicy"):
        endpoint.policy_document = json.dumps(endpoint.DEFAULT_POLICY)
    prefixes = endpoint.destination_prefix_list_id
    if prefixes:
        for table in _asked(call, "AddRouteTableIds"):
            ec2.create_route(
                table, None, gateway_id=endpoint.id, destination_prefix_list_id=prefixes
            )
        for table in _asked(call, "RemoveRouteTableIds"):
            ec2.delete_route(table, prefixes)


def deliver_to_groups_that_exist(call: Call) -> None:
    """Moto looks the log group up by name only, and callers give its ARN."""
    groups = backend_of("logs", call.account_id, call.region).groups
    for one in _ec2(call).flow_logs.values():
        name = str(one.log_destination or "").partition(":log-group:")[2].removesuffix(":*")
        if name in groups:
            one.deliver_logs_status, one.deliver_logs_error_message = "SUCCESS", None


def _trusted(role: Any) -> str:  # noqa: ANN401 - moto's own
    statements = json.loads(role.assume_role_policy_document)["Statement"]
    listed = statements if isinstance(statements, list) else [statements]
    return json.dumps([one.get("Principal") for one in listed if one.get("Effect") == "Allow"])


def _asked(call: Call, parameter: str) -> list[str]:
    return list(call.params.get(parameter) or ())


def _ec2(call: Call) -> Any:  # noqa: ANN401 - moto's own
    return backend_of("ec2", call.account_id, call.region)
