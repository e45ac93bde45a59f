"""What the engine's words mean."""

import pytest

from byoc_infra.engine.events import Diagnostic
from byoc_infra.engine.failure import answer_was_lost, classify
from byoc_infra.engine.messages import Report
from byoc_infra.errors import (
    AccessRefused,
    CloudUnreachable,
    EngineFailed,
    NotFound,
    ProviderDied,
    QuotaExceeded,
    StackBusy,
    WrongAccount,
)

URN = "urn:pulumi:dev::proj::aws:ec2/vpc:Vpc::vpc"
ROOT = "urn:pulumi:dev::proj::pulumi:pulumi:Stack::proj-dev"


def _report(*messages: str, said: str = "", urn: str = URN) -> Report:
    found = tuple(Diagnostic(severity="error", message=m, urn=urn) for m in messages)
    return Report(ok=False, diagnostics=found, said=said)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("error reading from server: EOF", ProviderDied),
        ("error reading from server: read tcp: connection reset by peer", ProviderDied),
        ("rpc error: code = Unavailable desc = connection error: connection refused", ProviderDied),
        (
            'desc = "transport: Error while dialing: dial tcp 127.0.0.1:34167: connection refused"',
            ProviderDied,
        ),
        ('Could not connect to the endpoint URL: "http://127.1.0.1:4566/"', CloudUnreachable),
        ("dial tcp 127.1.0.1:4566: connect: connection refused", CloudUnreachable),
        ("Read timeout on endpoint URL", CloudUnreachable),
        ("api error AccessDenied: no", AccessRefused),
        ("UnauthorizedOperation: You are not authorized", AccessRefused),
        ("ExpiredToken: The security token included in the request is expired", AccessRefused),
        ("InvalidClientTokenId: The token is invalid", AccessRefused),
        ("VpcLimitExceeded: The maximum number of VPCs has been reached.", QuotaExceeded),
        ("InstanceQuotaExceeded: no more", QuotaExceeded),
        ("InvalidParameterValue: odd", EngineFailed),
    ],
)
def test_each_cause_has_its_error(message: str, kind: type[Exception]) -> None:
    """By class, with the resource and the words."""
    failure = classify(_report(f"creating VPC: {message}"), stack="dev")

    assert type(failure) is kind
    assert failure.field == URN


def test_a_refusal_names_action_resource_and_principal() -> None:
    """What a security engineer needs to decide."""
    text = (
        "creating EC2 VPC: api error UnauthorizedOperation: User: "
        "arn:aws:sts::222222222222:assumed-role/LangGraphCloudBYOCRole/up is not authorized to "
        "perform: ec2:CreateVpc on resource: arn:aws:ec2:eu-west-1:222222222222:vpc/* because no "
        "identity-based policy allows it"
    )

    failure = classify(_report(text), stack="dev")

    assert failure.wanted == (
        "leave to call ec2:CreateVpc on arn:aws:ec2:eu-west-1:222222222222:vpc/*"
    )
    assert failure.got == (
        "arn:aws:sts::222222222222:assumed-role/LangGraphCloudBYOCRole/up may not"
    )


def test_the_programs_own_error_wins() -> None:
    """It says what is wrong; the engine only says that something is."""
    own = WrongAccount("account", wanted="1", got="2", next_step="Check.")
    report = Report(ok=False, program_error=own, said="error: connection refused")

    assert classify(report, stack="dev") is own


def test_a_held_lock_names_its_owner() -> None:
    """So that somebody can look for it."""
    said = (
        "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) "
        "to end or delete the lock file with `pulumi cancel`.\n"
        "  file:///x/1.json: created by root@vm (pid 17288) at 2026-11-23T02:01:31Z"
    )

    failure = classify(_report(said=said), stack="dev")

    assert isinstance(failure, StackBusy)
    assert failure.got == "created by root@vm (pid 17288) at 2026-11-23T02:01:31Z"


def test_a_stack_that_is_not_there_is_not_found() -> None:
    """Not an engine failure."""
    failure = classify(_report(said="error: no stack named 'dev' found"), stack="dev")

    assert isinstance(failure, NotFound)


def test_the_first_error_of_a_resource_is_told_before_the_engines_summary() -> None:
    """`update failed` helps nobody."""
    report = Report(
        ok=False,
        diagnostics=(
            Diagnostic(severity="error", message="update failed", urn=ROOT),
            Diagnostic(severity="warning", message="look out", urn=URN),
            Diagnostic(severity="error", message="the CIDR is taken\nsecond line", urn=URN),
        ),
    )

    failure = classify(report, stack="dev")

    assert (failure.field, failure.got) == (URN, "the CIDR is taken second line")


def test_without_any_diagnostic_the_clis_own_error_line_is_told() -> None:
    """A wrong passphrase, a missing plugin."""
    failure = classify(_report(said="noise\nerror: incorrect passphrase\n"), stack="dev")

    assert (failure.field, failure.got) == ("stack dev", "error: incorrect passphrase")


def test_a_killed_engine_may_be_run_again() -> None:
    """Out of memory is not a fault of the stack."""
    assert classify(Report(ok=False, killed=True), stack="dev").retryable


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("error reading from server: EOF", True),
        ("Read timeout on endpoint URL", True),
        ("AccessDenied", False),
        ("InvalidParameterValue", False),
    ],
)
def test_an_answer_counts_as_lost_only_when_it_may_have_been_on_its_way(
    text: str, *, lost: bool
) -> None:
    """A refusal is an answer; an end of file is not."""
    assert answer_was_lost(text) is lost
