"""Keeps secret values out of texts that leave a run."""

import base64
import json
import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

__all__ = ["Scrubber"]

SECRET_NAMES = re.compile(r"SECRET|TOKEN|PASSWORD|PASSPHRASE|PRIVATE_KEY|ACCESS_KEY", re.IGNORECASE)
SHORTEST = 6
"""A shorter value would blank out half of every text."""
MASK = "[secret]"


class Scrubber:
    """Replaces the secret values of an environment, also in their usual encodings."""

    def __init__(self, env: Mapping[str, str]) -> None:
        named = {v for k, v in env.items() if SECRET_NAMES.search(k) and not v.startswith("/")}
        in_urls = {_password(value) for value in env.values() if "://" in value}
        forms = {
            form for value in named | in_urls if len(value) >= SHORTEST for form in _forms(value)
        }
        ordered = sorted(forms, key=len, reverse=True)
        self._pattern = (
            re.compile("|".join(re.escape(form) for form in ordered)) if ordered else None
        )

    def __call__(self, text: str) -> str:
        """The text without them."""
        return self._pattern.sub(MASK, text) if self._pattern else text


def _password(url: str) -> str:
    """The password of a connection string, as one that is a state backend's URL has."""
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""


def _forms(value: str) -> tuple[str, ...]:
    encoded = base64.b64encode(value.encode()).decode()
    return (value, quote(value, safe=""), json.dumps(value)[1:-1], encoded, encoded.rstrip("="))
