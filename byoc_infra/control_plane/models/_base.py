"""What bodies and answers have in common."""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

__all__ = ["Answer", "Asked", "Listed"]

Item = TypeVar("Item")


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
