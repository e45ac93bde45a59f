"""How a program that is run by hand says no."""

import pulumi
import pytest

from byoc_infra.errors import SpecError
from byoc_infra.programs import _by_hand
from byoc_infra.spec import AccountSpec


def _refuse(*_: object) -> object:
    raise SpecError("name", wanted="w", got="g", next_step="Do it.")


def test_a_refusal_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pulumi shows a traceback for anything but a `RunError`; the engine finds the cause."""
    monkeypatch.setattr(_by_hand, "spec_from_config", _refuse)

    with pytest.raises(pulumi.RunError, match=r"^INVALID: name: want w, got g\. Do it\.$") as told:
        _by_hand.run_by_hand(AccountSpec, lambda _: lambda: None)

    assert isinstance(told.value.__cause__, SpecError)


def test_a_bug_keeps_its_traceback() -> None:
    """It is nothing that a person did wrong."""
    with pytest.raises(ZeroDivisionError), _by_hand.refusals_in_a_line():
        _ = 1 / 0
