"""The log of decisions: one JSON line for each policy set that had a say in a question.

A question is one action on one resource. With the policies beside it, which are written once each
(`policies.jsonl`, named by digest), a line holds everything that the decision depended on, so that
other policies (`replay`) and other evaluators can be tried on it later.
"""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from byoc_infra.local.authorizer.actions import Check
from byoc_infra.local.authorizer.documents import Policy
from byoc_infra.local.authorizer.policies import Verdict
from byoc_infra.local.wire import Call

__all__ = ["VerdictLog"]


class VerdictLog:
    """Appends to `verdicts.jsonl`; every line is written when its request is decided."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._verdicts = _Lines(path)
        self._policies = _Lines(path.with_name("policies.jsonl"))
        self._kept: set[str] = set()

    def write(
        self,
        call: Call,
        check: Check,
        verdicts: Mapping[str, Verdict],
        *,
        allowed: bool,
        sets: Mapping[str, tuple[Policy, ...]],
        time: float,
    ) -> None:
        """Record what each policy set said: `identity`, `session`, `boundary`, `resource`, `trust`.

        `allowed` is what came out of them all, `sets` the policies that were asked.
        """
        for policies in sets.values():
            self._keep(policies)
        digests = {kind: [policy.digest for policy in sets[kind]] for kind in sets}
        for by, verdict in verdicts.items():
            self._verdicts.append(
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
                    "outcome": "allow" if allowed else "deny",
                    "policies": digests,
                    "request_id": call.request_id,
                }
            )

    def close(self) -> None:
        """Close the files; the next verdict opens them again."""
        self._verdicts.close()
        self._policies.close()

    def _keep(self, policies: tuple[Policy, ...]) -> None:
        for policy in policies:
            if policy.digest not in self._kept:
                self._kept.add(policy.digest)
                self._policies.append(
                    {"digest": policy.digest, "name": policy.name, "document": policy.document}
                )


class _Lines:
    """A file of JSON lines, opened when the first one is written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._lock = threading.Lock()

    def append(self, line: Mapping[str, object]) -> None:
        """Write one line."""
        text = json.dumps(line, ensure_ascii=False)
        with self._lock:
            if self._file is None:
                self._file = self._path.open("a", buffering=1, encoding="utf-8")
            self._file.write(text + "\n")

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None
