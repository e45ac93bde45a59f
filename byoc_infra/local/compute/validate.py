"""What ECS refuses of a service, in its own codes and words."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from byoc_infra.local.compute import lookups
from byoc_infra.local.wire import AwsError, Call

__all__ = ["check_service"]

NAME_PATTERN = re.compile(r"[a-zA-Z0-9_-]{1,255}")
"""ECS API reference, CreateService, serviceName."""
Document = Mapping[str, Any]


def check_service(call: Call, asked: Document, definition: Document) -> None:
    """Refuse a service, as it would be after this call, that ECS refuses."""
    if not NAME_PATTERN.fullmatch(str(asked.get("serviceName", ""))):
        raise refused(
            "The service name can contain only up to 255 letters, numbers, underscores, and "
            "hyphens."
        )
    if not lookups.service_linked_role_exists(call.account_id):
        raise refused(
            "Unable to assume the service linked role. Please verify that the ECS service linked "
            "role exists."
        )
    _check_launch_type(asked, definition)
    _check_network(call, asked, definition)
    _check_counts(asked)
    _check_balancers(call, asked, definition)
    _check_registries(call, asked)


def refused(message: str) -> AwsError:
    """ECS's error for a parameter that cannot be."""
    return AwsError("InvalidParameterException", message)


def _check_launch_type(asked: Document, definition: Document) -> None:
    launch = asked.get("launchType")
    if launch == "FARGATE" and "FARGATE" not in (definition["requiresCompatibilities"] or ()):
        raise refused("Task definition does not support launch_type FARGATE.")
    if launch in ("EC2", "EXTERNAL"):
        raise refused("No Container Instances were found in your cluster.")


def _check_network(call: Call, asked: Document, definition: Document) -> None:
    network = asked.get("networkConfiguration", {}).get("awsvpcConfiguration")
    if definition["networkMode"] == "awsvpc" and not network:
        raise refused(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified."
        )
    if network:
        wrong = lookups.unknown_network(call.account_id, call.region, network)
        if wrong:
            raise refused(wrong)


def _check_counts(asked: Document) -> None:
    if int(asked.get("desiredCount") or 0) < 0:
        raise refused("desiredCount cannot be negative.")
    settings = asked.get("deploymentConfiguration") or {}
    most = int(settings.get("maximumPercent", 200))
    least = int(settings.get("minimumHealthyPercent", 100))
    if most == least == 100:
        raise refused(
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block "
            "deployments"
        )
    if most < 100 or not 0 <= least <= most:
        raise refused(
            "maximumPercent must be at least 100 and minimumHealthyPercent between 0 and it"
        )
    if asked.get("healthCheckGracePeriodSeconds") and not asked.get("loadBalancers"):
        raise refused(
            "Health check grace period is only valid for services configured to use load balancers"
        )


def _check_balancers(call: Call, asked: Document, definition: Document) -> None:
    for one in asked.get("loadBalancers") or ():
        arn = one.get("targetGroupArn")
        if not arn:
            raise refused("Classic Load Balancers are not supported with the awsvpc network mode.")
        group = lookups.target_group(call.account_id, call.region, arn)
        if group is None:
            raise refused(f"The specified target group does not exist. (targetGroupArn {arn})")
        if group.target_type != "ip":
            raise refused(
                f"The provided target group {arn} has target type {group.target_type}, which is "
                "incompatible with the awsvpc network mode specified in the task definition."
            )
        if not group.load_balancer_arns:
            raise refused(
                f"The target group with targetGroupArn {arn} does not have an associated load "
                "balancer."
            )
        _check_port(one, definition["containerDefinitions"])


def _check_port(balancer: Document, containers: Sequence[Document]) -> None:
    name, port = balancer.get("containerName"), int(balancer.get("containerPort") or 0)
    found = next((one for one in containers if one["name"] == name), None)
    if found is None:
        raise refused(f"The container {name} does not exist in the task definition.")
    if port not in [int(mapping["containerPort"]) for mapping in found.get("portMappings", ())]:
        raise refused(f"The container {name} did not have a container port {port} defined.")


def _check_registries(call: Call, asked: Document) -> None:
    for one in asked.get("serviceRegistries") or ():
        arn = one.get("registryArn", "")
        if lookups.registry(call.account_id, call.region, arn) is None:
            raise refused(f"The service registry with registryArn {arn} does not exist.")


def failure_threshold(desired: int) -> int:
    """Failed tasks that trip the circuit breaker: half of desired, 3 to 200 (ECS guide)."""
    return min(200, max(3, math.ceil(desired * 0.5)))
