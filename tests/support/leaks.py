"""Looks for a secret in texts, however it was escaped on the way."""

import base64
import json
from collections.abc import Mapping
from urllib.parse import quote, quote_plus

__all__ = ["disguises", "leaks"]


def disguises(secret: str) -> set[str]:
    """`secret` as it may stand in a text: plain, JSON- or URL-escaped, or inside base64.

    Base64 of a longer text holds the secret in one of three alignments; of each, the part that
    does not depend on its neighbours is looked for.
    """
    raw = secret.encode()
    found = {secret, json.dumps(secret)[1:-1], quote(secret, safe=""), quote_plus(secret)}
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        start = -(-before * 8 // 6)
        end = (before + len(raw)) * 8 // 6
        found |= {encoded[start:end], encoded[start:end].replace("+", "-").replace("/", "_")}
    return found


def leaks(secret: str, texts: Mapping[str, str]) -> list[str]:
    """The names of the texts in which `secret` stands in any disguise."""
    looked_for = disguises(secret)
    return [name for name, text in texts.items() if any(form in text for form in looked_for)]
