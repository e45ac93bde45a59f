"""Every error that byoc-infra raises on purpose.

One class a reason. An error says which field is wrong, what was wanted, what was given and what
to do next; it never holds a secret value. Whether to try again and how the process ends belong
to the class, so that nobody has to read the words to decide.
"""

from typing import ClassVar

__all__ = [
    "AccessRefused",
    "AccountNotReady",
    "AddressTaken",
    "AlreadyRunning",
    "ApprovalNeeded",
    "BodyTooLarge",
    "ByocError",
    "CallRejected",
    "Cancelled",
    "CloudUnreachable",
    "Conflict",
    "ConnectionUnusable",
    "DatabaseUnreachable",
    "DeadlineExceeded",
    "DeploymentUnhealthy",
    "DuplicateName",
    "EngineFailed",
    "Forbidden",
    "ImageNotFound",
    "Immutable",
    "KeyReused",
    "LeaseLost",
    "LocalCloudDown",
    "NotFound",
    "ProviderDied",
    "QuotaExceeded",
    "QuotaReached",
    "ReservedName",
    "RunFailed",
    "SecretWithoutValue",
    "ServerFailed",
    "ServerUnreachable",
    "SpecError",
    "StackBusy",
    "StateUnreachable",
    "SupervisorDied",
    "ToolMissing",
    "TrustTooOpen",
    "Unauthorized",
    "Unsupported",
    "WrongAccount",
]


class ByocError(Exception):
    """The base: what was wrong, in fields that a program and a person can both use."""

    code: ClassVar[str]
    """Stable, upper case; clients may compare it."""
    exit_code: ClassVar[int]
    """What `byoc` exits with (`docs/cli.md`)."""
    retryable: ClassVar[bool] = False
    """True where the same call may succeed later without any change by the caller."""
    http_status: ClassVar[int] = 500
    """What the control plane's API answers with."""

    def __init__(self, field: str, *, wanted: str, got: str, next_step: str) -> None:
        self.field = field
        self.wanted = wanted
        self.got = got
        self.next_step = next_step
        super().__init__(field, wanted, got, next_step)

    def __reduce__(self) -> tuple[object, ...]:
        """Errors cross process boundaries; keyword-only arguments do not pickle by themselves."""
        return _rebuild, (type(self), self.field, self.wanted, self.got, self.next_step)

    def __str__(self) -> str:
        return f"{self.field}: want {self.wanted}, got {self.got}. {self.next_step}"

    def as_dict(self) -> dict[str, object]:
        """The error as the JSON object that `--json` prints."""
        return {
            "code": self.code,
            "field": self.field,
            "wanted": self.wanted,
            "got": self.got,
            "next_step": self.next_step,
            "retryable": self.retryable,
        }


def _rebuild(kind: type[ByocError], field: str, wanted: str, got: str, next_step: str) -> ByocError:
    return kind(field, wanted=wanted, got=got, next_step=next_step)


class SpecError(ByocError):
    """A value that was given cannot work; nothing was created."""

    code = "INVALID"
    exit_code = 2
    http_status = 422


class ReservedName(SpecError):
    """An environment name that the platform sets itself."""

    code = "RESERVED_NAME"


class DuplicateName(SpecError):
    """The same name was given twice, or is in use by something else."""

    code = "DUPLICATE_NAME"


class ImageNotFound(SpecError):
    """The image is not in its repository, or its tag has no digest."""

    code = "IMAGE_NOT_FOUND"


class SecretWithoutValue(SpecError):
    """A secret container exists and nobody has put a value in it."""

    code = "SECRET_WITHOUT_VALUE"


class NotFound(SpecError):
    """What was named does not exist."""

    code = "NOT_FOUND"
    http_status = 404


class Unsupported(SpecError):
    """The platform's API has it and this control plane does not, such as building from source."""

    code = "UNSUPPORTED"
    http_status = 400


class Immutable(SpecError):
    """What was decided when the thing was created, and cannot be changed."""

    code = "IMMUTABLE"
    http_status = 400


class ConnectionUnusable(SpecError):
    """The account's connection is not active, or it is not clear which one is meant."""

    code = "CONNECTION_UNUSABLE"
    http_status = 400


class Conflict(SpecError):
    """What is there already stands in the way, such as a name that is taken."""

    code = "CONFLICT"
    http_status = 409


class AlreadyRunning(Conflict):
    """The same request, by its idempotency key, is still being answered."""

    code = "ALREADY_RUNNING"


class KeyReused(SpecError):
    """An idempotency key came again with another request."""

    code = "KEY_REUSED"


class QuotaReached(SpecError):
    """The tenant has as many deployments as it may have."""

    code = "QUOTA_REACHED"
    http_status = 403


