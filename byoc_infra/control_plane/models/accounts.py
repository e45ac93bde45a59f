"""Accounts in the API: connections to customers' AWS accounts, and the listeners they appear as."""

import datetime
import uuid
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from byoc_infra.control_plane.models._base import Answer, Asked
from byoc_infra.spec import AwsAccountId, Installation, PlatformSecret

__all__ = [
    "Account",
    "AccountCreate",
    "AccountCreated",
    "AccountDeleted",
    "AccountPatch",
    "AccountStatus",
    "KeptSecret",
    "Listener",
    "ListenerPatch",
    "Network",
    "PlatformSecretGiven",
    "PlatformSecretPut",
    "Rotation",
    "Setup",
]

AccountStatus = Literal["requested", "provisioning", "active", "disconnected", "revoked", "deleted"]
"""requested: the role has not let us in yet; provisioning: it has, and what the set-up stack makes
is not all there; active: all is proven; disconnected: it was, and the role refuses us now; revoked:
the tenant has ended it; deleted."""
Rotation = Literal["none", "offered", "retiring"]
"""offered: a second external id waits for the customer's set-up; retiring: it is in use, and the
first one is still trusted."""
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Region = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]{2,12}){1,3}-[0-9]{1,2}$", max_length=32)]
Repository = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*$",
        min_length=2,
        max_length=256,
    ),
]
"""A name in ECR (ECR API reference, CreateRepository)."""
Image = Annotated[str, Field(pattern=r"^[a-z0-9][a-zA-Z0-9._/:@-]*$", max_length=512)]
DeploymentType = Literal["dev", "prod"]


class AccountCreate(Asked):
    """A connection that is asked for; the role's name and the external id are not chosen."""

    name: Name
    """Of the connection, unique within the tenant."""
    aws_account_id: AwsAccountId
    """The customer's account."""
    region: Region
    """Where deployments of this connection run."""
    installation: Installation = "default"
    """Tells several set-ups in one account apart."""
    first_region: Region | None = None
    """Where the installation was set up first, if that was another region."""
    default_deployment_type: DeploymentType = "dev"
    """Of deployments that say none, as those of the stock command do."""
    repositories: tuple[Repository, ...] = Field(
        default=("agents", "byoc/redis"), min_length=1, max_length=20
    )
    """The account's ECR repositories that deployments may run images from; for the account file."""
    redis_image: Image | None = None
    """For the account file; the tag `8` of the account's own `byoc/redis` when absent."""


class AccountPatch(Asked):
    """What of a connection can be changed; a field that is left out stays."""

    name: Name | None = None
    default_deployment_type: DeploymentType | None = None


class Network(Answer):
    """What activation found."""

    vpc_id: str
    cidr: str
    private_subnet_ids: list[str]
    public_subnet_ids: list[str]
    zones: list[str]
    cluster_arn: str
    platform_secrets: list[str]
    """What the account's owner gives to every deployment, by name."""
    tracing_endpoint: str | None


class Account(Answer):
    """A connection; what is secret about it is not in here."""

    id: uuid.UUID
    name: str
    aws_account_id: str
    region: str
    installation: str
    role_arn: str
    """What the control plane assumes: the set-up stack makes it under this name."""
    status: AccountStatus
    status_message: str
    """Why it is not active, in words."""
    rotation: Rotation
    """Of the external id."""
    default_deployment_type: DeploymentType
    platform_secrets: list[str]
    """By name: what this connection gives to every deployment."""
    network: Network | None
    created_at: datetime.datetime
    updated_at: datetime.datetime
    activated_at: datetime.datetime | None
    checked_at: datetime.datetime | None
    """When the role was last assumed, or tried."""


class Setup(Answer):
    """What the customer's cloud engineer needs, and what to do with it."""

    role_arn: str
    vendor_principal_arn: str
    external_ids: list[str]
    """Made here for this connection alone; two while one is being replaced."""
    account_yaml: str
    """The file for the set-up stack."""
    commands: list[str]
    """To be run with the account's own AWS credentials, in this order."""
    next_step: str


class AccountCreated(Account):
    """The new connection, and what the customer does now."""

    setup: Setup


class KeptSecret(Answer):
    """A secret that is still in the customer's account."""

    name: str
    why: str


class AccountDeleted(Answer):
    """What became of a connection; nothing that the customer's own stack made is touched."""

    id: uuid.UUID
    removed: list[str]
    """Names of the platform secrets that were deleted in the account."""
    kept: list[KeptSecret]


class PlatformSecretPut(Asked):
    """A value for all deployments of a connection; no answer ever holds it."""

    value: SecretStr = Field(min_length=1, max_length=65536)


class PlatformSecretGiven(Answer):
    """Where the value went. Each deployment takes it with its next revision."""

    name: PlatformSecret
    arn: str
    version_id: str


class ComputeConfig(Asked):
    """The platform's name for a place within a listener; there is one."""

    k8s_namespaces: tuple[Literal["default"], ...] = Field(min_length=1, max_length=1)


class Listener(Answer):
    """An account as the platform's API shows it."""

    id: uuid.UUID
    compute_type: Literal["k8s"] = "k8s"
    """The platform has no other; what runs here is ECS."""
    compute_id: str
    """The connection's name."""
    compute_config: dict[str, list[str]] = Field(default={"k8s_namespaces": ["default"]})
    version: str
    created_at: datetime.datetime
    updated_at: datetime.datetime


class ListenerPatch(Asked):
    """The platform's body; its only field has one value here."""

    compute_config: ComputeConfig | None = None
