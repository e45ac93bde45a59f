"""Are we where we think we are."""

import pytest

from byoc_infra.aws import preflight
from byoc_infra.aws.session import Session
from byoc_infra.errors import WrongAccount
from byoc_infra.spec import AccessSpec


def test_the_right_account_passes(session: Session) -> None:
    """And says who we are."""
    found = preflight.check(session, aws_account_id="123456789012", region="eu-west-1")

    assert found.account_id == "123456789012"


def test_another_account_is_refused(session: Session) -> None:
    """Credentials of the wrong shell are the commonest slip."""
    with pytest.raises(WrongAccount, match="aws_account_id: want 222222222222, got 123456789012"):
        preflight.check(session, aws_account_id="222222222222", region="eu-west-1")


def test_another_region_is_refused(session: Session) -> None:
    """Names are per region, so nothing would be found and all be made again."""
    with pytest.raises(WrongAccount, match="region: want us-east-1, got eu-west-1"):
        preflight.check(session, aws_account_id="123456789012", region="us-east-1")


def test_a_role_of_another_account_is_refused_unasked() -> None:
    """AWS is not asked for what can be seen."""
    access = AccessSpec(
        role_arn="arn:aws:iam::333333333333:role/x", external_id="e", source_identity="ada"
    )

    with pytest.raises(WrongAccount, match=r"access\.role_arn"):
        preflight.check_role(access, "222222222222")
