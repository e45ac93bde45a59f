"""How `pulumi up` by hand runs a program: the spec from its config, a refusal as one line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pulumi
from pydantic import BaseModel

from byoc_infra.errors import ByocError
from byoc_infra.programs._config import spec_from_config

__all__ = ["refusals_in_a_line", "run_by_hand"]

Spec = TypeVar("Spec", bound=BaseModel)


def run_by_hand(kind: type[Spec], program: Callable[[Spec], Callable[[], None]]) -> None:
    """Run the program that `program` makes of the config's spec."""
    with refusals_in_a_line():
        program(spec_from_config(kind))()


@contextmanager
def refusals_in_a_line() -> Iterator[None]:
    """Pulumi prints a `RunError` as it is, and any other exception with its traceback."""
    try:
        yield
    except ByocError as error:
        raise pulumi.RunError(f"{error.code}: {error}") from error
