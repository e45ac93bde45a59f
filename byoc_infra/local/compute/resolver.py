"""Names of the local cloud in Python programs: a hook on `socket.getaddrinfo`.

Names come from the JSON file that `BYOC_LOCAL_HOSTS` points at, read again whenever it changes.
Where a port of a name could not be bound, as 80 without root's rights, it has `name:port` as well.
A name may stand for another name, as a CNAME record does.
Inside a task `localhost` is the task's own address, as it is inside a container. The tasks' own
interpreters load this file by path, from an environment without this project's packages: it
imports the standard library only, and nothing of this project.
"""

import json
import os
import socket
import threading
from typing import Any

__all__ = ["ADDRESS_VARIABLE", "HOSTS_VARIABLE", "NameTable", "install"]

HOSTS_VARIABLE = "BYOC_LOCAL_HOSTS"
ADDRESS_VARIABLE = "BYOC_TASK_ADDRESS"
OWN_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class NameTable:
    """The names in one hosts file, as they are now."""

    def __init__(self, path: str, own_address: str | None = None) -> None:
        self.path = path
        self.own_address = own_address
        self._names: dict[str, str] = {}
        self._read_at: tuple[int, int] | None = None
        self._lock = threading.Lock()

    def find(self, name: object) -> str | None:
        """The address of `name`, or None where the ordinary resolver is to be asked."""
        text = name.decode("ascii", "replace") if isinstance(name, bytes) else name
        if not isinstance(text, str):
            return None
        plain = text.rstrip(".").lower()
        if self.own_address and plain in OWN_NAMES:
            return self.own_address
        names = self._current()
        found = names.get(plain)
        return None if found is None else names.get(found.lower(), found)

    def port(self, name: object, port: object) -> object:
        """The port that is really listened on where somebody asks for `port` of `name`."""
        text = name.decode("ascii", "replace") if isinstance(name, bytes) else name
        names, plain = self._current(), str(text).rstrip(".").lower()
        moved = names.get(f"{plain}:{port}") or names.get(f"{names.get(plain, '')}:{port}", "")
        return int(moved.rpartition(":")[2]) if moved else port

    def _current(self) -> dict[str, str]:
        with self._lock:
            try:
                found = os.stat(self.path)
                stamp = (found.st_mtime_ns, found.st_ino)
                if stamp != self._read_at:
                    with open(self.path, encoding="utf-8") as file:
                        read = json.load(file)
                    self._names = {str(k).lower(): str(v) for k, v in read.items()}
                    self._read_at = stamp
            except (OSError, ValueError):
                # A cloud that has gone away has no names; the ordinary resolver answers then.
                self._names, self._read_at = {}, None
            return self._names


_installed: NameTable | None = None


def install(hosts: str | None = None, own_address: str | None = None) -> bool:
    """Answer the local cloud's names in this process; False when no hosts file is set.

    Calling it again only changes the file that is read.
    """
    global _installed
    path = hosts or os.environ.get(HOSTS_VARIABLE)
    if not path:
        return False
    table = NameTable(path, own_address or os.environ.get(ADDRESS_VARIABLE))
    first, _installed = _installed is None, table
    if first:
        _hook()
    return True


def _hook() -> None:
    ordinary = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *rest: Any, **named: Any) -> Any:  # noqa: ANN401 - passed through
        found = _installed.find(host) if _installed else None
        if _installed and found:
            port = _installed.port(host, port)
        return ordinary(found or host, port, *rest, **named)

    socket.getaddrinfo = getaddrinfo
