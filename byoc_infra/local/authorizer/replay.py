"""Another policy, tried on requests that were recorded; pure.

With it a policy can be shown to hold nothing that is not needed: take one statement away, replay
a whole life, and see which requests would have been denied.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from byoc_infra.local.authorizer.keys import is_unproduced
from byoc_infra.local.authorizer.policies import Statement, Verdict, evaluate, read_policy

__all__ = ["allowed_lines", "denied", "read_lines", "unneeded", "without", "would_deny"]

Line = Mapping[str, Any]


def read_lines(path: Path) -> list[dict[str, Any]]:
    """All verdicts of a log; a last line that was being written is left out."""
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    return [json.loads(line) for line in lines]


def allowed_lines(lines: Iterable[Line], principal: str) -> list[Line]:
    """What the identity policies of one principal (a user's or role's ARN) have allowed."""
    return [
        line
        for line in lines
        if line["verdict"] == "allow"
        and line["by"] == "identity"
        and principal in (line["role"], line["principal"])
    ]


def would_deny(statements: Sequence[Statement], line: Line) -> Verdict | None:
    """The verdict of other statements on a recorded request, if they deny it."""
    context = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in line["context"].items()
    }
    verdict = evaluate(statements, line["action"], line["resources"], context, is_unproduced)
    return None if verdict.allowed else verdict


def denied(documents: Iterable[str], lines: Iterable[Line]) -> list[Line]:
    """The recorded requests that these policy documents together would not allow."""
    statements = [item for document in documents for item in read_policy(document)]
    return [line for line in lines if would_deny(statements, line) is not None]


def unneeded(documents: Iterable[str], lines: Sequence[Line]) -> list[Statement]:
    """The Allow statements without which none of these allowed requests would be denied.

    Only a request that a statement is about can miss it: the others need not be judged again.
    """
    statements = [item for document in documents for item in read_policy(document)]

    def is_needed(place: int) -> bool:
        rest = [*statements[:place], *statements[place + 1 :]]
        return any(
            statements[place].is_about(line["action"]) and would_deny(rest, line) is not None
            for line in lines
        )

    return [one for place, one in enumerate(statements) if one.allows and not is_needed(place)]


def without(document: str, statement: int) -> str:
    """The same policy document without its statement of that place, counted from 0."""
    content = json.loads(document)
    listed = content["Statement"]
    kept = [item for place, item in enumerate(listed) if place != statement]
    return json.dumps({**content, "Statement": kept})
