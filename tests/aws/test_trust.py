"""Whether a trust is closed: found out by trying, with the barest of calls."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from byoc_infra.aws import trust
from byoc_infra.aws.session import Session
from byoc_infra.errors import CallRejected, CloudUnreachable, TrustTooOpen

ROLE = "arn:aws:iam::222222222222:role/LangGraphCloudBYOCRole"


class Sts(Session):
    """A vendor's session whose STS lets in whoever has one of these ids; None is no id."""

    def __init__(
        self, *opens: str | None, anything: bool = False, error: str | None = None
    ) -> None:
        self.asked: list[dict[str, Any]] = []
        self._opens = opens
        self._anything = anything
        self._error = error

    def client(self, service: str) -> Any:
        """STS."""
        return self

    def assume_role(self, **asked: Any) -> None:
        """Yes, no, or another answer."""
        self.asked.append(asked)
        if self._error == "unreachable":
            raise EndpointConnectionError(endpoint_url="https://sts.example")
        external_id = asked.get("ExternalId")
        opens = external_id in self._opens or (self._anything and external_id is not None)
        if not opens:
            code = self._error or "AccessDenied"
            raise ClientError(
                {"Error": {"Code": code, "Message": f"no, {external_id}"}},
                "AssumeRole",
            )


def test_a_trust_that_wants_its_own_id_is_closed() -> None:
    """Both tries are refused, and neither asks for what could be refused instead."""
    sts = Sts("the-id")
    trust.check_closed(sts, ROLE, session_name="req-1")

    assert [one.keys() - {"ExternalId"} for one in sts.asked] == [
        {"RoleArn", "RoleSessionName", "DurationSeconds"}
    ] * 2
    assert ["ExternalId" in one for one in sts.asked] == [False, True]


def test_the_made_up_id_is_another_each_time() -> None:
    """A trust cannot be written for the probe."""
    sts = Sts("the-id")
    for _ in range(2):
        trust.check_closed(sts, ROLE, session_name="req-1")

    assert sts.asked[1]["ExternalId"] != sts.asked[3]["ExternalId"]


@pytest.mark.parametrize(
    ("sts", "how"),
    [
        (Sts(None), "without an external id"),
        (Sts(anything=True), "with any external id"),
    ],
    ids=["no condition", "any id"],
)
def test_an_open_trust_is_refused(sts: Sts, how: str) -> None:
    """By the way in which it let us in."""
    with pytest.raises(TrustTooOpen, match=how):
        trust.check_closed(sts, ROLE, session_name="req-1")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("unreachable", CloudUnreachable),
        ("Throttling", CloudUnreachable),
        ("ValidationError", CallRejected),
    ],
)
def test_no_answer_is_no_proof(error: str, kind: type[Exception]) -> None:
    """Only a denial says that a trust is closed; the id is in no message."""
    with pytest.raises(kind) as raised:
        trust.lets_in(Sts(error=error), ROLE, "planted-4711", session_name="req-1")

    if error != "unreachable":
        assert raised.value.__cause__ is None
