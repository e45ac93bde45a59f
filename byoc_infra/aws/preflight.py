"""Asked before every `up` and `destroy`: are we where we think we are.

Account, region and installation are in a stack's name, so another place is another stack.
"""

from byoc_infra.aws.session import Identity, Session
from byoc_infra.errors import WrongAccount
from byoc_infra.spec import AccessSpec

__all__ = ["check", "check_role"]


def check_role(access: AccessSpec, aws_account_id: str) -> None:
    """The role to assume belongs to the account that was declared; asks nothing of AWS."""
    owner = access.role_arn.split(":")[4]
    if owner != aws_account_id:
        raise WrongAccount(
            "access.role_arn",
            wanted=f"a role of account {aws_account_id}",
            got=access.role_arn,
            next_step="Give the role that the account stack of this account made.",
        )


def check(session: Session, *, aws_account_id: str, region: str) -> Identity:
    """The credentials work and lead to the recorded account and region."""
    if session.region != region:
        raise WrongAccount(
            "region",
            wanted=region,
            got=session.region,
            next_step="Set AWS_REGION, or correct `region` in the file.",
        )
    identity = session.identity()
    if identity.account_id != aws_account_id:
        raise WrongAccount(
            "aws_account_id",
            wanted=aws_account_id,
            got=f"{identity.account_id} ({identity.arn})",
            next_step="Use credentials of the recorded account, or correct the file.",
        )
    return identity
