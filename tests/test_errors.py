"""What every error has in common. Classes are found by walking, not by a list."""

import copy
import pickle

import pytest

from byoc_infra import errors
from byoc_infra.errors import ByocError, SpecError


def _walk(kind: type[ByocError] = ByocError) -> list[type[ByocError]]:
    below = [deeper for one in kind.__subclasses__() for deeper in _walk(one)]
    return [*kind.__subclasses__(), *below]


KINDS = sorted(
    {kind for kind in _walk() if kind.__module__ == errors.__name__}, key=lambda kind: kind.__name__
)
every_error = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def _error(kind: type[ByocError]) -> ByocError:
    return kind("cidr", wanted="a private range", got="8.8.0.0/16", next_step="Choose another.")


@every_error
def test_an_error_says_what_to_do_next(kind: type[ByocError]) -> None:
    """Field, wanted, got and the next step, for people and for programs."""
    error = _error(kind)

    assert str(error) == "cidr: want a private range, got 8.8.0.0/16. Choose another."
    assert error.as_dict() == {
        "code": kind.code,
        "field": "cidr",
        "wanted": "a private range",
        "got": "8.8.0.0/16",
        "next_step": "Choose another.",
        "retryable": kind.retryable,
    }


@every_error
def test_an_error_crosses_processes(kind: type[ByocError]) -> None:
    """Engine workers send them back; nothing is lost on the way."""
    sent = _error(kind)

    for received in (pickle.loads(pickle.dumps(sent)), copy.copy(sent)):  # noqa: S301 - our own
        assert type(received) is kind
        assert received.as_dict() == sent.as_dict()


@every_error
def test_an_error_is_public(kind: type[ByocError]) -> None:
    """Whoever catches one can import it."""
    assert kind.__name__ in errors.__all__


def test_codes_are_stable_words_and_differ() -> None:
    """Clients compare them."""
    codes = [kind.code for kind in KINDS]

    assert len(codes) == len(set(codes))
    assert all(code.isupper() and code.replace("_", "").isalpha() for code in codes)


def test_exit_codes_say_who_can_act() -> None:
    """Never 0, never 1 (an unexpected end); what may be tried again is one code of its own."""
    assert {kind.exit_code for kind in KINDS} <= {2, 3, 4, 5, 6}
    assert {kind.exit_code for kind in KINDS if kind.retryable} == {6}
    assert all(kind.exit_code == 2 for kind in KINDS if issubclass(kind, SpecError))


def test_the_public_names_are_sorted() -> None:
    """So that two people who add one do not meet."""
    assert list(errors.__all__) == sorted(errors.__all__)
