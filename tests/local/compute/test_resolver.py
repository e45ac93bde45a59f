"""Names of the local cloud in a Python program."""

import json
import os
import subprocess
import sys
from pathlib import Path

from byoc_infra.local.compute import resolver
from byoc_infra.local.compute.resolver import NameTable

SITE = Path(resolver.__file__).with_name("site")
LOOK_UP = "import socket; print(socket.getaddrinfo({!r}, 80)[0][4][0])"


def run(hosts: Path, code: str) -> str:
    """What `code` prints inside a task."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(SITE),
        "BYOC_LOCAL_HOSTS": str(hosts),
        "BYOC_TASK_ADDRESS": "127.1.2.3",
    }
    command = [sys.executable, "-S", "-c", f"import sitecustomize; {code}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """A database that comes later is found by a process that runs already."""
    hosts = tmp_path / "hosts.json"
    table = NameTable(str(hosts))
    before = table.find("db.local")
    hosts.write_text(json.dumps({"db.local": "127.9.9.9"}))

    assert (before, table.find("DB.local."), table.find(b"db.local")) == (
        None,
        "127.9.9.9",
        "127.9.9.9",
    )
    hosts.unlink()
    assert table.find("db.local") is None


def test_a_port_that_could_not_be_bound_leads_to_the_one_that_is(tmp_path: Path) -> None:
    """Without root's rights a balancer's 80 is 8080; its URL is the same."""
    hosts = tmp_path / "hosts.json"
    names = {"lb.local": "127.4.4.4", "lb.local:80": "127.4.4.4:8080", "db.local": "127.4.4.5"}
    hosts.write_text(json.dumps(names))
    look_up = "import socket; print(socket.getaddrinfo({!r}, {!r})[0][4])"

    assert run(hosts, look_up.format("LB.local", 80)) == "('127.4.4.4', 8080)"
    assert run(hosts, look_up.format("lb.local", "80")) == "('127.4.4.4', 8080)"
    assert run(hosts, look_up.format("lb.local", 443)) == "('127.4.4.4', 443)"
    assert run(hosts, look_up.format("db.local", 80)) == "('127.4.4.5', 80)"


def test_only_a_task_has_its_own_localhost(tmp_path: Path) -> None:
    """Outside a task localhost is left alone."""
    nowhere = str(tmp_path / "none")

    assert NameTable(nowhere).find("localhost") is None
    assert NameTable(nowhere, "127.1.2.3").find("localhost") == "127.1.2.3"


def test_inside_a_task_names_and_localhost_lead_to_the_local_cloud(tmp_path: Path) -> None:
    """In a bare interpreter, by sitecustomize alone."""
    hosts = tmp_path / "hosts.json"
    hosts.write_text(json.dumps({"cache.inside": "127.4.4.4"}))

    assert run(hosts, LOOK_UP.format("cache.inside")) == "127.4.4.4"
    assert run(hosts, LOOK_UP.format("localhost")) == "127.1.2.3"


def test_inside_a_task_uvloop_cannot_be_imported(tmp_path: Path) -> None:
    """It would resolve names in C, past the hook."""
    code = "import sys; print(sys.modules['uvloop'])"

    assert run(tmp_path / "none", code) == "None"
