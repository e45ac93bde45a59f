"""What is loaded before a LangGraph server is asked for, with its real packages."""

import json
from pathlib import Path

import pytest

from byoc_infra.local.compute.forks import LOADED, Nursery
from byoc_infra.local.compute.launcher import SITE
from byoc_infra.local.server import prepare
from byoc_infra.local.world import Addresses, Hosts, World
from tests.support.waiting import until

pytestmark = pytest.mark.e2e


def test_a_server_finds_its_packages_loaded_and_reads_settings_itself(tmp_path: Path) -> None:
    """Of what it imports to serve hardly anything is left; nothing of it was there before."""
    environment = prepare()
    script = tmp_path / "script.py"
    script.write_text(
        "import json, sys\n"
        "before = set(sys.modules)\n"
        "import langhost.cli, langgraph_api.server\n"
        "print(json.dumps([sorted(before), sorted(set(sys.modules) - before)]))\n"
    )
    world = World(tmp_path, "eu-west-1", Addresses(97), Hosts(tmp_path / "hosts.json"))
    ready, log = Nursery(world, LOADED), tmp_path / "log"
    ready.begin(environment)
    until(ready.place.exists)
    fork = ready.fork(
        [str(script)],
        env={
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(SITE),
            "LANGGRAPH_RUNTIME_EDITION": "pg",
            "DATABASE_URI": "postgresql://nobody@127.0.0.1:1/none",
            "REDIS_URI": "redis://127.0.0.1:1",
            "LANGSERVE_GRAPHS": "{}",
        },
        cwd=tmp_path,
        log=log,
    )
    assert fork is not None
    assert fork.wait(120) == 0
    ready.end()

    before, after = json.loads(log.read_text().splitlines()[-1])
    own = ("langgraph_api", "langgraph_runtime", "langhost")
    assert not [name for name in before if name.startswith(own)]
    assert "langgraph_api.config" in after
    assert len([name for name in after if not name.startswith(own)]) < len(before) / 20
