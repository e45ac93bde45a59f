"""What a request asks for, judged before anything is looked up; pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from byoc_infra.components._environment import POSTGRES_SECRET
from byoc_infra.components._postgres_uri import check_postgres_uri
from byoc_infra.control_plane.models.deployments import (
    DeploymentCreate,
    DeploymentPatch,
    SecretReference,
    SecretValue,
    SourceConfig,
    SourceRevisionConfig,
)
from byoc_infra.control_plane.services._composition import Change
from byoc_infra.control_plane.services._variables import Variables, references
from byoc_infra.control_plane.store.tables import DeploymentRow
from byoc_infra.errors import Immutable, SpecError, Unsupported

__all__ = [
    "Asked",
    "change_of",
    "check_postgres",
    "check_source",
    "check_unchanged",
    "of_create",
    "of_patch",
    "refuse_agents",
]

OURS = "external_docker"
ZERO = ("dev_zero", "dev_free_zero")
OF_BUILDS = ("integration_id", "repo_url", "install_command", "build_command", "template_id")
OF_BUILT_REVISIONS = (
    "repo_ref",
    "langgraph_config_path",
    "source_tarball_path",
    "repo_commit_sha",
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The parts of a request that make a revision."""

    image_uri: str | None
    secrets: Sequence[SecretValue] | None
    references: Sequence[SecretReference] | None
    source_config: SourceConfig
    source_revision_config: dict[str, Any]
    """What is kept of it, as it was asked for."""

    @property
    def makes_a_revision(self) -> bool:
        """Whether anything of it changes what runs."""
        parts = (self.secrets, self.references, self.source_config.resource_spec)
        return bool(self.source_revision_config) or any(part is not None for part in parts)


def of_create(body: DeploymentCreate) -> Asked:
    """A new deployment's first revision."""
    refuse_agents("agent" if body.agent else None)
    check_source("source", body.source)
    _check_type(body.source_config)
    if body.source_revision_config.image_uri is None:
        raise SpecError(
            "source_revision_config.image_uri",
            wanted="an image",
            got="nothing",
            next_step="Push it to ECR in the customer's account, and give its URI.",
        )
    return _asked(body)


def of_patch(body: DeploymentPatch, *, keep_if_empty: bool = True) -> Asked:
    """A change. An empty list of secrets changes nothing: the stock CLI sends one where it finds
    no variables (`keep_if_empty`).
    """
    if body.revision_source is not None:
        check_source("revision_source", body.revision_source)
    asked = _asked(body)
    if keep_if_empty and not asked.secrets:
        return replace(asked, secrets=None)
    return asked


def _asked(body: DeploymentCreate | DeploymentPatch) -> Asked:
    config = body.source_config or SourceConfig()
    revision = body.source_revision_config or SourceRevisionConfig()
    _refuse_builds(config, revision)
    _check_url(config.custom_url)
    kept = revision.model_dump(mode="json", exclude_none=True)
    if body.tracked_packages:
        kept["tracked_packages"] = list(body.tracked_packages)
    if "image_uri" not in kept:
        kept = {}
    return Asked(
        image_uri=revision.image_uri,
        secrets=body.secrets,
        references=body.secret_references,
        source_config=config,
        source_revision_config=kept,
    )


def check_source(field: str, source: str) -> None:
    """Only images of the customer's own: there is no build service."""
    if source == OURS:
        return
    # The stock CLI looks for the words "listener_id' is required" (langgraph-cli 0.4.40) and
    # then says how to deploy an image of one's own.
    raise Unsupported(
        field,
        wanted=f"{OURS}: nothing is built here; an image of the customer's own goes through a "
        "listener, and 'listener_id' is required where there are several",
        got=source,
        next_step="Push an image to ECR in the customer's account, and deploy it with "
        "`langgraph deploy --image-uri <image>@sha256:…` or `--push-to`.",
    )


def _check_type(config: SourceConfig) -> None:
    if config.deployment_type in ZERO:
        raise Unsupported(
            "source_config.deployment_type",
            wanted="dev or prod",
            got=config.deployment_type,
            next_step="Scale to zero deployments are not supported in AWS environments.",
        )


def _refuse_builds(config: SourceConfig, revision: SourceRevisionConfig) -> None:
    for where, part, names in (
        ("source_config", config, (*OF_BUILDS, "build_on_push")),
        ("source_revision_config", revision, OF_BUILT_REVISIONS),
    ):
        for name in names:
            if getattr(part, name):
                raise SpecError(
                    f"{where}.{name}",
                    wanted=f"nothing with the source {OURS}",
                    got="a value",
                    next_step="Leave it out: nothing is built here.",
                )


def _check_url(url: str | None) -> None:
    if url and not url.startswith(("https://", "http://")):
        raise SpecError(
            "source_config.custom_url",
            wanted="an address that begins with https:// or http://",
            got="another value",
            next_step="Give the address that you point at the service; empty for the service's.",
        )


def check_unchanged(body: DeploymentPatch, row: DeploymentRow) -> None:
    """Refuse what is decided when a deployment is created."""
    asked = body.source_config
    if asked is None:
        return
    known = row.source_config
    namespace = asked.listener_config and asked.listener_config.k8s_namespace
    for name, wanted, given in (
        ("deployment_type", row.deployment_type, asked.deployment_type),
        ("listener_id", known.get("listener_id"), asked.listener_id and str(asked.listener_id)),
        (
            "listener_config.k8s_namespace",
            (known.get("listener_config") or {}).get("k8s_namespace"),
            namespace,
        ),
    ):
        if given is not None and given != wanted:
            raise Immutable(
                f"source_config.{name}",
                wanted=f"{wanted}, as the deployment was created",
                got=str(given),
                next_step="Leave it out, or create another deployment.",
            )


def check_postgres(
    given: Variables,
    secrets: Sequence[SecretValue],
    *,
    has_one: bool,
    is_new: bool,
    allow_loopback: bool,
) -> None:
    """The database is chosen once; afterwards its address may change."""
    if POSTGRES_SECRET not in given.platform:
        return
    number = next(n for n, one in enumerate(secrets) if one.name == POSTGRES_SECRET)
    if not is_new and not has_one:
        raise Immutable(
            f"secrets.{number}.name",
            wanted="nothing: the deployment has a database of its own, with its rows",
            got=POSTGRES_SECRET,
            next_step="Create another deployment with it.",
        )
    check_postgres_uri(
        f"secrets.{number}.value",
        given.platform[POSTGRES_SECRET],
        allow_loopback=allow_loopback,
    )


def change_of(asked: Asked, given: Variables | None) -> Change:
    """The change without what is only known after AWS was asked: image and values' places."""
    listed = None
    if asked.references is not None:
        names = [*given.own, *given.kept] if given else []
        listed = references(asked.references, taken=names)
    return Change(
        own={} if given is not None else None,
        kept=given.kept if given else (),
        references=listed,
        mount_prefix=given.mount_prefix if given else None,
        resource_spec=asked.source_config.resource_spec,
    )


def refuse_agents(field: str | None) -> None:
    """The platform's private beta; here deployments are found by name."""
    if field is not None:
        raise Unsupported(
            field,
            wanted="a deployment's name",
            got="an agent",
            next_step="Deploy by --name: this control plane does not know agents.",
        )
