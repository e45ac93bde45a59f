"""What the emulator knows about existing objects, read in process from moto's backends.

Nothing here goes through the API, so that a decision never needs another decision. Other threads
change these objects meanwhile, so every table is copied before it is looked through. An object
that is not there has no tags; the operation itself then says that it is not there.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from moto.acm.models import acm_backends
from moto.core.base_backend import BackendDict
from moto.ec2.models import ec2_backends
from moto.ecr.models import ecr_backends
from moto.ecs.models import ecs_backends
from moto.elbv2.models import elbv2_backends
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.logs.models import logs_backends
from moto.rds.models import rds_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.servicediscovery.models import servicediscovery_backends

__all__ = [
    "TAG_SOURCES",
    "TARGET_SOURCES",
    "database",
    "has_service_linked_role",
    "key_arn",
    "make_service_linked_role",
    "operation_targets",
    "pairs",
    "resource_tags",
    "role_arn",
    "role_boundary",
    "secret_arn",
    "secret_key_arn",
    "secret_rotation",
    "task_definition",
    "task_roles",
    "vpc_objects",
]

TagSource = Callable[[str], Mapping[str, str] | None]
TAG_SOURCES: dict[str, TagSource] = {}
"""ARN prefix → who knows the tags of such objects, for those that are not moto's (ECS services and
tasks). Keys look like `ecs:service`, values take the ARN."""

TARGET_SOURCES: dict[str, Callable[[tuple[str, str, str]], str | None]] = {}
"""Service namespace (`ecs`) → who knows the ARN of a scalable target, by account, region and
resource id."""


def pairs(tags: object) -> dict[str, str]:
    """Tags as a dict, however the service writes them."""
    if isinstance(tags, Mapping):
        return {str(key): str(value) for key, value in tags.items() if isinstance(value, str)}
    found: dict[str, str] = {}
    for tag in tags if isinstance(tags, Sequence) and not isinstance(tags, str) else ():
        plain = {str(name).lower().removeprefix("tag"): value for name, value in tag.items()}
        found[str(plain.get("key", ""))] = str(plain.get("value") or "")
    return found


def resource_tags(arn: str) -> dict[str, str]:
    """The tags that an existing object carries; nothing for one that is not there."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return {}
    _, _, service, region, account, rest = parts
    kind = rest.replace(":", "/").split("/", 1)[0]
    source = TAG_SOURCES.get(f"{service}:{kind}")
    if source is not None:
        return dict(source(arn) or {})
    read = _READERS.get(service)
    return {} if read is None else read(account, region, arn, rest)


def _backend(backends: BackendDict[Any], account: str, region: str) -> Any:  # noqa: ANN401 - moto's
    return backends[account][region]


def _ec2(account: str, region: str, arn: str, rest: str) -> dict[str, str]:
    del arn
    known = _backend(ec2_backends, account, region).tags
    return dict(known.get(rest.partition("/")[2], {}))


def _ecs(account: str, region: str, arn: str, rest: str) -> dict[str, str]:
    del arn
    backend = _backend(ecs_backends, account, region)
    kind, _, name = rest.partition("/")
    if kind == "cluster":
        cluster = backend.clusters.get(name)
        return pairs(cluster.tags if cluster else [])
    family, _, revision = name.partition(":")
    known = backend.task_definitions.get(family, {}) if kind == "task-definition" else {}
    definition = known.get(int(revision)) if revision.isdigit() else None
    return pairs(definition.tags if definition else [])


def _elbv2(account: str, region: str, arn: str, rest: str) -> dict[str, str]:
    del rest
    service = _backend(elbv2_backends, account, region).tagging_service
    return dict(service.get_tag_dict_for_resource(arn))


def _iam(account: str, region: str, arn: str, rest: str) -> dict[str, str]:
    del region
    backend = _backend(iam_backends, account, "aws")
    kind, _, path = rest.partition("/")
    name = path.rsplit("/", 1)[-1]
    if kind == "role":
        role = next((role for role in list(backend.roles.values()) if role.name == name), None)
        return pairs(role.tags if role else [])
    if kind == "policy":
        policy = backend.managed_policies.get(arn)
        return {key: tag["Value"] for key, tag in policy.tags.items()} if policy else {}
    return pairs(backend.tagger.list_tags_for_resource(arn)["Tags"])


def _rds(account: str, region: str, arn: str, rest: str) -> dict[str, str]:
    del arn
    backend = _backend(rds_backends, account, region)
    kind, _, name = rest.partition(":")
    tables = {
        "db": "databases",
        "subgrp": "subnet_groups",
        "pg": "db_parameter_groups",
        "snapshot": "database_snapshots",
    }
    found = getattr(backend, tables[kind]).get(name) if kind in tables else None
    return pairs(found.tags if found else [])


def _secretsmanager(account: str, region: str, arn: str, rest: str) -> dict[str, str]:
    del rest
    secret = _backend(secretsmanager_backends, account, region).secrets.get(arn)
    return pairs(secret.tags if secret and secret.tags else [])


def _kms(account: str, region: str, arn: str, rest: str) -> dict[str, str]:
    del arn
    kind, _, key_id = rest.partition("/")
    backend = _backend(kms_backends, account, region)
    return dict(backend.tagger.get_tag_dict_for_resource(key_id)) if kind == "key" else {}


