"""The account's Redis image: a tag is written down as the digest that it means today."""

from collections.abc import Iterator
from contextlib import contextmanager

from byoc_infra.aws import images
from byoc_infra.aws.session import Session
from byoc_infra.errors import SpecError
from byoc_infra.spec import AccountSpec

__all__ = ["pinned", "stand_in"]

UNKNOWN_DIGEST = "sha256:" + "0" * 64


def stand_in(spec: AccountSpec) -> AccountSpec:
    """The spec with some digest, for where nothing is made that runs; asks nothing of AWS."""
    if _has_digest(spec):
        return spec
    with _told_by_field():
        reference = images.parse_reference(spec.redis_image)
    return _with(spec, f"{reference.registry}/{reference.repository}@{UNKNOWN_DIGEST}")


def pinned(spec: AccountSpec, session: Session) -> AccountSpec:
    """The spec with the digest; one that is given may be of any registry."""
    if _has_digest(spec):
        return spec
    with _told_by_field():
        image = images.resolve(session, spec.redis_image, aws_account_id=spec.aws_account_id)
    return _with(spec, image.uri_by_digest)


def _has_digest(spec: AccountSpec) -> bool:
    return "@" in spec.redis_image


def _with(spec: AccountSpec, image: str) -> AccountSpec:
    return spec.model_copy(update={"redis_image": image})


@contextmanager
def _told_by_field() -> Iterator[None]:
    """The account file calls its image by another name than a deployment's."""
    try:
        yield
    except SpecError as error:
        raise type(error)(
            "redis_image", wanted=error.wanted, got=error.got, next_step=error.next_step
        ) from error
