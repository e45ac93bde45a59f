"""The embedded PostgreSQL: closed, and alive when those that use it die."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from byoc_infra.control_plane.store.embedded import Embedded
from byoc_infra.errors import SpecError
from byoc_infra.redaction import scrub
from tests.support.databases import held_directory, postmaster

pytestmark = pytest.mark.e2e

HOLD = """
import sys, time
from pathlib import Path
from byoc_infra.control_plane.store.embedded import Embedded
print(Embedded(Path(sys.argv[1]), durable=False).open(), flush=True)
time.sleep(600)
"""


def value(url: str, asked: bytes) -> object:
    """The one value that a query gives."""
    with psycopg.connect(url) as connection:
        row = connection.execute(asked).fetchone()
    assert row is not None
    return row[0]


def test_nobody_comes_in_without_the_password(embedded: Embedded) -> None:
    """Neither the owner nor the superuser, and not over the network at all."""
    for user in ("byoc_owner", "postgres"):
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(host=str(embedded.directory / "socket"), user=user, dbname="byoc")

    assert value(embedded.url, b"SHOW listen_addresses") == ""
    assert value(embedded.url, b"SELECT rolsuper FROM pg_roles WHERE rolname = user") is False
    for name in ("byoc_owner.password", "postgres.password"):
        assert stat.S_IMODE((embedded.directory / name).stat().st_mode) == 0o600


def test_its_password_is_kept_out_of_logs(embedded: Embedded) -> None:
    """Whoever asks for the address makes it known as a secret."""
    password = (embedded.directory / "byoc_owner.password").read_text()

    assert password in embedded.url
    assert password not in scrub(f"tried {password}")


def test_the_last_to_let_go_stops_it(place: Path) -> None:
    """A command beside a running server does not take its database away."""
    server, command = Embedded(place, durable=False), Embedded(place, durable=False)

    url = server.open()
    assert command.open() == url
    command.close()
    assert value(url, b"SELECT 1") == 1
    server.close()
    assert postmaster(place) is None


def test_a_killed_holder_leaves_it_running_and_the_next_takes_it_up(place: Path) -> None:
    """The server's SIGKILL loses nothing, not even the database's process."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(place)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    with holder.stdout as said:
        url = said.readline().strip()
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        before = postmaster(place)
        holder.kill()
        holder.wait()
        next_one = Embedded(place, durable=False)

        assert next_one.open() == url
        assert postmaster(place) == before
        assert value(url, b"SELECT n FROM kept") == 7

    next_one.close()
    assert postmaster(place) is None


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGQUIT])
def test_a_server_that_died_is_started_again(place: Path, number: signal.Signals) -> None:
    """With everything that was committed, at the same address."""
    server = Embedded(place, durable=False)
    url = server.open()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    assert not server.revive()
    died = postmaster(place)
    assert died is not None
    died.send_signal(number)
    while postmaster(place) is not None:
        time.sleep(0.02)

    assert server.revive()
    assert value(url, b"SELECT n FROM kept") == 7
    assert postmaster(place) != died

    server.close()


def test_a_kill_while_it_was_made_is_no_obstacle(place: Path) -> None:
    """Half-made files are made anew."""
    shutil.rmtree(place / "data")
    (place / "data.new").mkdir()
    (place / "data.new" / "PG_VERSION").write_text("18\n")
    server = Embedded(place, durable=False)

    assert value(server.open(), b"SELECT current_database()::text") == "byoc"

    server.close()


def test_what_a_killed_test_session_left_is_ended_by_the_next(place: Path) -> None:
    """Else each would leave ten processes for ever."""
    Embedded(place, durable=False).open()
    left = postmaster(place)
    assert left is not None
    prefix = f"byoc-left{os.getpid()}-"
    dead = Path(tempfile.mkdtemp(prefix=prefix))
    (dead / "held").touch()
    (dead / "one").symlink_to(place)

    with held_directory(prefix) as mine:
        assert postmaster(place) is None
        assert not dead.exists()
        assert mine.exists()
    assert not mine.exists()


def test_a_directory_that_cannot_work_is_refused_by_name(tmp_path: Path) -> None:
    """A socket file's path has little room."""
    tmp_path.chmod(0o711)

    with pytest.raises(SpecError, match="BYOC_DATA_DIR"):
        Embedded(tmp_path / ("x" * 100)).open()
