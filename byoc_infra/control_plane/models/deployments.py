"""Deployments and revisions, in the words of the platform's control-plane API, version 2."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr

from byoc_infra.control_plane.models._base import Answer, Asked, Listed, Text
from byoc_infra.control_plane.models._resource_spec import ResourceSpec

__all__ = [
    "BulkDeletion",
    "Deployment",
    "DeploymentCreate",
    "DeploymentFilter",
    "DeploymentPatch",
    "DeploymentStatus",
    "DeploymentType",
    "DeploymentsList",
    "ListenerConfig",
    "NotDeleted",
    "PushToken",
    "ResourceSpec",
    "Revision",
    "RevisionFilter",
    "RevisionStatus",
    "RevisionsList",
    "SecretReference",
    "SecretValue",
    "Source",
    "SourceConfig",
    "SourceRevisionConfig",
    "UploadUrl",
]

Source = Literal["github", "external_docker", "internal_docker", "internal_source"]
DeploymentType = Literal["dev_free", "dev", "prod", "dev_zero", "dev_free_zero"]
DeploymentStatus = Literal["AWAITING_DATABASE", "READY", "UNUSED", "AWAITING_DELETE", "UNKNOWN"]
RevisionStatus = Literal[
    "CREATING",
    "QUEUED",
    "AWAITING_BUILD",
    "BUILDING",
    "AWAITING_DEPLOY",
    "DEPLOYING",
    "CREATE_FAILED",
    "BUILD_FAILED",
    "DEPLOY_FAILED",
    "DEPLOYED",
    "SKIPPED",
    "INTERRUPTED",
    "UNKNOWN",
]
LARGEST_VALUE = 65536
"""Bytes, also of all values together (Secrets Manager API reference, PutSecretValue)."""
Name = Annotated[str, Field(pattern=r"^[a-z0-9-]+$", min_length=1, max_length=256)]
Limit = Annotated[int, Field(ge=1, le=100)]
Offset = Annotated[int, Field(ge=0, le=2**31)]
BuildOnly = Text | None
"""Of sources that are built; refused by name where it is given."""


class SecretValue(Asked):
    """An environment variable of the containers, whose value is kept in the customer's account."""

    name: Annotated[str, Field(max_length=256)]
    value: Annotated[SecretStr, Field(max_length=LARGEST_VALUE)]
    """Never given back. Empty on an update: the value that the name has stays."""


class SecretReference(Asked):
    """An environment variable whose value is in a secret of the customer's."""

    name: Annotated[str, Field(max_length=256)]
    secret_name: Text
    """The whole ARN of a Secrets Manager secret in the deployment's account and region; it
    carries the tag `langgraph-cloud`."""
    secret_key: Text
    """Which key of its JSON; empty for the whole value."""


class ListenerConfig(Asked):
    """Where on the listener."""

    k8s_namespace: Text | None = None
    """`default`; there is no other."""


class SourceConfig(Asked):
    """What is said of the deployment as a whole."""

    integration_id: BuildOnly = None
    repo_url: BuildOnly = None
    deployment_type: DeploymentType | None = None
    """`dev` or `prod`; the account's default when absent. It cannot be changed."""
    build_on_push: bool | None = None
    custom_url: Text | None = None
    """The service's URL, unless another one is set here."""
    resource_spec: ResourceSpec | None = None
    listener_id: uuid.UUID | None = None
    """The account: needed where the tenant has several active ones. It cannot be changed."""
    listener_config: ListenerConfig | None = None
    install_command: BuildOnly = None
    build_command: BuildOnly = None
    template_id: BuildOnly = None


class SourceRevisionConfig(Asked):
    """What is said of one revision."""

    repo_ref: BuildOnly = None
    langgraph_config_path: BuildOnly = None
    image_uri: Text | None = None
    """An image in ECR, in the deployment's account and region, with tag or digest. A tag is
    resolved when the request is accepted; the revision's `image` says what it meant."""
    source_tarball_path: BuildOnly = None
    repo_commit_sha: BuildOnly = None
    tracked_packages: Annotated[list[Text], Field(max_length=100)] | None = None
    deepagents_version: Text | None = None


Secrets = Annotated[list[SecretValue], Field(max_length=100)]
References = Annotated[list[SecretReference], Field(max_length=100)]
Packages = Annotated[list[Text], Field(max_length=100)]


