"""Calling a deployed graph with the official client."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from byoc_infra.errors import (
    CloudUnreachable,
    DeploymentUnhealthy,
    NotFound,
    RunFailed,
    SpecError,
    ToolMissing,
)

if TYPE_CHECKING:  # it would bring the engine
    from byoc_infra.flows.results import Status

__all__ = ["Answer", "call", "parse_input", "url_of"]


SAID_CHARS = 300
TRUSTED = "SSL_CERT_FILE"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the graph gave back, and the thread that remembers it."""

    thread_id: str
    values: Any


def parse_input(text: str) -> dict[str, Any]:
    """A run's input."""
    try:
        values = json.loads(text)
    except ValueError as error:
        raise SpecError(
            "input",
            wanted="a JSON object",
            got=f"not JSON: {error}",
            next_step="""Quote it for the shell: '{"messages": [...]}'.""",
        ) from error
    if not isinstance(values, dict):
        raise SpecError(
            "input",
            wanted="a JSON object",
            got=type(values).__name__,
            next_step="""Give an object such as '{"messages": [...]}'.""",
        )
    return values


def url_of(status: "Status") -> str:
    """Where a deployment answers."""
    url = status.outputs.get("url")
    if not isinstance(url, str):
        raise NotFound(
            "deployment",
            wanted="a deployment that is up",
            got=f"{status.state}: {status.said}",
            next_step="Run `byoc deployment up`, or give --url.",
        )
    return url


def call(
    url: str, *, values: dict[str, Any], graph: str | None = None, thread_id: str | None = None
) -> Answer:
    """One run on a thread, waited for; without `graph`, of the only one that there is."""
    try:
        with _client(url) as client:
            chosen = graph or _only_graph(client)
            thread = thread_id or client.threads.create()["thread_id"]
            state = client.runs.wait(thread, chosen, input=values, raise_error=False)
    except httpx.HTTPStatusError as error:
        raise DeploymentUnhealthy(
            "call",
            wanted="an answer",
            got=f"HTTP {error.response.status_code} from {error.request.url.path}: "
            f"{error.response.text[:SAID_CHARS]}",
            next_step="Check graph and thread; `byoc deployment logs` shows the server's words.",
        ) from error
    except httpx.HTTPError as error:
        raise CloudUnreachable(
            "url",
            wanted=f"an answer from {url}",
            got=f"{type(error).__name__}: {error}",
            next_step="An internal balancer answers only inside the VPC's network; check the way "
            "there, and `byoc deployment status`.",
        ) from error
    _check_run(state)
    return Answer(thread_id=thread, values=state)


def _check_run(state: object) -> None:
    failed = state.get("__error__") if isinstance(state, dict) else None
    if failed:
        raise RunFailed(
            "run",
            wanted="a run that succeeds",
            got=f"{failed.get('error')}: {failed.get('message')}"[:SAID_CHARS],
            next_step="Compare the input with what the graph takes; `byoc deployment logs`.",
        )


def _only_graph(client: Any) -> str:  # noqa: ANN401 - the SDK's client, an optional dependency
    graphs = sorted({str(one["graph_id"]) for one in client.assistants.search(limit=100)})
    if len(graphs) != 1:
        raise SpecError(
            "graph",
            wanted="the graph to call",
            got=f"none, and there are: {', '.join(graphs) or 'none'}",
            next_step="Give --graph.",
        )
    return graphs[0]


def _client(url: str) -> Any:  # noqa: ANN401 - the SDK's client, an optional dependency
    hosts = os.environ.get("BYOC_LOCAL_HOSTS")
    if hosts:
        from byoc_infra.local.compute import resolver

        resolver.install()
    try:
        from langgraph_sdk import get_sync_client
    except ImportError as error:
        raise ToolMissing(
            "langgraph-sdk",
            wanted="the official client",
            got="not installed",
            next_step="pip install 'byoc-infra[local]', or langgraph-sdk alone.",
        ) from error
    with _trusting(Path(hosts).with_name("ca.pem")) if hosts else nullcontext():
        return get_sync_client(url=url, api_key="")


@contextmanager
def _trusting(ca: Path) -> Iterator[None]:
    """What the local cloud's balancers show is signed by its own CA; read when a client is made."""
    before = os.environ.get(TRUSTED)
    os.environ[TRUSTED] = str(ca)
    try:
        yield
    finally:
        if before is None:
            del os.environ[TRUSTED]
        else:
            os.environ[TRUSTED] = before
