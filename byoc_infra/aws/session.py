"""The one place that assumes roles, for boto3 and the engine alike.

A session's credentials renew themselves while it is in use. Nothing of a role's settings leaves
this module but the short-lived credentials: no session name or external id is ever part of a
stack, an error or a log line.
"""

import datetime
import os
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import ContainerProvider, CredentialResolver, RefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import Loader, create_loader

from byoc_infra.aws.errors import DENIED, code_of, translate
from byoc_infra.errors import AccessRefused, ByocError, SpecError
from byoc_infra.spec import AccessSpec

__all__ = ["Credentials", "Identity", "Session", "ambient", "open_session"]

ADVISORY_S = 900
"""botocore's own: from this long before the end, renew when convenient."""
MANDATORY_S = 600
"""botocore's own: from this long before the end, wait for the renewal."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Short-lived keys, as the SDKs' container source wants them."""

    access_key: str
    secret_key: str
    token: str | None
    expires: datetime.datetime | None

    def __repr__(self) -> str:
        return f"Credentials({self.access_key}, expires={self.expires})"


@dataclass(frozen=True)
class Identity:
    """Who AWS says we are."""

    account_id: str
    arn: str


class Session:
    """boto3 clients of one account and region; every failure is one of the project's errors."""

    def __init__(
        self,
        boto: boto3.session.Session,
        *,
        region: str,
        config: Config,
        endpoint_url: str | None,
        role: "_Role | None" = None,
    ) -> None:
        self.region = region
        self.endpoint_url = endpoint_url
        self._boto = boto
        self._config = config
        self._role = role
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._identity: Identity | None = None

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes client classes at run time
        """The boto3 client of `service`."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._boto.client(  # type: ignore[call-overload]  # by name
                    service,
                    region_name=self.region,
                    endpoint_url=self.endpoint_url,
                    config=self._config,
                )
            return self._clients[service]

    def ask(
        self,
        service: str,
        operation: str,
        /,
        *,
        absent: frozenset[str] = frozenset(),
        **params: object,
    ) -> dict[str, Any]:
        """One call (`describe_services`); an error whose code is in `absent` is an empty answer."""
        try:
            answer: dict[str, Any] = getattr(self.client(service), operation)(**params)
        except ClientError as error:
            if code_of(error) in absent:
                return {}
            raise translate(error, doing=f"{service}:{operation}") from error
        except BotoCoreError as error:
            raise translate(error, doing=f"{service}:{operation}") from error
        return answer

    def each(
        self,
        service: str,
        operation: str,
        key: str,
        /,
        *,
        absent: frozenset[str] = frozenset(),
        **params: object,
    ) -> Iterator[Any]:
        """Everything under `key` of every page of a listing call."""
        client = self.client(service)
        if not client.can_paginate(operation):
            yield from self.ask(service, operation, absent=absent, **params).get(key, [])
            return
        try:
            for page in client.get_paginator(operation).paginate(**params):
                yield from page.get(key) or []
        except ClientError as error:
            if code_of(error) not in absent:
                raise translate(error, doing=f"{service}:{operation}") from error
        except BotoCoreError as error:
            raise translate(error, doing=f"{service}:{operation}") from error

    def identity(self) -> Identity:
        """Who we are; asked once."""
        if self._identity is None:
            answer = self.ask("sts", "get_caller_identity")
            self._identity = Identity(answer["Account"], answer["Arn"])
        return self._identity

    def credentials(self) -> Credentials:
        """Keys that are good now, renewed first when they are about to end."""
        try:
            found = self._boto.get_credentials()
            frozen = found.get_frozen_credentials() if found is not None else None
        except BotoCoreError as error:
            raise translate(error, doing="credentials") from error
        if frozen is None or frozen.access_key is None or frozen.secret_key is None:
            raise AccessRefused(
                "credentials",
                wanted="AWS credentials in the environment",
                got="none",
                next_step="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.",
            )
        return Credentials(
            access_key=frozen.access_key,
            secret_key=frozen.secret_key,
            token=frozen.token,
            expires=self._role.expires if self._role else None,
        )

    def close(self) -> None:
        """Close the clients' connections."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()


def open_session(
    access: AccessSpec | None,
    *,
    region: str,
    env: Mapping[str, str] | None = None,
    operation: str | None = None,
    tags: Mapping[str, str] | None = None,
    before_assume: Callable[[int], None] | None = None,
) -> Session:
    """A session in `region`: of `access`'s role, or of the credentials in `env` themselves.

    `env` stands for the process's environment. `operation` becomes RoleSessionName, so that
    CloudTrail ties each call to the work that it was made for. `before_assume` hears how many
    seconds the credentials will last, before each renewal; what it raises prevents that one.
    """
    own = _own_session(region, env)
    if access is None:
        return own
    role = _Role(own, access, operation or f"byoc-{uuid.uuid4().hex[:12]}", dict(tags or {}))
    role.before_assume = before_assume
    core = _with_shared_models(botocore.session.Session())
    # botocore has no public way to hand refreshable credentials to a session
    core._credentials = role.refreshable()  # type: ignore[attr-defined]  # noqa: SLF001
    return Session(
        boto3.session.Session(botocore_session=core, region_name=region),
        region=region,
        config=_config(env),
        endpoint_url=own.endpoint_url,
        role=role,
    )


def ambient(region: str, *, profile: str | None = None) -> Session:
    """A session of the process's own credentials, or of a profile; for code in the engine."""
    return _own_session(region, None, profile)


def _own_session(region: str, env: Mapping[str, str] | None, profile: str | None = None) -> Session:
    values = os.environ if env is None else env
    try:
        boto = boto3.session.Session(
            botocore_session=_core(None if env is None else dict(env), profile),
            region_name=region,
        )
    except BotoCoreError as error:
        raise translate(error, doing="credentials") from error
    return Session(
        boto, region=region, config=_config(env), endpoint_url=values.get("AWS_ENDPOINT_URL")
    )


