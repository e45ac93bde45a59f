"""What a revision is: the one before, with what a request changes; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from byoc_infra.components._environment import POSTGRES_SECRET
from byoc_infra.control_plane.models.deployments import ResourceSpec
from byoc_infra.control_plane.services._resources import SizeClass, fit
from byoc_infra.control_plane.services._variables import LICENSE_KEY
from byoc_infra.errors import Immutable
from byoc_infra.spec import DeploymentSpec, SecretReference, parse

__all__ = ["Base", "Change", "Composed", "compose", "size_of"]

SIZES = (
    "cpu",
    "memory_mib",
    "min_scale",
    "max_scale",
    "queue_min_scale",
    "queue_max_scale",
    "queue_cpu",
    "queue_memory_mib",
    "task_role",
    "database_instance_class",
    "database_storage_gib",
    "database_max_connections",
)
"""What `resource_spec` decides, and nothing else."""

References = Mapping[str, SecretReference]


@dataclass(frozen=True, kw_only=True)
class Base:
    """What is there before the change."""

    spec: Mapping[str, Any]
    """Fields of a `DeploymentSpec`; of a new deployment those that never change."""
    secret_names: tuple[str, ...] = ()
    """The application's variables, among the secrets of `spec`."""
    platform: References = field(default_factory=dict)
    """The deployment's platform variables."""
    account: References = field(default_factory=dict)
    """What every deployment of the account gets."""
    resource_spec: Mapping[str, Any] = field(default_factory=dict)
    """As it was asked for."""

    @property
    def secrets(self) -> References:
        """Where all values are."""
        listed = dict(self.spec.get("secrets") or {})
        if self.spec.get("license_key"):
            listed[LICENSE_KEY] = self.spec["license_key"]
        return {name: SecretReference.model_validate(one) for name, one in listed.items()}

    @property
    def references(self) -> References:
        """Those into secrets of the customer's own: they follow the current version."""
        return {name: one for name, one in self.secrets.items() if one.version_id is None}


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a request changes; None leaves it as it is."""

    image: str | None = None
    """By digest."""
    own: References | None = None
    """The application's variables whose values came along."""
    kept: tuple[str, ...] = ()
    """Those that came without a value; of no effect without `own`."""
    references: References | None = None
    platform: References = field(default_factory=dict)
    mount_prefix: str | None = None
    resource_spec: ResourceSpec | None = None


@dataclass(frozen=True, kw_only=True)
class Composed:
    """A revision to be."""

    spec: DeploymentSpec
    secret_names: tuple[str, ...]
    platform: References
    resource_spec: dict[str, Any]


def size_of(deployment_type: str) -> SizeClass:
    """The size class of one of the platform's deployment types."""
    return "production" if deployment_type == "prod" else "development"


def compose(base: Base, change: Change) -> Composed:
    """The revision that `base` becomes by `change`."""
    own, references = _variables(base, change)
    platform = {**base.platform, **change.platform}
    secrets = {**base.account, **references, **own, **platform}
    _check_database(base, secrets)
    license_key = secrets.pop(LICENSE_KEY, None)
    values = {**base.spec, "secrets": secrets, "license_key": license_key}
    if change.image is not None:
        values["image"] = change.image
    if change.mount_prefix is not None:
        values["mount_prefix"] = change.mount_prefix
    asked = dict(base.resource_spec)
    if change.resource_spec is not None:
        size: SizeClass = values["size"]
        fitted = fit(change.resource_spec, size, own_database=POSTGRES_SECRET in secrets)
        storage = _storage(values, fitted, change.resource_spec)
        values = {name: value for name, value in values.items() if name not in SIZES}
        values.update(fitted, database_storage_gib=storage)
        asked = change.resource_spec.model_dump(mode="json", exclude_none=True)
    return Composed(
        spec=parse(DeploymentSpec, values),
        secret_names=tuple(sorted(own)),
        platform=platform,
        resource_spec=asked,
    )


def _check_database(base: Base, secrets: References) -> None:
    """It is chosen with the first revision, by value or by reference, and for good."""
    is_new = "image" not in base.spec
    if is_new or (POSTGRES_SECRET in secrets) == (POSTGRES_SECRET in base.secrets):
        return
    has_one = POSTGRES_SECRET in base.secrets
    raise Immutable(
        f"secrets.{POSTGRES_SECRET}",
        wanted="what it was: the deployment's rows are there"
        if has_one
        else "nothing: the deployment has a database of its own, with its rows",
        got="nothing" if has_one else "another database",
        next_step="Put it back." if has_one else "Create another deployment with it.",
    )


def _storage(
    before: Mapping[str, Any], fitted: Mapping[str, Any], asked: ResourceSpec
) -> int | None:
    """RDS gives none back: what is left out stays, and less is refused."""
    has: int | None = before.get("database_storage_gib")
    gets: int | None = fitted.get("database_storage_gib")
    if has is None or (gets or 0) >= has:
        return gets
    if asked.db_storage_gi is not None:
        raise Immutable(
            "source_config.resource_spec.db_storage_gi",
            wanted=f"{has} or more, which the deployment has",
            got=str(asked.db_storage_gi),
            next_step="RDS gives no storage back: leave it out.",
        )
    return has


def _variables(base: Base, change: Change) -> tuple[References, References]:
    """The application's own, and references. A name that is given one way goes the other way."""
    before = base.secrets
    own = {name: before[name] for name in base.secret_names if name in before}
    references = base.references if change.references is None else change.references
    if change.own is not None:
        own = {**{name: own[name] for name in change.kept if name in own}, **change.own}
        if change.references is None:
            references = {name: one for name, one in references.items() if name not in own}
    if change.references is not None:
        own = {name: one for name, one in own.items() if name not in references}
    return own, references
