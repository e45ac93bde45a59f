"""Whether a role's trust is as closed as it has to be, found out by trying.

Each try asks for as little as AssumeRole takes: a source identity or a tag could be what is
refused, and the refusal would prove nothing.
"""

import uuid

from botocore.exceptions import BotoCoreError, ClientError

from byoc_infra.aws.errors import DENIED, code_of, translate
from byoc_infra.aws.session import Session
from byoc_infra.errors import TrustTooOpen

__all__ = ["check_closed", "lets_in"]

SHORTEST_S = 900
"""STS API reference, AssumeRole DurationSeconds."""


def check_closed(own: Session, role_arn: str, *, session_name: str) -> None:
    """Nobody gets in without an external id, or with one that was made up just now."""
    for how, external_id in (
        ("without an external id", None),
        ("with any external id", f"byoc-probe-{uuid.uuid4()}"),
    ):
        if lets_in(own, role_arn, external_id, session_name=session_name):
            raise TrustTooOpen(
                "role_arn",
                wanted=f"a trust that refuses whoever comes {how}",
                got=f"{role_arn} let us in {how}",
                next_step="The account's owner runs the set-up stack with the account file as it "
                "was given, or adds the condition sts:ExternalId (StringEquals) to the trust.",
            )


def lets_in(own: Session, role_arn: str, external_id: str | None, *, session_name: str) -> bool:
    """Whether the role can be assumed in this way; any answer but yes and no is an error."""
    given = {} if external_id is None else {"ExternalId": external_id}
    try:
        own.client("sts").assume_role(
            RoleArn=role_arn, RoleSessionName=session_name, DurationSeconds=SHORTEST_S, **given
        )
    except ClientError as error:
        if code_of(error) in DENIED:
            return False
        # no `from error`: AWS's words may repeat the external id
        raise translate(error, doing="sts:AssumeRole") from None
    except BotoCoreError as error:
        raise translate(error, doing="sts:AssumeRole") from error
    return True
