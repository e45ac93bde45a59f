"""When is a found object the one that was asked for; pure."""

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["Inputs", "one_of", "ours", "tags_of"]

Inputs = Mapping[str, Any]
"""A resource's inputs, by Pulumi's names."""


def ours(inputs: Inputs, tags: Mapping[str, str]) -> bool:
    """Every tag that the inputs ask for is on the object.

    `tagsAll` counts where `tags` is absent. Without any tag asked for, the name alone decides.
    """
    wanted = inputs.get("tags") or inputs.get("tagsAll") or {}
    return all(tags.get(key) == value for key, value in wanted.items() if _known(value))


def tags_of(tags: object) -> dict[str, str]:
    """AWS's tags in each of their three spellings, as a plain mapping."""
    if isinstance(tags, Mapping):
        return {str(key): str(value) for key, value in tags.items()}
    if not isinstance(tags, list):
        return {}
    return {
        str(tag.get("Key", tag.get("key"))): str(tag.get("Value", tag.get("value", "")))
        for tag in tags
    }


def one_of(found: Iterable[str]) -> str | None:
    """The only one; None for none, and for several, where taking any would be a guess."""
    all_found = list(found)
    return all_found[0] if len(all_found) == 1 else None


def _known(value: object) -> bool:
    return isinstance(value, str)
