"""The files a user writes: an account file and a deployment file, both YAML."""

import getpass
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from byoc_infra import redaction
from byoc_infra.errors import DuplicateName, SpecError
from byoc_infra.naming import AccountNames
from byoc_infra.spec import AccessSpec, AccountSpec, DeploymentSpec, parse, unknown

__all__ = ["load_account", "load_deployment"]

SOURCE_VARIABLE = "BYOC_SOURCE_IDENTITY"
"""Who asks, as CloudTrail shall show it; the user's login name when absent."""
LARGEST_FILE = 1024 * 1024


def load_account(path: Path) -> AccountSpec:
    """The account that the file describes."""
    values = _read(path)
    for secret in _listed(values.get("external_ids")):
        redaction.hide(str(secret))
    return parse(AccountSpec, values)


def load_deployment(
    path: Path, env: Mapping[str, str] | None = None
) -> tuple[DeploymentSpec, AccessSpec | None]:
    """The deployment that the file describes and the role that leads to its account.

    Without `access` the environment's own credentials are the account's.
    """
    values = _read(path)
    _known_only("", values, {*DeploymentSpec.model_fields, "access"})
    access = values.pop("access", None)
    spec = parse(DeploymentSpec, values)
    return spec, None if access is None else _access(
        access, spec, os.environ if env is None else env
    )


def _access(access: object, spec: DeploymentSpec, env: Mapping[str, str]) -> AccessSpec:
    if not isinstance(access, dict):
        raise SpecError(
            "access",
            wanted="a mapping with external_id, and role_arn where it is not the usual one",
            got=type(access).__name__,
            next_step="Write `access:` and below it `external_id: …`.",
        )
    _known_only("access.", access, AccessSpec.model_fields)
    if not access.get("external_id"):
        raise SpecError(
            "access.external_id",
            wanted="the external id that the account's role asks for",
            got="nothing",
            next_step="Give one of the account file's external_ids.",
        )
    redaction.hide(str(access["external_id"]))
    role = AccountNames(spec.installation).access_role
    return parse(
        AccessSpec,
        {
            "role_arn": f"arn:aws:iam::{spec.aws_account_id}:role/{role}",
            "source_identity": env.get(SOURCE_VARIABLE) or getpass.getuser(),
            **access,
            "external_id": str(access["external_id"]),
        },
    )


def _known_only(place: str, given: Iterable[object], known: Iterable[str]) -> None:
    names = set(known)
    for name in map(str, given):
        if name not in names:
            raise unknown(place, name, names)


def _listed(values: object) -> list[object]:
    return list(values) if isinstance(values, list | tuple) else []


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8") if path.stat().st_size <= LARGEST_FILE else None
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(
            "file",
            wanted="a YAML file that can be read",
            got=f"{path}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}",
            next_step="Give the path of the account or deployment file.",
        ) from error
    try:
        values = yaml.load(text or "", Loader=_OnceLoader)  # noqa: S506 - it is a SafeLoader
    except yaml.YAMLError as error:
        raise SpecError(
            "file",
            wanted="YAML",
            got=f"{path}: {_place(error)}",
            next_step="Correct the file.",
        ) from None  # the parser's own words repeat the line, which may hold a secret
    if not isinstance(values, dict):
        raise SpecError(
            "file",
            wanted="a mapping of fields",
            got=f"{path}: {'nothing' if values is None else type(values).__name__}",
            next_step="See docs/cli.md for the fields.",
        )
    account = values.get("aws_account_id")
    if isinstance(account, int) and not isinstance(account, bool):
        values["aws_account_id"] = str(account)  # written without quotes, YAML reads a number
    return {str(key): value for key, value in values.items()}


def _place(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}" if mark is not None else "not YAML"
    return f"{where}: {getattr(error, 'problem', None) or 'cannot be parsed'}"


class _OnceLoader(yaml.SafeLoader):
    """YAML in which a name that is written twice is an error; YAML's own rule keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        """The mapping, each of whose names occurs once."""
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen and name != "<<":
                raise DuplicateName(
                    name,
                    wanted="each name once",
                    got=f"again in line {key.start_mark.line + 1}",
                    next_step="Remove one of the two.",
                )
            seen.add(name)
        return super().construct_mapping(node, deep=deep)