class DeploymentCreate(Asked):
    """Request to create a deployment with its first revision."""

    name: Name
    """Lower-case letters, digits, hyphens. It cannot be changed."""
    display_name: Text | None = None
    source: Source
    """`external_docker`: the image comes from the customer's own registry. Others need a build
    service, which this control plane does not have."""
    source_config: SourceConfig
    source_revision_config: SourceRevisionConfig
    secrets: Secrets
    secret_references: References | None = None
    tracked_packages: Packages | None = None
    agent: dict[str, Text] | None = None
    """Refused: deployments are found by name."""


class DeploymentPatch(Asked):
    """Request to change a deployment. Image, sizes and secrets make a new revision."""

    display_name: Text | None = None
    revision_source: Source | None = None
    source_config: SourceConfig | None = None
    source_revision_config: SourceRevisionConfig | None = None
    secrets: Secrets | None = None
    """All of them, in the place of the last revision's; an empty list changes nothing."""
    secret_references: References | None = None
    tracked_packages: Packages | None = None


class PushToken(Asked):
    """Request for a token to push an image with; refused, for the registry is the customer's."""

    supports_registry_username: bool | None = None


class UploadUrl(Asked):
    """Request for a place to upload sources to; refused, for nothing is built here."""

    supports_upload_headers: bool | None = None


class SecretName(Answer):
    """A secret as it is read: its value is not in the control plane."""

    name: str
    value: Literal[""] = ""


class Failure(Answer):
    """Why a revision failed."""

    code: str
    field: str
    wanted: str
    got: str
    next_step: str
    retryable: bool = False


class Revision(Answer):
    """One version of a deployment."""

    id: uuid.UUID
    created_at: datetime
    updated_at: datetime
    status: RevisionStatus
    source: Source
    source_revision_config: dict[str, Any]
    """As it was asked for."""
    number: int
    """1, 2, 3 … within the deployment."""
    image: str
    """What runs, by digest."""
    resource_spec: dict[str, Any]
    """The sizes as asked for."""
    resources: dict[str, Any]
    """The sizes that they became."""
    status_message: str
    """Why it failed, in words."""
    failure: Failure | None
    """The same, in fields."""


class Deployment(Answer):
    """A deployment, with what its latest revision was asked to be."""

    id: uuid.UUID
    tenant_id: uuid.UUID
    name: str
    display_name: str | None
    created_at: datetime
    updated_at: datetime
    status: DeploymentStatus
    status_message: str
    source: Source
    source_config: dict[str, Any]
    source_revision_config: dict[str, Any]
    secrets: list[SecretName]
    secret_references: list[SecretReference]
    latest_revision_id: uuid.UUID | None
    active_revision_id: uuid.UUID | None
    """The revision that serves."""
    image_version: str | None
    """Not known: the server's version is inside the image."""


class DeploymentsList(Listed[Deployment]):
    """A page of deployments, newest first."""


class RevisionsList(Listed[Revision]):
    """A page of revisions, newest first."""


class NotDeleted(Answer):
    """A deployment whose deletion was refused."""

    id: uuid.UUID
    detail: str


class BulkDeletion(Answer):
    """What became of each."""

    deleted: list[uuid.UUID]
    failed: list[NotDeleted]


class DeploymentFilter(Asked):
    """Which deployments to list."""

    limit: Limit = 20
    offset: Offset = 0
    name: Text | None = None
    """Exactly this one."""
    name_contains: Text | None = None
    status: DeploymentStatus | None = None
    deployment_type: DeploymentType | None = None
    deployment_ids: Text | None = None
    """Comma between."""
    image_version: Text | None = None
    remote_reconciled: bool | None = None
    """Every deployment runs in a customer's account: false finds none."""
    tag_value_ids: Text | None = None
    """Deployments have no tags here: any finds none."""
    agent_id: Text | None = None
    """Refused, as the next: deployments are found by name."""
    agent_environment: Text | None = None


class RevisionFilter(Asked):
    """Which revisions to list."""

    limit: Limit = 20
    offset: Offset = 0
    status: Text | None = None
    """Comma between."""
    remote_reconciled: bool | None = None
    """Every revision runs in a customer's account: false finds none."""
