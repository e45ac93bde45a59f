"""The managed secret of an instance: what it holds, its versions, its schedule."""

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["current_password", "keep_password", "keep_schedule"]

Moto = Any
"""Moto's objects have attributes that nobody declares."""


def current_password(instance: Moto) -> str:
    """The master user's password, wherever it came from."""
    if not instance.manage_master_user_password:
        return str(instance.master_user_password)
    secret = instance.master_user_secret.secret
    value = secret.versions[secret.default_version_id]["secret_string"]
    return str(json.loads(value)["password"])


def keep_password(instance: Moto, password: str, *, version: str, now: int) -> None:
    """Make `password` the current version; the one before becomes AWSPREVIOUS."""
    secret = instance.master_user_secret.secret
    value = json.dumps({"username": instance.master_username, "password": password})
    content = {
        "createdate": now,
        "version_id": version,
        "version_stages": ["AWSCURRENT"],
        "secret_string": value,
    }
    secret.reset_default_version(content, version)
    secret.secret_string = value
    secret.last_rotation_date = secret.last_changed_date = now
    secret.next_rotation_date = now + secret.auto_rotate_after_days * 86400


def keep_schedule(secret: Moto, rules: Mapping[str, Any] | None) -> None:
    """Remember when AWS shall rotate; the local cloud does it only when it is told to."""
    if rules:
        secret.rotation_rules = dict(rules)
        secret.auto_rotate_after_days = int(rules.get("AutomaticallyAfterDays", 0))
        secret.rotation_enabled = True
