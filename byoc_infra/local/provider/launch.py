"""What the engine starts as its plugin: a provider out of the nursery, or else one made anew.

Run as a file, with nothing but the standard library: it costs a fiftieth of what it saves. To
the engine, and to whoever signals or kills the engine's processes, it is the provider: signals are
passed on, its end is the provider's end, and the provider's end is its own.
"""

import json
import os
import signal
import socket
import struct
import sys

END = b"e"
"""Asks the provider to finish what is in flight and end."""
TAKEN = b"t"
"""There is a provider now; how it ended is all that is still to be said."""


def main() -> None:
    """`launch.py <module to run without a nursery> <socket> <arguments of the provider>`."""
    module, place, *arguments = sys.argv[1:]
    nursery = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    order = json.dumps({"env": dict(os.environ), "cwd": os.getcwd()}).encode()
    try:
        nursery.connect(place)
        socket.send_fds(nursery, [struct.pack("!I", len(order))], [1, 2])
        nursery.sendall(order)
        taken = nursery.recv(1)
    except OSError:
        taken = b""
    if taken != TAKEN:
        os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606 - itself
    os._exit(_follow(nursery))


def _follow(nursery: socket.socket) -> int:
    """Until the provider has ended; its exit code."""

    def ask(*_: object) -> None:
        try:
            nursery.sendall(END)
        except OSError:  # it has ended, which the loop below sees as well
            return

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
    engine, asked = os.getppid(), False
    nursery.settimeout(1)
    while True:
        try:
            return next(iter(nursery.recv(1)), 1)
        except TimeoutError:
            if os.getppid() != engine and not asked:
                asked = True
                ask()
        except OSError:
            return 1


if __name__ == "__main__":
    main()
