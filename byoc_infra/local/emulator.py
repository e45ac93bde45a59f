"""The local cloud's one process: `python -m byoc_infra.local.emulator <directory> [--detach]`.

It serves the AWS API on 127.N.0.1:4566 and its own control API on a socket file, and lives until
it is told to stop, whatever becomes of who started it.
"""

import gc
import logging
import os
import signal
import sys
import threading
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from byoc_infra.errors import AddressTaken
from byoc_infra.local import economies
from byoc_infra.local.handler import Handler
from byoc_infra.local.instances import ENDPOINT_PORT, Instance
from byoc_infra.memory import collect_rarely

MOTO_SETTINGS = {
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
}
"""Moto reads them when an account is first used."""

log = logging.getLogger("byoc_infra.local")


class Server(ThreadingHTTPServer):
    """HTTP/1.1 with connections that stay open; one thread a connection."""

    daemon_threads = True
    request_queue_size = 128
    # What werkzeug's request handler asks of its server.
    ssl_context = None
    multithread = True
    multiprocess = False
    answer: Any = None
    """Set once the chain is ready; the address is taken before that, so that two cannot have it."""


def bind(instance: Instance) -> Server:
    """Take the instance's address, or say who cannot have it."""
    try:
        return Server((instance.address, ENDPOINT_PORT), Handler)
    except OSError as error:
        log.error("%s:%s: %s", instance.address, ENDPOINT_PORT, error)  # noqa: TRY400 - no bug
        raise SystemExit(AddressTaken.exit_code) from error  # whoever started us tells it


def main(directory: Path, *, detach: bool = False) -> None:
    """Serve the local cloud in `directory` until it is stopped.

    With `detach`, in a child: this process ends once the address is taken, and nobody has to wait
    for the other one.
    """
    os.umask(0o077)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # a note on each connection that ends
    instance = Instance.load(directory)
    if instance is None:
        raise SystemExit(f"{directory} holds no instance.json")
    server = bind(instance)
    if detach and os.fork():
        os._exit(0)
    os.environ.update(MOTO_SETTINGS)
    gc.disable()
    economies.apply()
    from byoc_infra.local.assembly import Cloud  # noqa: PLC0415  # else moto reads EC2 three times

    cloud = Cloud(instance)
    stop = threading.Event()

    def end(*_: object) -> dict[str, Any]:
        stop.set()
        return {}

    cloud.commands.add("stop", end)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    server.answer = cloud.chain.answer
    cloud.start()
    gc.freeze()  # what is there now stays; to look through it again and again costs a sixth
    collect_rarely()
    gc.enable()
    serve = partial(server.serve_forever, poll_interval=0.1)
    threading.Thread(target=serve, name="api", daemon=True).start()
    log.info("ready at %s", instance.endpoint)
    stop.wait()
    log.info("stopping")
    server.shutdown()
    cloud.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), detach="--detach" in sys.argv)
