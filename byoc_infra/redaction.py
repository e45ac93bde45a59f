"""What must not be written down: values that are known to be secret, or look like one."""

import json
import os
import re
from collections.abc import Mapping

__all__ = ["hide", "scrub"]

SECRET_VARIABLE = re.compile(r"SECRET|TOKEN|PASSWORD|PASSPHRASE|API_KEY|LICENSE_KEY|EXTERNAL_ID")
PASSWORD_IN_URI = re.compile(r"(://[^\s:/@]*:)[^\s/@]+@")
SECRET_FIELD = re.compile(
    r"(?i)((?:password|secret_?access_?key|session_?token|passphrase|external_?id)"
    r"[\"']?\s*[:=]\s*[\"']?)[^\s\"',}]+"
)
API_KEY = re.compile(r"\b(byoc_[0-9a-f]{12}_|lsv2_(?:pt|sk)_)[A-Za-z0-9_-]{20,}")
"""The control plane's own and LangSmith's; the part in front may be told."""
SHORTEST = 6
"""A shorter value would blank innocent text."""

_hidden: set[str] = set()


def hide(value: str) -> None:
    """Never write `value` into a log line or a crash file, nor as Python or JSON quote it."""
    if len(value) >= SHORTEST:
        _hidden.update({value, repr(value)[1:-1], json.dumps(value)[1:-1]})


def scrub(text: str, env: Mapping[str, str] | None = None) -> str:
    """`text` without the secrets that are known here or look like ones."""
    environment = os.environ if env is None else env
    values = {v for k, v in environment.items() if SECRET_VARIABLE.search(k) and len(v) >= SHORTEST}
    for value in sorted(values | _hidden, key=len, reverse=True):
        text = text.replace(value, "…")
    for shape, shown in ((PASSWORD_IN_URI, r"\1…@"), (SECRET_FIELD, r"\1…"), (API_KEY, r"\1…")):
        text = shape.sub(shown, text)
    return text
