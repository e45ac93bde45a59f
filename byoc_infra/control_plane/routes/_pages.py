"""Lists: how many, and from where."""

from typing import Annotated

from fastapi import Query

__all__ = ["Limit", "Offset"]

FURTHEST = 1_000_000

Limit = Annotated[int, Query(ge=1, le=100)]
"""How many entries a page has at most."""
Offset = Annotated[int, Query(ge=0, le=FURTHEST)]
"""How many entries come before the page; a page says it for the next one."""
