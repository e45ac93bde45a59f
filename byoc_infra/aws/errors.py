"""Foreign errors become ours: what botocore raises, in words a user can act on."""

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

from byoc_infra.errors import AccessRefused, ByocError, CallRejected, CloudUnreachable

__all__ = ["DENIED", "EXPIRED", "code_of", "translate"]

DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "AuthorizationErrorException",
        "NotAuthorized",
        "UnauthorizedOperation",
        "403",
    }
)
"""How AWS's services spell that a policy does not allow a call."""
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
UNKNOWN_KEY = frozenset(
    {
        "AuthFailure",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
BUSY = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


def code_of(error: ClientError) -> str:
    """AWS's own code of an error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def translate(error: ClientError | BotoCoreError, *, doing: str) -> ByocError:
    """`error`, which came of `doing` (`ecs:DescribeServices`), as one of the project's own."""
    if isinstance(error, ClientError):
        return _answered(error, doing)
    if isinstance(error, EndpointConnectionError | HTTPClientError | ConnectionClosedError):
        return CloudUnreachable(
            doing,
            wanted="an answer from the AWS API",
            got=_first_line(error),
            next_step="Check the network and AWS_ENDPOINT_URL, then run the same command again.",
        )
    if isinstance(error, NoCredentialsError | PartialCredentialsError | ProfileNotFound):
        return AccessRefused(
            "credentials",
            wanted="AWS credentials in the environment",
            got=_first_line(error),
            next_step="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.",
        )
    if isinstance(error, CredentialRetrievalError):
        return AccessRefused(
            "credentials",
            wanted="credentials from the configured source",
            got=_first_line(error),
            next_step="Check that the source of the credentials runs and may assume the role.",
        )
    return CallRejected(
        doing,
        wanted="an answer in AWS's own form",
        got=_first_line(error),
        next_step="Check AWS_ENDPOINT_URL and the values that were given.",
    )


def _answered(error: ClientError, doing: str) -> ByocError:
    code = code_of(error)
    words = f"{code}: {error.response.get('Error', {}).get('Message', 'no message')}"[:500]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in DENIED:
        return AccessRefused(
            doing,
            wanted="permission",
            got=words,
            next_step="Compare the policies of the role with what this call needs.",
        )
    if code in EXPIRED:
        return AccessRefused(
            doing,
            wanted="a session that has not expired",
            got=words,
            next_step="Get new credentials and run the same command again.",
        )
    if code in UNKNOWN_KEY:
        return AccessRefused(
            "credentials",
            wanted="an access key that AWS knows, with its own secret",
            got=words,
            next_step="Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.",
        )
    if code in BUSY or status >= 500:
        return CloudUnreachable(
            doing,
            wanted="an answer from the AWS API",
            got=words,
            next_step="AWS is busy or failing; run the same command again.",
        )
    return CallRejected(
        doing, wanted="AWS to accept the call", got=words, next_step="Correct what AWS names."
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:500]
