"""A deployment's name in AWS: the platform's, unless AWS or this project cannot take it; pure."""

import hashlib
import re

from byoc_infra.naming import fit

__all__ = ["aws_name"]

PLAIN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LIMIT = 40
"""Account, region and installation go with it into the stack's name, which has 100 characters
(Pulumi, stack names)."""


def aws_name(name: str) -> str:
    """`name` where it is plain and short; else cut to shape, with eight digits that tell it from
    others of that shape: `a--b` is not `a-b`.
    """
    if PLAIN.fullmatch(name) and len(name) <= LIMIT:
        return name
    shape = re.sub(r"-+", "-", name).strip("-") or "app"
    return fit(shape, hashlib.sha256(name.encode()).hexdigest()[:8], LIMIT)
