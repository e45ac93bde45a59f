"""What passes between the parts of the local cloud: one AWS API call, and an AWS error."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["AwsError", "Call", "Principal"]


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who signed a request."""

    arn: str
    """As IAM's policies see it: a user's ARN, or `arn:aws:sts::…:assumed-role/<role>/<session>`."""
    account_id: str
    role_arn: str | None = None
    """The role behind an assumed-role session."""
    session_policies: tuple[str, ...] | None = None
    """Their documents; None where the session has none of its own."""
    source_identity: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request, understood: names and parameters as boto3 would take them."""

    service: str
    """botocore's name: `ec2`, `ecs`, `elbv2`, `secretsmanager`, …"""
    operation: str
    """The API's name: `CreateVpc`."""
    params: Mapping[str, Any]
    region: str
    principal: Principal
    protocol: str = ""
    """How the client spoke: `query`, `ec2` or `json`; empty for a call that was made in process."""
    request_id: str = ""
    access_key_id: str = ""

    @property
    def account_id(self) -> str:
        """The account in which the call acts."""
        return self.principal.account_id


class AwsError(Exception):
    """An error as the AWS API gives it; the emulator writes it in the service's own protocol.

    `service` and `protocol` are set by the authorizer where it knows them, so that a refused
    request can be answered without having become a `Call`.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        self.code = code
        self.message = message
        self.status = status
        self.service = ""
        self.protocol = ""
        super().__init__(f"{code}: {message}")
