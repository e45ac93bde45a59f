"""The log of decisions: one JSON line for each action on each resource that was asked for.

A line holds everything that the decision depended on, so that another policy can be tried on it
later (`replay`).
"""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from byoc_infra.local.authorizer.actions import Check
from byoc_infra.local.authorizer.policies import Verdict
from byoc_infra.local.wire import Call

__all__ = ["VerdictLog"]


class VerdictLog:
    """Appends to `verdicts.jsonl`; every line is written when its request is decided."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: TextIO | None = None
        self._lock = threading.Lock()

    def write(self, call: Call, check: Check, verdict: Verdict, *, by: str, time: float) -> None:
        """Record one verdict; `by` says which policies gave it: `identity`, `session`, `trust`."""
        self._append(
            {
                "time": round(time, 3),
                "principal": call.principal.arn,
                "role": call.principal.role_arn,
                "account": call.principal.account_id,
                "source_identity": call.principal.source_identity,
                "service": call.service,
                "operation": call.operation,
                "action": check.action,
                "resources": [check.resource],
                "context": dict(check.context),
                "verdict": "allow" if verdict.allowed else "deny",
                "by": by,
                "why": verdict.why,
                "unclear": list(verdict.unclear),
                "request_id": call.request_id,
            }
        )

    def close(self) -> None:
        """Close the file; the next verdict opens it again."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _append(self, line: Mapping[str, object]) -> None:
        text = json.dumps(line, ensure_ascii=False)
        with self._lock:
            if self._file is None:
                self._file = self.path.open("a", buffering=1, encoding="utf-8")
            self._file.write(text + "\n")
