"""What the control plane's processes are told by their environment."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from byoc_infra.errors import SpecError

__all__ = ["Settings"]

PREFIX = "BYOC_"


class Settings(BaseModel):
    """Settings of `byoc server` and `byoc worker`; each is the variable `BYOC_<NAME>`."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: SecretStr | None = None
    """`postgresql://…`; without it the server starts a PostgreSQL of its own under `data_dir`."""
    data_dir: Path = Path("~/.local/share/byoc-infra/control-plane")
    """Where the embedded PostgreSQL and the server's own key are."""
    secret_key: SecretStr | None = None
    """32 bytes or more, the same for all processes on one database: keys the hashes of requests.
    With the embedded PostgreSQL it is made once and kept under `data_dir`."""
    host: str = "127.0.0.1"
    """The address on which the API listens."""
    port: int = Field(default=8400, ge=0, le=65535)
    """Its TCP port; 0 takes a free one."""
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
