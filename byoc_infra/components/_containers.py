"""ECS container definitions as plain dicts; pure. Leaves may be outputs that are not known yet."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from byoc_infra.components._connection import PostgresConnection
from byoc_infra.components._database_tls import ca_container, trusting
from byoc_infra.components._sizes import pool_size

__all__ = [
    "API_PORT",
    "REDIS_PORT",
    "awslogs",
    "redis_container",
    "server_container",
    "server_environment",
    "task_parts",
]

API_PORT = 8000
REDIS_PORT = 6379
STOP_TIMEOUT_S = 120
"""Fargate's most (ECS API reference, ContainerDefinition stopTimeout)."""
DRAIN_S = 100
"""The server lets running jobs end before ECS kills it; a longer one is taken up by another."""
REDIS_USER = "999"
"""The `redis` user of the official images; a number, so it need not exist in another image."""
REDIS_COMMAND = 'exec redis-server --save "" --appendonly no --requirepass "$REDIS_PASSWORD"'

Leaf = pulumi.Input[str]
Secret = Mapping[str, Leaf]
"""`{"name": …, "valueFrom": …}`."""


def server_environment(
    *,
    own: Mapping[str, Leaf],
    database: PostgresConnection,
    most_containers: int,
    mount_prefix: str = "",
) -> dict[str, Leaf]:
    """What the server is told in plain text: the caller's names, and ours."""
    pool = pool_size(database.max_connections, most_containers)
    ours: dict[str, Leaf] = {
        **database.environment,
        "LANGGRAPH_POSTGRES_POOL_MAX_SIZE": str(pool),
        "BG_JOB_SHUTDOWN_GRACE_PERIOD_SECS": str(DRAIN_S),
        "PORT": str(API_PORT),
    }
    if mount_prefix:
        ours["MOUNT_PREFIX"] = mount_prefix
    return {**own, **ours}


def server_container(
    *,
    name: str,
    image: Leaf,
    environment: Mapping[str, Leaf],
    secrets: Sequence[Secret],
    log: Mapping[str, Any],
    read_only_root: bool,
    mount_prefix: str = "",
    command: Sequence[str] | None = None,
) -> dict[str, Any]:
    """The LangGraph server, or what `command` makes of it. Its own `/ok` says whether it lives."""
    container: dict[str, Any] = {
        "name": name,
        "image": image,
        "essential": True,
        "portMappings": [{"containerPort": API_PORT, "hostPort": API_PORT, "protocol": "tcp"}],
        "environment": [{"name": name, "value": environment[name]} for name in sorted(environment)],
        "secrets": list(secrets),
        "healthCheck": _health(
            ["CMD", "python", "-c", _probe(f"{mount_prefix}/ok")], start_period_s=120
        ),
        "stopTimeout": STOP_TIMEOUT_S,
        "readonlyRootFilesystem": read_only_root,
        "logConfiguration": log,
    }
    if command is not None:
        container["command"] = list(command)
    if read_only_root:
        container["mountPoints"] = [{"sourceVolume": "tmp", "containerPath": "/tmp"}]  # noqa: S108
    return container


def task_parts(
    server: Mapping[str, Any], *, image: Leaf, log: Mapping[str, Any], ca_pem: str | None
) -> tuple[list[dict[str, Any]], list[str]]:
    """A server's task: its containers, and the names of the volumes that they mount.

    With certificates another container puts them where the server looks for them, before it
    starts.
    """
    containers = (
        [dict(server)]
        if ca_pem is None
        else [trusting(server), ca_container(image=image, ca_pem=ca_pem, log=log)]
    )
    mounted = {m["sourceVolume"]: None for one in containers for m in one.get("mountPoints", ())}
    return containers, list(mounted)


def redis_container(
    *, image: Leaf, password_secret_arn: Leaf, log: Mapping[str, Any]
) -> dict[str, Any]:
    """Redis that writes nothing to disk and asks for a password."""
    password = pulumi.Output.concat(password_secret_arn, ":password::")
    ping = 'redis-cli -a "$REDIS_PASSWORD" ping | grep -q PONG'
    return {
        "name": "cache",
        "image": image,
        "essential": True,
        "command": ["sh", "-c", REDIS_COMMAND],
        "portMappings": [{"containerPort": REDIS_PORT, "hostPort": REDIS_PORT, "protocol": "tcp"}],
        "environment": [],
        "secrets": [{"name": "REDIS_PASSWORD", "valueFrom": password}],
        "healthCheck": _health(["CMD-SHELL", ping], start_period_s=10),
        "readonlyRootFilesystem": True,
        "user": REDIS_USER,
        "logConfiguration": log,
    }


def awslogs(*, group: Leaf, region: str, prefix: str) -> dict[str, Any]:
    """Logs to CloudWatch; a slow CloudWatch loses lines and does not stop the server."""
    return {
        "logDriver": "awslogs",
        "options": {
            "awslogs-group": group,
            "awslogs-region": region,
            "awslogs-stream-prefix": prefix,
            "mode": "non-blocking",
            "max-buffer-size": "4m",
        },
    }


def _probe(path: str) -> str:
    """Asks the server by a bare socket: to load an HTTP client costs more than all the rest, in
    each container every ten seconds.
    """
    return (
        f"import socket; s = socket.create_connection(('localhost', {API_PORT}), 5); "
        f"s.sendall(b'GET {path} HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n'); "
        "raise SystemExit(b' 200 ' not in s.makefile('rb').read()[:16])"
    )


def _health(command: list[str], *, start_period_s: int) -> dict[str, Any]:
    return {
        "command": command,
        "interval": 10,
        "timeout": 6,
        "retries": 3,
        "startPeriod": start_period_s,
    }
