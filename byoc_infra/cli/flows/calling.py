"""Calling a deployed graph with the official client."""

import json
import os
from dataclasses import dataclass
from typing import Any

import httpx

from byoc_infra.cli.flows.results import Status
from byoc_infra.errors import (
    CloudUnreachable,
    DeploymentUnhealthy,
    NotFound,
    SpecError,
    ToolMissing,
)

__all__ = ["Answer", "call", "parse_input", "url_of"]


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


def url_of(status: Status) -> str:
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


def call(url: str, *, graph: str, values: dict[str, Any], thread_id: str | None = None) -> Answer:
    """One run on a thread, waited for."""
    client = _client(url)
    try:
        thread = thread_id or client.threads.create()["thread_id"]
        state = client.runs.wait(thread, graph, input=values)
    except httpx.HTTPStatusError as error:
        raise DeploymentUnhealthy(
            "call",
            wanted="an answer",
            got=f"HTTP {error.response.status_code} from {error.request.url.path}",
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
    return Answer(thread_id=thread, values=state)


def _client(url: str) -> Any:  # noqa: ANN401 - the SDK's client, an optional dependency
    if os.environ.get("BYOC_LOCAL_HOSTS"):
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
    return get_sync_client(url=url, api_key="")