class BodyTooLarge(SpecError):
    """A request's body is longer than this API takes."""

    code = "BODY_TOO_LARGE"
    http_status = 413


class ToolMissing(ByocError):
    """A program that this machine needs is not here and could not be obtained."""

    code = "TOOL_MISSING"
    exit_code = 3


class AddressTaken(ByocError):
    """A port or loopback address is in use by something else."""

    code = "ADDRESS_TAKEN"
    exit_code = 3


class LocalCloudDown(ByocError):
    """The local cloud is not running, or its emulator has died."""

    code = "LOCAL_CLOUD_DOWN"
    exit_code = 3


class AccessRefused(ByocError):
    """AWS refused the role or a call: wrong external id, missing permission, revoked trust."""

    code = "ACCESS_REFUSED"
    exit_code = 4
    http_status = 400


class Unauthorized(ByocError):
    """No API key, or one that is unknown, expired or revoked."""

    code = "UNAUTHORIZED"
    exit_code = 4
    http_status = 401


class Forbidden(ByocError):
    """The API key's scope does not reach so far."""

    code = "FORBIDDEN"
    exit_code = 4
    http_status = 403


class WrongAccount(ByocError):
    """The credentials lead to another account or region than the recorded one."""

    code = "WRONG_ACCOUNT"
    exit_code = 4
    http_status = 400


class TrustTooOpen(ByocError):
    """The role can be assumed without its external id, or with any: whoever the vendor serves
    could point it there.
    """

    code = "TRUST_TOO_OPEN"
    exit_code = 4
    http_status = 400


class AccountNotReady(ByocError):
    """What the account stack makes was not found, or was found more than once."""

    code = "ACCOUNT_NOT_READY"
    exit_code = 4
    http_status = 400


class CallRejected(ByocError):
    """AWS refused a call for another reason than access: a limit, a state, a bad value."""

    code = "CALL_REJECTED"
    exit_code = 5
    http_status = 400


class EngineFailed(ByocError):
    """The Pulumi engine ended with an error; the cause is in words."""

    code = "ENGINE_FAILED"
    exit_code = 5


class QuotaExceeded(EngineFailed):
    """The account's service quota leaves no room for what was asked."""

    code = "QUOTA_EXCEEDED"


class DeploymentUnhealthy(ByocError):
    """The resources are there and the tasks are not what was asked for, or not healthy."""

    code = "DEPLOYMENT_UNHEALTHY"
    exit_code = 5


class RunFailed(ByocError):
    """The deployment answered, and the run of its graph ended with an error."""

    code = "RUN_FAILED"
    exit_code = 5


class ProviderDied(ByocError):
    """The resource provider's process ended in mid-run; the next run finds what it had made."""

    code = "PROVIDER_DIED"
    exit_code = 6
    retryable = True


class CloudUnreachable(ByocError):
    """The AWS API did not answer."""

    code = "CLOUD_UNREACHABLE"
    exit_code = 6
    retryable = True
    http_status = 503


class DatabaseUnreachable(ByocError):
    """The control plane's own database did not answer."""

    code = "DATABASE_UNREACHABLE"
    exit_code = 6
    retryable = True
    http_status = 503


class ServerUnreachable(ByocError):
    """The control plane does not answer."""

    code = "SERVER_UNREACHABLE"
    exit_code = 6
    retryable = True
    http_status = 503


class StackBusy(ByocError):
    """Another run holds the stack."""

    code = "STACK_BUSY"
    exit_code = 6
    retryable = True


class StateUnreachable(ByocError):
    """Where stacks' states are kept did not answer; the next run finds what this one had made."""

    code = "STATE_UNREACHABLE"
    exit_code = 6
    retryable = True
    http_status = 503


class DeadlineExceeded(ByocError):
    """The time given ran out; what was in flight was allowed to finish."""

    code = "DEADLINE_EXCEEDED"
    exit_code = 6
    retryable = True


class Cancelled(ByocError):
    """Somebody asked for it to stop; what was in flight was allowed to finish."""

    code = "CANCELLED"
    exit_code = 5


class ApprovalNeeded(ByocError):
    """The change would replace or delete something that holds data; a person has to agree."""

    code = "APPROVAL_NEEDED"
    exit_code = 5


class LeaseLost(ByocError):
    """Another process may write to the stack now; this one's result is thrown away."""

    code = "LEASE_LOST"
    exit_code = 6
    retryable = True


class ServerFailed(ByocError):
    """The control plane itself failed; its log says more under the request's id."""

    code = "INTERNAL"
    exit_code = 5


class SupervisorDied(ByocError):
    """The process that ran an operation ended without a word; the next run finds what it made."""

    code = "SUPERVISOR_DIED"
    exit_code = 6
    retryable = True
