"""What the control plane's processes are told by their environment."""

import os
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from byoc_infra.errors import SpecError

__all__ = ["Settings"]

PREFIX = "BYOC_"
SHORTEST_KEY = 32
UNINSTALLED = "0+checkout"


def _data_dir() -> Path:
    if os.getuid() == 0:
        return Path("/var/lib/byoc-infra/control-plane")
    return Path.home() / ".local" / "share" / "byoc-infra" / "control-plane"


class Settings(BaseModel):
    """Settings of `byoc server` and `byoc worker`; each is the variable `BYOC_<NAME>`."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: SecretStr | None = None
    """`postgresql://…`; without it the server starts a PostgreSQL of its own under `data_dir`."""
    data_dir: Path = Field(default_factory=_data_dir)
    """Where the embedded PostgreSQL and the server's own key are; as root
    `/var/lib/byoc-infra/control-plane`, because root's PostgreSQL runs as another user."""
    secret_key: SecretStr | None = None
    """32 bytes or more, the same for all processes on one database: keys the hashes of requests.
    With the embedded PostgreSQL it is made once and kept under `data_dir`."""
    host: str = "127.0.0.1"
    """The address on which the API listens."""
    port: int = Field(default=8400, ge=0, le=65535)
    """Its TCP port; 0 takes a free one."""
    tls_certificate: Path | None = None
    """A PEM file of the certificate and its chain: with it the API speaks HTTPS."""
    tls_key: Path | None = None
    """The PEM file of the certificate's key."""
    behind_proxy: bool = False
    """A proxy in front ends TLS, so that plain HTTP may be served on an address that is no
    loopback one; without this or a certificate that is refused."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is written to the log, which is JSON lines on standard error."""
    vendor_principal_arn: str | None = None
    """The principal with which the control plane assumes customers' roles, for their set-up's
    `vendor_principal_arn`; its own identity, asked of AWS, when absent."""
    concurrency: int = Field(default=2, ge=1, le=32)
    """How many operations one worker runs at a time; each takes an engine, 0.5 GB or more."""
    lease_s: float = Field(default=60.0, ge=6.0, le=600.0)
    """For how long a stack is held without renewal; a worker that hangs stops its engine at two
    thirds of it."""
    session_s: int = Field(default=900, ge=900, le=3600)
    """How long one AWS session lasts before it is renewed (STS: 900 s at least)."""
    deadline_s: float = Field(default=3600.0, gt=0)
    """For each run of the engine."""
    health_deadline_s: float = Field(default=900.0, gt=0)
    """Until every task has to be healthy."""
    application_version: str | None = None
    """What the workflows of this process carry; the package's version when absent."""

    @field_validator("secret_key")
    @classmethod
    def _long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().encode()) < SHORTEST_KEY:
            raise ValueError(f"{SHORTEST_KEY} bytes or more")
        return value

    @field_validator("data_dir", "tls_certificate", "tls_key")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @property
    def version(self) -> str:
        """The application's version."""
        if self.application_version:
            return self.application_version
        try:
            return version("byoc-infra")
        except PackageNotFoundError:
            return UNINSTALLED

    @classmethod
    def of(cls, env: Mapping[str, str] | None = None) -> Self:
        """The settings in the process's environment, or in `env`."""
        given = os.environ if env is None else env
        known = {name: given.get(f"{PREFIX}{name.upper()}") for name in cls.model_fields}
        try:
            return cls.model_validate({name: value for name, value in known.items() if value})
        except ValidationError as refused:
            first = refused.errors(include_url=False)[0]
            raise SpecError(
                PREFIX + str(first["loc"][0]).upper(),
                wanted=first["msg"],
                got="another value",  # it may be a password
                next_step="Correct the variable; docs/control-plane.md lists them.",
            ) from None