def _logs(account: str, region: str, arn: str, rest: str) -> dict[str, str]:
    del arn
    name = rest.split(":")[1] if ":" in rest else ""
    backend = _backend(logs_backends, account, region)
    group = backend.groups.get(name)
    if group is None:
        return {}
    plain = group.arn.removesuffix(":*")
    tagger = backend.tagger
    return {
        **tagger.get_tag_dict_for_resource(f"{plain}:*"),
        **tagger.get_tag_dict_for_resource(plain),
    }


def _acm(account: str, region: str, arn: str, rest: str) -> dict[str, str]:
    del rest
    certificate = _backend(acm_backends, account, region)._certificates.get(arn)  # noqa: SLF001 - moto's only name for them
    return pairs(dict(certificate.tags) if certificate else {})


def _by_arn(backends: BackendDict[Any]) -> Callable[[str, str, str, str], dict[str, str]]:
    def read(account: str, region: str, arn: str, rest: str) -> dict[str, str]:
        del rest
        return dict(_backend(backends, account, region).tagger.get_tag_dict_for_resource(arn))

    return read


_READERS: dict[str, Callable[[str, str, str, str], dict[str, str]]] = {
    "acm": _acm,
    "ec2": _ec2,
    "ecr": _by_arn(ecr_backends),
    "ecs": _ecs,
    "elasticloadbalancing": _elbv2,
    "iam": _iam,
    "kms": _kms,
    "logs": _logs,
    "rds": _rds,
    "secretsmanager": _secretsmanager,
    "servicediscovery": _by_arn(servicediscovery_backends),
}


def role_arn(account: str, name: str) -> str:
    """A role's ARN with its path, which the API's callers do not say."""
    roles = list(_backend(iam_backends, account, "aws").roles.values())
    known = next((role.arn for role in roles if role.name == name), None)
    return known or f"arn:aws:iam::{account}:role/{name}"


def role_boundary(account: str, name: str) -> str | None:
    """The ARN of the permissions boundary that a role has."""
    roles = list(_backend(iam_backends, account, "aws").roles.values())
    held = next((role for role in roles if role.name == name), None)
    found = held.permissions_boundary if held else None
    return str(found["PermissionsBoundaryArn"]) if found else None


def has_service_linked_role(account: str, service: str) -> bool:
    """Whether `service` (`rds.amazonaws.com`) has its role in this account."""
    path = f"/aws-service-role/{service}/"
    roles = list(_backend(iam_backends, account, "aws").roles.values())
    return any(role.path == path for role in roles)


def secret_arn(account: str, region: str, name: str) -> str:
    """A secret's full ARN, from its name or a part of its ARN."""
    secret = _backend(secretsmanager_backends, account, region).secrets.get(name)
    if secret is not None:
        return str(secret.arn)
    prefix = f"arn:aws:secretsmanager:{region}:{account}:secret:"
    return name if name.startswith("arn:") else prefix + name


def secret_key_arn(account: str, region: str, name: str) -> str | None:
    """The customer's own key that encrypts a secret; None with AWS's key."""
    secret = _backend(secretsmanager_backends, account, region).secrets.get(name)
    key = secret.kms_key_id if secret is not None else None
    return key_arn(account, region, key) if key and "alias/aws/" not in key else None


def secret_rotation(account: str, region: str, name: str) -> str | None:
    """The Lambda function that rotates a secret, if one does."""
    secret = _backend(secretsmanager_backends, account, region).secrets.get(name)
    return str(secret.rotation_lambda_arn) if secret and secret.rotation_lambda_arn else None


def key_arn(account: str, region: str, name: str) -> str:
    """A key's ARN, from its id, its ARN or an alias."""
    backend = _backend(kms_backends, account, region)
    wanted = backend.get_key_id(backend.get_alias_name(name))
    if wanted.startswith("alias/"):
        keys = list(backend.keys.values())
        wanted = next((key.id for key in keys if wanted in key.aliases), "*")
    return f"arn:aws:kms:{region}:{account}:key/{wanted}"


def operation_targets(account: str, region: str, operation_id: str) -> dict[str, str]:
    """What a Cloud Map operation was about: `NAMESPACE` or `SERVICE` → id."""
    operations = _backend(servicediscovery_backends, account, region).operations
    operation = operations.get(operation_id)
    return dict(operation.targets) if operation else {}


def database(account: str, region: str, identifier: str) -> Any:  # noqa: ANN401 - moto's object
    """An RDS instance, or None."""
    return _backend(rds_backends, account, region).databases.get(identifier)


def task_definition(account: str, region: str, name: str) -> Any:  # noqa: ANN401 - moto's object
    """A task definition by `family:revision`, or the latest of a `family`; None without one."""
    family, _, revision = name.partition(":")
    known = _backend(ecs_backends, account, region).task_definitions.get(family, {})
    return known.get(int(revision) if revision.isdigit() else max(known, default=0))


def task_roles(account: str, region: str, definition: str) -> tuple[str, ...]:
    """The roles that a task definition names."""
    found = task_definition(account, region, definition)
    # moto sets these attributes only where the definition has the role.
    roles = (getattr(found, name, None) for name in ("task_role_arn", "execution_role_arn"))
    return tuple(str(role) for role in roles if role)


def vpc_objects(account: str, region: str) -> Any:  # noqa: ANN401 - moto's object
    """The EC2 backend of one account and region."""
    return _backend(ec2_backends, account, region)


def make_service_linked_role(account: str, service: str) -> None:
    """Give an account a service's own role, if it has none."""
    if not has_service_linked_role(account, service):
        _backend(iam_backends, account, "aws").create_service_linked_role(service, "", "")
