"""The plugin's process: `python -m byoc_infra.local.provider`, started for the Pulumi engine."""

import os
import signal
import sys
from collections.abc import Callable

import grpc

from byoc_infra.local.provider import plugin_version
from byoc_infra.local.provider.server import Provider, serve

GRACE_S = 30
"""A call already sent to AWS is finished, also when the engine has died."""


def main() -> None:
    """Say the port, then serve until the engine ends."""
    engine = os.getppid()
    run(lambda: os.getppid() != engine)


def run(engine_has_left: Callable[[], bool]) -> None:
    """Be a provider until the engine asks for its end or has left."""
    server, provider = serve(plugin_version(), _announce)
    signal.signal(signal.SIGTERM, lambda *_: _end(server, provider))
    # The engine ends a plugin by SIGINT, and waits five seconds for one that does not listen.
    signal.signal(signal.SIGINT, lambda *_: _end(server, provider))
    while not engine_has_left() and server.wait_for_termination(timeout=1):
        pass  # True means: timed out
    _end(server, provider)


def _announce(port: int) -> None:
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()


def _end(server: grpc.Server, provider: Provider) -> None:
    provider.cancelled.set()
    server.stop(GRACE_S).wait()


if __name__ == "__main__":
    main()
