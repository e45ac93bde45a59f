"""What IAM knows of a thing that is acted on: its account, its tags, and what kind of one it is."""

from collections.abc import Mapping

from byoc_infra.local.authorizer.actions._keys import Values, fold
from byoc_infra.local.authorizer.state import database, resource_tags

__all__ = ["families", "traits_of"]

_TAG_KEYS = {
    "ec2": "ec2:ResourceTag/",
    "ecr": "ecr:ResourceTag/",
    "ecs": "ecs:ResourceTag/",
    "elasticloadbalancing": "elasticloadbalancing:ResourceTag/",
    "iam": "iam:ResourceTag/",
    "secretsmanager": "secretsmanager:ResourceTag/",
}
"""Services that know resource tags under a key of their own too, beside `aws:ResourceTag/`."""
_RDS_TAGS = ("db", "og", "pg", "snapshot", "subgrp")
"""RDS has one for each kind of thing: `rds:pg-tag/`."""
_DATABASE = {
    "rds:DatabaseClass": "db_instance_class",
    "rds:DatabaseEngine": "engine",
    "rds:DatabaseName": "db_name",
    "rds:MultiAz": "multi_az",
    "rds:StorageEncrypted": "storage_encrypted",
    "rds:StorageSize": "allocated_storage",
}
"""Key → moto's attribute."""


def families(service: str) -> frozenset[str]:
    """The keys that things of a service may bring; one that ends in `/` is followed by a tag."""
    own = {_TAG_KEYS[service]} if service in _TAG_KEYS else set()
    if service == "rds":
        own = {*(f"rds:{kind}-tag/" for kind in _RDS_TAGS), *_DATABASE, "rds:Piops", "rds:Vpc"}
    return frozenset({"aws:ResourceTag/", *own})


def traits_of(resource: str) -> dict[str, Values]:
    """What an existing thing is like; nothing for one that is not there."""
    tags = resource_tags(resource)
    found: dict[str, Values] = {
        f"{prefix}{key}": value for prefix in _prefixes(resource) for key, value in tags.items()
    }
    parts = resource.split(":", 6)
    if parts[2:3] == ["rds"] and parts[5] == "db":
        found |= _of_database(parts[3], parts[4], parts[6])
    return found


def _prefixes(resource: str) -> tuple[str, ...]:
    parts = resource.split(":")
    if len(parts) < 6:
        return ()
    service, kind = parts[2], parts[5].partition("/")[0]
    if service == "rds":
        return ("aws:ResourceTag/", f"rds:{kind}-tag/")
    if service == "iam" and kind not in ("role", "user"):
        return ("aws:ResourceTag/",)
    return ("aws:ResourceTag/", *([_TAG_KEYS[service]] if service in _TAG_KEYS else []))


def _of_database(region: str, account: str, identifier: str) -> Mapping[str, Values]:
    held = database(account, region, identifier)
    if held is None:
        return {}
    said = {key: fold(getattr(held, name, None)) for key, name in _DATABASE.items()}
    known = {key: value for key, value in said.items() if value is not None}
    return {**known, "rds:Piops": str(held.iops or 0), "rds:Vpc": "true"}
