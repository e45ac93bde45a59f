"""A client that keeps calling while something else happens."""

import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from byoc_infra.cli import calling
from byoc_infra.errors import ByocError

__all__ = ["GRAPH", "Caller"]

GRAPH = "chat"


@dataclass
class Caller:
    """Calls the graph on one thread, run after run, until the `with` block ends."""

    url: str
    thread_id: str | None = None
    answered: int = 0
    versions: list[str] = field(default_factory=list)
    """The version that each answer came from, in order."""
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._keep_calling, daemon=True)

    def say(self, words: str) -> calling.Answer:
        """One run; the thread is made by the first."""
        answer = calling.call(
            self.url, graph=GRAPH, values={"said": words}, thread_id=self.thread_id
        )
        self.thread_id = answer.thread_id
        self.answered += 1
        self.versions.append(answer.values["version"])
        return answer

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._enough.set()
        self._thread.join(timeout=60)

    def _keep_calling(self) -> None:
        while not self._enough.is_set():
            try:
                self.say(f"call {self.answered + 1}")
            except ByocError as error:
                self.failures.append(str(error))
