"""botocore's service models: which service a request is for, and what its parameters are called."""

from functools import cache
from typing import Any

from botocore.model import ServiceModel
from botocore.session import Session
from moto.core.utils import get_service_model

__all__ = ["IAM_PREFIXES", "SIGNING_NAMES", "operation_model", "protocols", "service_model"]

SIGNING_NAMES = {
    "application-autoscaling": "application-autoscaling",
    "acm": "acm",
    "ec2": "ec2",
    "ecr": "ecr",
    "ecs": "ecs",
    "elasticloadbalancing": "elbv2",
    "iam": "iam",
    "kms": "kms",
    "logs": "logs",
    "monitoring": "cloudwatch",
    "rds": "rds",
    "secretsmanager": "secretsmanager",
    "servicediscovery": "servicediscovery",
    "sts": "sts",
    "tagging": "resourcegroupstaggingapi",
}
"""The name in a signature's credential scope → botocore's service name."""

IAM_PREFIXES = {"elbv2": "elasticloadbalancing", "resourcegroupstaggingapi": "tag"}
"""botocore's service name → the prefix of its IAM actions, where they differ."""

_SESSION = Session()


@cache
def service_model(service: str) -> ServiceModel:
    """The model of a service, loaded once; loading EC2's takes a third of a second."""
    return _SESSION.get_service_model(service)


@cache
def protocols(service: str) -> frozenset[str]:
    """The protocols that a client may speak with this service."""
    metadata: dict[str, Any] = service_model(service).metadata
    return frozenset(metadata.get("protocols") or [metadata["protocol"]])


@cache
def operation_model(service: str, operation: str) -> Any:  # noqa: ANN401 - moto's is untyped
    """One operation in moto's flavour of the model, which its parsers and serializers read."""
    return get_service_model(service).operation_model(operation)
