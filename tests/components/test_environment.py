"""Which environment names a person may set."""

import pytest

from byoc_infra.components._environment import RESERVED, check_environment
from byoc_infra.errors import DuplicateName, ReservedName, SpecError


@pytest.mark.parametrize("pattern", RESERVED)
def test_a_reserved_name_is_refused(pattern: str) -> None:
    """In environment and in secrets, with the way out."""
    name = pattern.replace("*", "X")

    with pytest.raises(ReservedName, match=rf"environment\.{name}: want a name that is free"):
        check_environment({name: "x"}, [])
    with pytest.raises(ReservedName, match=rf"secrets\.{name}: want a name that is free"):
        check_environment({}, [name])


@pytest.mark.parametrize(
    "name",
    [
        "LANGSMITH_API_KEY",
        "LANGSMITH_ENDPOINT",
        "LANGSMITH_RUNS_ENDPOINTS",
        "N_JOBS_PER_WORKER",
        "OPENAI_API_KEY",
        "_x1",
    ],
)
def test_other_names_are_free(name: str) -> None:
    """Tracing may go where the customer wants."""
    check_environment({name: "x"}, [])
    check_environment({}, [name])


@pytest.mark.parametrize("name", ["", "1A", "A B", "A-B", "Ä"])
def test_what_is_no_name_is_refused(name: str) -> None:
    """A shell could not read it."""
    with pytest.raises(SpecError, match="want letters, digits"):
        check_environment({name: "x"}, [])


def test_a_name_in_both_places_is_refused() -> None:
    """Which of the two would win is not left open."""
    with pytest.raises(DuplicateName, match=r"secrets\.KEY"):
        check_environment({"KEY": "x"}, ["KEY"])
