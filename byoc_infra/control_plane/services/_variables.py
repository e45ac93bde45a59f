"""The variables of a request, told apart; pure.

The stock CLI never sends some names (langgraph-cli 0.4.40 drops them from `secrets`), so the list
that it sends says nothing about them: they are the *platform's*, and each changes only when it is
named. Everything else is replaced as a whole.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from byoc_infra.components._checks import check_mount_prefix
from byoc_infra.components._environment import NAME, POSTGRES_SECRET, check_environment
from byoc_infra.control_plane.models.deployments import SecretReference as Asked
from byoc_infra.control_plane.models.deployments import SecretValue
from byoc_infra.errors import ByocError, DuplicateName, SpecError
from byoc_infra.spec import SecretReference

__all__ = ["LICENSE_KEY", "MOUNT_PREFIX", "PLATFORM_NAMES", "Variables", "references", "told_apart"]

LICENSE_KEY = "LANGGRAPH_CLOUD_LICENSE_KEY"
MOUNT_PREFIX = "MOUNT_PREFIX"
PLATFORM_NAMES = frozenset(
    {
        LICENSE_KEY,
        POSTGRES_SECRET,
        "LANGSMITH_API_KEY",
        "LANGSMITH_CONTROL_PLANE_API_KEY",
        "LANGSMITH_ENDPOINT",
    }
)
"""Outside the replacement of `secrets`."""


@dataclass(frozen=True, kw_only=True)
class Variables:
    """What a request says of variables; values are never shown."""

    own: Mapping[str, str] = field(repr=False)
    """By name: the application's."""
    kept: tuple[str, ...]
    """The application's whose value stays what it is."""
    platform: Mapping[str, str] = field(repr=False)
    """By name: the platform's."""
    mount_prefix: str | None
    """Where the server is mounted; it is no secret, and the health check needs it."""

    @property
    def values(self) -> dict[str, str]:
        """What has to be written down in the customer's account."""
        return {**self.own, **self.platform}


def told_apart(secrets: Sequence[SecretValue], *, has: Iterable[str] = ()) -> Variables:
    """Sort the request's list; `has` are the names that have a value already.

    Names that no application may set are refused, under the field that they stand in.
    """
    known = set(has)
    values: dict[str, str] = {}
    kept: list[str] = []
    for number, one in enumerate(secrets):
        value = one.value.get_secret_value()
        _check(number, one.name, value, taken={*values, *kept}, known=known)
        if value:
            values[one.name] = value
        elif one.name not in PLATFORM_NAMES:
            kept.append(one.name)
    mount_prefix = values.pop(MOUNT_PREFIX, None)
    return Variables(
        own={name: value for name, value in values.items() if name not in PLATFORM_NAMES},
        kept=tuple(kept),
        platform={name: value for name, value in values.items() if name in PLATFORM_NAMES},
        mount_prefix=mount_prefix,
    )


def _check(number: int, name: str, value: str, *, taken: set[str], known: set[str]) -> None:
    place = f"secrets.{number}"
    if name in taken:
        raise DuplicateName(
            f"{place}.name", wanted="each name once", got=name, next_step="Remove one of them."
        )
    if name not in PLATFORM_NAMES and name != MOUNT_PREFIX:
        _check_free(f"{place}.name", name)
    if not value and name not in known:
        raise SpecError(
            f"{place}.value",
            wanted="a value: there is none yet that could stay",
            got="nothing",
            next_step="Give the value. It is not shown when the deployment is read.",
        )
    if name == MOUNT_PREFIX:
        check_mount_prefix(f"{place}.value", value)
    if "\x00" in value:
        raise SpecError(
            f"{place}.value",
            wanted="text without NUL, which no variable can hold",
            got="a NUL",
            next_step="Encode the value, for example in base64.",
        )


def _check_free(place: str, name: str) -> None:
    """As the deployment itself would say it, under the request's own field."""
    try:
        check_environment({}, [name])
    except ByocError as refused:
        raise type(refused)(
            place, wanted=refused.wanted, got=refused.got, next_step=refused.next_step
        ) from None


def references(asked: Sequence[Asked], *, taken: Iterable[str]) -> dict[str, SecretReference]:
    """By variable: where in the customer's own secrets its value is; `taken` are other names."""
    found: dict[str, SecretReference] = {}
    others = set(taken)
    for number, one in enumerate(asked):
        place = f"secret_references.{number}.name"
        if one.name in found or one.name in others:
            raise DuplicateName(
                place,
                wanted="a name that stands once in secrets and secret_references",
                got=one.name if NAME.fullmatch(one.name) else "one that comes twice",
                next_step="Remove one of them.",
            )
        if one.name not in PLATFORM_NAMES:
            _check_free(place, one.name)
        found[one.name] = SecretReference(arn=one.secret_name, json_key=one.secret_key or None)
    return found
