"""Old states as data: nothing of the account that they were taken from is in them."""

import json
import re
from typing import Any

import pytest

from tests.support import states

OLD = [(version.name, file.stem) for version in states.DATA.iterdir() for file in version.iterdir()]
VPC, OTHER = "vpc-0123456789abcdef0", "vpc-0fedcba9876543210"
SECRET = "arn:aws:secretsmanager:eu-west-1:222222222222:secret:a/b-Ab12Cd"


def _state(**outputs: Any) -> dict[str, Any]:
    one = {"urn": "u", "custom": True, "id": VPC, "outputs": outputs, "created": "today"}
    return {"deployment": {"resources": [one]}}


def test_ids_become_placeholders_and_come_back() -> None:
    """Those of another account take their place."""
    template = states.templated(_state(arn=f"arn/{VPC}/x", secret=SECRET), {"image": "sha256:1"})
    there = {"resources": [{"urn": "u", "id": OTHER, "outputs": {"arn": f"arn/{OTHER}/x"}}]}
    values = states.learned(template, there)

    assert VPC not in json.dumps(template)
    assert "Ab12Cd" not in json.dumps(template)
    assert "created" not in template["resources"][0]
    assert values == {"vpc-1": OTHER}
    assert states.filled(template["resources"][0]["id"], values) == OTHER


def test_what_one_state_has_named_keeps_its_name_in_the_next() -> None:
    """A deployment's subnets are those of its account; new things get new numbers."""
    template = states.templated(_state(other=OTHER), {"vpc-1": OTHER})

    assert template["resources"][0]["outputs"]["other"] == "{{vpc-1}}"
    assert template["resources"][0]["id"] == "{{vpc-2}}"


def test_two_values_for_one_placeholder_are_refused() -> None:
    """They would mean that the shapes do not belong together."""
    with pytest.raises(ValueError, match="vpc-1"):
        states.learned(["{{vpc-1}}", "{{vpc-1}}"], ["one", "two"])


def test_a_placeholder_without_a_value_is_refused() -> None:
    """Nothing is imported with holes in it."""
    with pytest.raises(KeyError):
        states.filled("{{vpc-1}}", {})


def test_an_encrypted_value_is_never_kept() -> None:
    """Not even as a text that only its passphrase opens."""
    with pytest.raises(ValueError, match="secret value"):
        states.templated(_state(password={"ciphertext": "x"}), {})


@pytest.mark.parametrize(("version", "stack"), OLD)
def test_kept_states_hold_no_ids_and_no_machine(version: str, stack: str) -> None:
    """Only placeholders, names and the local cloud's account."""
    template = states.kept(version, stack)
    text = json.dumps(template)

    assert len(template["resources"]) > 15
    assert not re.search(states.CHANCE["id"], text)
    assert not re.search(states.CHANCE["uuid"], text)
    assert not re.search(r"sha256:[0-9a-f]|/(home|root)/|file:|project:", text)


def test_both_stacks_of_the_first_version_are_kept() -> None:
    """So that the tests over them are not about nothing."""
    assert {("0.1.0", "account"), ("0.1.0", "deployment")} <= set(OLD)
