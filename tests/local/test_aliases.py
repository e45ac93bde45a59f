"""Names of a person's own that lead to a balancer."""

from pathlib import Path

import pytest

from byoc_infra.errors import SpecError
from byoc_infra.local.aliases import Aliases
from byoc_infra.local.compute.resolver import NameTable
from byoc_infra.local.world import Hosts


def test_a_name_leads_where_the_other_leads(tmp_path: Path) -> None:
    """Also to a port that could not be bound; a balancer's whole URL will do."""
    hosts = Hosts(tmp_path / "hosts.json")
    hosts.set("lb.local", "127.4.4.4")
    hosts.set("lb.local:443", "127.4.4.4:8443")
    Aliases(hosts).point(name="Agents.example.com", at="https://lb.local/agents")
    table = NameTable(str(hosts.path))

    assert table.find("agents.example.com") == "127.4.4.4"
    assert table.port("agents.example.com", 443) == 8443
    assert table.port("agents.example.com", 80) == 80


def test_names_are_pointed_again_after_a_restart(tmp_path: Path) -> None:
    """They are part of what is kept."""
    first, hosts = Aliases(Hosts(tmp_path / "first.json")), Hosts(tmp_path / "second.json")
    first.point(name="agents.example.com", at="lb.local")
    Aliases(hosts).restore(first.known)

    assert hosts.get("agents.example.com") == "lb.local"


@pytest.mark.parametrize(("name", "at"), [("", "lb.local"), ("a.b", ""), ("lb.local", "lb.local")])
def test_a_name_without_an_end_is_refused(name: str, at: str, tmp_path: Path) -> None:
    """Nothing, or itself."""
    with pytest.raises(SpecError, match="name: want"):
        Aliases(Hosts(tmp_path / "hosts.json")).point(name=name, at=at)