def _core(env: dict[str, str] | None, profile: str | None) -> botocore.session.Session:
    """A botocore session with `env` in the place of the process's environment."""
    if env is None:
        return _with_shared_models(botocore.session.Session(profile=profile))
    core = _with_shared_models(botocore.session.Session(profile=env.get("AWS_PROFILE")))
    if "AWS_ACCESS_KEY_ID" in env:
        core.set_credentials(
            env["AWS_ACCESS_KEY_ID"],
            env.get("AWS_SECRET_ACCESS_KEY", ""),
            env.get("AWS_SESSION_TOKEN"),
        )
    elif "AWS_CONTAINER_CREDENTIALS_FULL_URI" in env:
        source = CredentialResolver(providers=[ContainerProvider(environ=env)])
        core.register_component("credential_provider", source)
    return core


def _with_shared_models(core: botocore.session.Session) -> botocore.session.Session:
    """Read a service's description once in a process: it is megabytes of JSON for each session."""
    core.register_component("data_loader", _models(core.get_config_variable("data_path")))
    return core


@cache
def _models(data_path: str | None) -> Loader:
    return create_loader(data_path)


def _config(env: Mapping[str, str] | None) -> Config:
    return Config(
        connect_timeout=5,
        read_timeout=60,
        retries={"mode": "standard", "max_attempts": 3},
        ignore_configured_endpoint_urls=env is not None,  # type: ignore[call-arg]  # not in stubs
        user_agent_extra="byoc-infra",
    )


class _Role:
    """Assumes one role again and again, and remembers until when the last session lasts."""

    def __init__(
        self, own: Session, access: AccessSpec, operation: str, tags: dict[str, str]
    ) -> None:
        self._own = own
        self._access = access
        self._operation = operation
        self._tags = tags
        self.before_assume: Callable[[int], None] | None = None
        self.expires: datetime.datetime | None = None

    def refreshable(self) -> RefreshableCredentials:
        """Credentials that call `assume` by themselves; the first call is made here."""
        first = self.assume()
        left = datetime.datetime.fromisoformat(first["expiry_time"]) - datetime.datetime.now(
            datetime.UTC
        )
        life_s = max(left.total_seconds(), 0)
        return RefreshableCredentials.create_from_metadata(
            metadata=first,
            refresh_using=self.assume,
            method="sts-assume-role",
            # a short session must not be renewed at every call
            advisory_timeout=int(min(ADVISORY_S, life_s / 2)),
            mandatory_timeout=int(min(MANDATORY_S, life_s / 4)),
        )

    def assume(self) -> dict[str, str]:
        """AssumeRole, in the form that botocore's refreshing wants."""
        if self.before_assume is not None:
            self.before_assume(self._access.duration_s)
        client = self._own.client("sts")
        try:
            answer = client.assume_role(**self._request())
        except (ClientError, BotoCoreError) as error:
            # no `from error`: AWS's words may repeat the external id
            raise self._refused(error) from None
        given = answer["Credentials"]
        self.expires = given["Expiration"]
        return {
            "access_key": given["AccessKeyId"],
            "secret_key": given["SecretAccessKey"],
            "token": given["SessionToken"],
            "expiry_time": given["Expiration"].isoformat(),
        }

    def _request(self) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "RoleArn": self._access.role_arn,
            "RoleSessionName": self._operation,
            "ExternalId": self._access.external_id,
            "SourceIdentity": self._access.source_identity,
            "DurationSeconds": self._access.duration_s,
        }
        if self._tags:
            asked["Tags"] = [{"Key": k, "Value": v} for k, v in sorted(self._tags.items())]
        if self._access.session_policy is not None:
            asked["Policy"] = self._access.session_policy
        return asked

    def _refused(self, error: ClientError | BotoCoreError) -> ByocError:
        ours = translate(error, doing="sts:AssumeRole")
        words = ours.got.replace(self._access.external_id, "…")
        if not isinstance(error, ClientError):
            return type(ours)(ours.field, wanted=ours.wanted, got=words, next_step=ours.next_step)
        if code_of(error) in DENIED:
            return AccessRefused(
                "role_arn",
                wanted=f"to assume {self._access.role_arn}",
                got=words,
                next_step=_why_not(words),
            )
        if code_of(error) in {"ValidationError", "MalformedPolicyDocument", "PackedPolicyTooLarge"}:
            return SpecError(
                "access",
                wanted="values that sts:AssumeRole takes",
                got=words,
                next_step="Correct role_arn, external_id, duration_s or session_policy.",
            )
        return type(ours)(ours.field, wanted=ours.wanted, got=words, next_step=ours.next_step)


def _why_not(words: str) -> str:
    """What to do about a refused AssumeRole.

    AWS tells a caller of another account neither whether the role exists nor what its trust
    lacks; only the caller's own side is named in the message.
    """
    if "no identity-based policy allows" in words or "identity-based policy" in words:
        return "Your own identity lacks sts:AssumeRole on this role; add it to its policy."
    if "service control policy" in words:
        return "A service control policy of an organization denies it; ask its administrator."
    if "sts:TagSession" in words:
        return "The trust (or your own policy) must allow sts:TagSession besides sts:AssumeRole."
    if "sts:SetSourceIdentity" in words:
        return (
            "The trust (or your own policy) must allow sts:SetSourceIdentity besides "
            "sts:AssumeRole."
        )
    return (
        "AWS does not say which of these it is: the external id differs from the trust's; "
        "the role does not exist or its trust names another principal; "
        "your own policy does not allow sts:AssumeRole on it. Check them in this order "
        "with the account's owner."
    )
