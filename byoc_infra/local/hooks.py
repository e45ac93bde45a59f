"""How the parts of the local cloud stand in front of moto.

A part answers an operation itself (`handle`), refuses what AWS refuses and moto does not
(`before`, by raising `AwsError`), or acts on what moto has done (`after`).
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from byoc_infra.local.wire import Call

__all__ = ["Hooks"]

Handler = Callable[[Call], dict[str, Any]]
Check = Callable[[Call], None]
Key = tuple[str, str]


class Hooks:
    """What happens at each (service, operation), besides moto's own answer."""

    def __init__(self) -> None:
        self.handlers: dict[Key, Handler] = {}
        self.checks: defaultdict[Key, list[Check]] = defaultdict(list)
        self.followers: defaultdict[Key, list[Check]] = defaultdict(list)

    def handle(self, service: str, operation: str, answer: Handler) -> None:
        """`answer` replaces moto for this operation; its result is the API's output shape."""
        self.handlers[service, operation] = answer

    def before(self, service: str, operation: str, check: Check) -> None:
        """`check` runs once the call is authorised, and may refuse it; `*` is every operation."""
        self.checks[service, operation].append(check)

    def after(self, service: str, operation: str, follow: Check) -> None:
        """`follow` runs when the call has succeeded, before the answer is sent."""
        self.followers[service, operation].append(follow)

    def handler(self, call: Call) -> Handler | None:
        """Who answers this call instead of moto, if anybody does."""
        return self.handlers.get((call.service, call.operation))

    def check(self, call: Call) -> None:
        """Let every check see the call; the first refusal counts."""
        for operation in ("*", call.operation):
            for one in self.checks.get((call.service, operation), ()):
                one(call)

    def follow(self, call: Call) -> None:
        """Let every follower act on a call that has succeeded."""
        for one in self.followers.get((call.service, call.operation), ()):
            one(call)
