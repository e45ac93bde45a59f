"""The search for planted secrets finds what it must find."""

import base64
import json
from urllib.parse import quote

import pytest

from tests.support.leaks import leaks

SECRET = 'pl4nted "s3cret"/+ü?'

HIDDEN = {
    "plain": f"password={SECRET};",
    "json": json.dumps({"a": SECRET}),
    "url": f"postgres://u:{quote(SECRET, safe='')}@h",
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "base64 in the middle": base64.b64encode(f"x{SECRET}yz".encode()).decode(),
    "base64 further on": base64.b64encode(f"xy{SECRET}".encode()).decode(),
    "base64 of JSON": base64.b64encode(b"abc" + SECRET.encode() + b"}").decode(),
    "base64 for URLs": base64.urlsafe_b64encode(f"x{SECRET}".encode()).decode(),
}


@pytest.mark.parametrize("how", HIDDEN)
def test_a_hidden_secret_is_found(how: str) -> None:
    """Whatever way it was escaped."""
    found = leaks(SECRET, {"text": HIDDEN[how]})

    assert found == ["text"]


def test_an_innocent_text_is_not_accused() -> None:
    """Half of a secret is not the secret."""
    assert leaks(SECRET, {"text": "pl4nted s3cret"}) == []
