"""A spec out of `pulumi config`, for the way by hand."""

import json
from typing import Any, TypeVar

import pulumi
from pulumi.runtime.config import CONFIG
from pydantic import BaseModel

from byoc_infra.errors import SpecError
from byoc_infra.spec import parse, unknown

__all__ = ["spec_from_config"]

Spec = TypeVar("Spec", bound=BaseModel)


def spec_from_config(kind: type[Spec]) -> Spec:
    """Each field of `kind` is a config key of its name.

    Lists and objects are structured config (`pulumi config set --path`) or JSON; `region` is
    `aws:region` unless given.
    """
    config = pulumi.Config()
    _known_only(config.name, kind)
    values: dict[str, Any] = {}
    for field in kind.model_fields:
        text = config.get(field)
        if text is not None:
            values[field] = _read(field, text)
    region = pulumi.Config("aws").get("region")
    if region is not None:
        values.setdefault("region", region)
    return parse(kind, values)  # type: ignore[type-var]  # specs share a private base


def _known_only(project: str, kind: type[BaseModel]) -> None:
    """Pulumi itself reads no more than it is asked for, and says nothing of the rest."""
    for key in CONFIG.get():
        place, _, name = key.partition(":")
        if place == project and name not in kind.model_fields:
            raise unknown(f"{project}:", name, kind.model_fields)


def _read(field: str, text: str) -> Any:  # noqa: ANN401 - whatever the JSON held
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise SpecError(
            field, wanted="JSON", got=f"{len(text)} characters", next_step=f"{error}."
        ) from error
