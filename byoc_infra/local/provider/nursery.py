"""Providers by the dozen: one process has loaded everything and forks one for each engine.

`python -m byoc_infra.local.provider.nursery`, started by the emulator; its input is the socket at
which it serves, so that who comes while it loads is served after. To load gRPC, boto3 and the
services' descriptions costs more than most runs do. It is single-threaded and makes neither server
nor client that is used, so that a fork of it is as good as a new process. It ends with the
emulator; the providers that it made do not.
"""

import gc
import json
import os
import select
import signal
import socket
import struct
import sys
import threading
import traceback
from contextlib import suppress
from functools import cache
from typing import NoReturn

import boto3
import botocore.session

from byoc_infra.local.provider.__main__ import run
from byoc_infra.local.provider.launch import END, TAKEN
from byoc_infra.memory import collect_rarely

__all__ = ["main"]

SERVICES = ("sts", "ec2", "iam", "ecs", "elbv2", "logs", "rds", "secretsmanager")
"""The ones that most runs ask for."""
LOOK_S = 1.0


def main() -> None:
    """Serve launchers until the parent has gone."""
    parent = os.getppid()
    _warm()
    with socket.socket(fileno=os.dup(0)) as door:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        while os.getppid() == parent:
            ready, _, _ = select.select([door], [], [], LOOK_S)
            _reap()
            if ready:
                launcher, _ = door.accept()
                with launcher:
                    if os.fork() == 0:
                        door.close()
                        _live(launcher)


def _warm() -> None:
    """Descriptions of services are read once and kept by the loader that all sessions share."""
    vars(botocore.session)["create_loader"] = cache(botocore.session.create_loader)
    session = boto3.Session("nobody", "nothing", region_name="eu-west-1")
    for name in SERVICES:
        session.client(name)  # type: ignore[call-overload]  # any
    gc.collect()
    gc.freeze()
    collect_rarely()


def _live(launcher: socket.socket) -> NoReturn:
    """Be the provider of one engine, in the environment and with the output of its launcher."""
    code = 1
    try:
        os.setsid()
        _take_over(launcher)
        threading.Thread(target=_listen, args=(launcher,), daemon=True).start()
        run(lambda: False)  # the launcher watches the engine
        code = 0
    except BaseException:  # noqa: BLE001  # nobody is above to hear of it
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    with suppress(OSError):  # a launcher that was killed
        launcher.sendall(bytes([code]))
    os._exit(code)


def _take_over(launcher: socket.socket) -> None:
    head, outputs, _, _ = socket.recv_fds(launcher, 4, 2)
    (length,) = struct.unpack("!I", head)
    with launcher.makefile("rb") as reader:
        order = json.loads(reader.read(length))
    for number, given in enumerate(outputs, 1):
        os.dup2(given, number)
        os.close(given)
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["cwd"])
    launcher.sendall(TAKEN)


def _listen(launcher: socket.socket) -> None:
    """What the launcher is asked, this one does; when it was killed, this one is as well."""
    while launcher.recv(1) == END:
        os.kill(os.getpid(), signal.SIGTERM)
    os._exit(1)


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == "__main__":
    main()
