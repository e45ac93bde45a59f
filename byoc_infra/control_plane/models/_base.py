"""What bodies and answers have in common."""

from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Answer", "Asked", "Listed", "Text"]

Item = TypeVar("Item")
Text = Annotated[str, Field(pattern=r"^[^\x00]*$", max_length=2048)]
"""What PostgreSQL keeps: any text without NUL, no longer than anybody needs it."""


class Asked(BaseModel):
    """A request's body: a field that nobody reads is refused, and no value is repeated."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Answer(BaseModel):
    """What the API shows of a row."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Listed(Answer, Generic[Item]):
    """One page of a list, as the platform's API has it."""

    resources: list[Item]
    offset: int
    """Of the next page."""
