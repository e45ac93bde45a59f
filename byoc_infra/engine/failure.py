"""What a failed run means, in the project's own errors, with the cause in words."""

import re
from collections.abc import Sequence

from byoc_infra.engine.events import Diagnostic, name_of
from byoc_infra.engine.messages import Report
from byoc_infra.errors import (
    AccessRefused,
    ByocError,
    CloudUnreachable,
    EngineFailed,
    NotFound,
    ProviderDied,
    QuotaExceeded,
    StackBusy,
    StateUnreachable,
)

__all__ = ["LOCKED", "answer_was_lost", "classify", "no_stack", "state_was_lost"]

LOCKED = "the stack is currently locked by"
NO_STACK = re.compile(r"no stack named .* found")
PROVIDER_DIED = re.compile(
    r"error reading from server|code = Unavailable|transport is closing"
    r"|transport: Error while dialing"  # gRPC's word for a plugin's port that nobody listens on
    r"|[Pp]lugin (?:process )?exited|could not read plugin|broken pipe",
)
UNREACHABLE = re.compile(
    r"[Cc]onnection refused|Could not connect to the endpoint|EndpointConnectionError"
    r"|no such host|Name or service not known|i/o timeout|ConnectTimeout|ReadTimeout"
    r"|Connect timeout|Read timeout|Connection was closed before|[Cc]onnection reset"
    r"|RequestError: send request failed|network is unreachable|TLS handshake timeout",
)
EXPIRED = re.compile(r"ExpiredToken|RequestExpired|token included in the request is expired")
REFUSED = re.compile(
    r"AccessDenied|UnauthorizedOperation|not authorized to perform|AuthFailure"
    r"|InvalidClientTokenId|SignatureDoesNotMatch|UnrecognizedClient|AuthorizationError",
)
STATE_LOST = re.compile(
    r"failed to save snapshot|IO error occurred while writing the new snapshot"
    r"|\bpq: |driver: bad connection|failed to (?:ping|connect to) PostgreSQL"
)
"""The backend's words when what was made could not be written down, or nothing be read."""
QUOTA = re.compile(r"LimitExceeded|QuotaExceeded|TooManyLoadBalancers|TooManyTargetGroups")
WHO_MAY_NOT = re.compile(
    r"(?:User: (?P<who>\S+) is )?not authorized to perform: (?P<action>[\w-]+:\w+)"
    r"(?: on resource: (?P<resource>\S+))?"
)
EMPTY = re.compile(
    r"^(?:resource registration failed|update failed|preview failed|destroy failed"
    r"|refresh failed|an unhandled error|one or more errors|errors? occurred)\b.*$"
)
SHOWN_LINES = 4
SHOWN_CHARS = 700


def answer_was_lost(text: str) -> bool:
    """True when a call may have taken effect although its answer never came."""
    return bool(PROVIDER_DIED.search(text) or UNREACHABLE.search(text))


def state_was_lost(report: Report) -> bool:
    """True when the state may lack what the run has made."""
    return any(STATE_LOST.search(text) for text in _told(report))


def classify(report: Report, *, stack: str) -> ByocError:
    """The error that this failed run is."""
    if report.program_error is not None:
        return report.program_error
    if found := _cut_off(report):
        return found
    errors = [d for d in report.diagnostics if d.severity == "error"]
    everything = "\n".join([*(d.message for d in errors), report.said])
    if LOCKED in everything:
        return _busy(everything, stack)
    if NO_STACK.search(report.said):
        return no_stack(stack)
    for decide in (_provider_died, _unreachable, _refused, _quota):
        for diagnostic in (*errors, Diagnostic(severity="error", message=report.said)):
            if found := decide(diagnostic, stack):
                return found
    return _other(report, errors, stack)


def no_stack(stack: str) -> NotFound:
    """There is no stack of this name."""
    return NotFound(
        "stack",
        wanted="a stack that exists",
        got=stack,
        next_step="Run `up` first, or check name and backend.",
    )


def _cut_off(report: Report) -> ByocError | None:
    """The engine's own end, and the backend's."""
    again = "Run it again: what was made is found by its name and taken over."
    if report.killed:
        return ProviderDied(
            "engine",
            wanted="an engine that lives to the end of the run",
            got="its process was killed",
            next_step=again,
        )
    if state_was_lost(report):
        return StateUnreachable(
            "backend",
            wanted="a state backend that answers to the end of the run",
            got=_line_with(STATE_LOST, report),
            next_step=again,
        )
    return None


def _provider_died(diagnostic: Diagnostic, stack: str) -> ByocError | None:
    if not PROVIDER_DIED.search(diagnostic.message):
        return None
    return ProviderDied(
        _field(diagnostic, stack),
        wanted="a resource provider that lives to the end of the run",
        got=_short(diagnostic.message),
        next_step="Run it again: what was made is found by its name and taken over.",
    )


def _unreachable(diagnostic: Diagnostic, stack: str) -> ByocError | None:
    if not UNREACHABLE.search(diagnostic.message):
        return None
    return CloudUnreachable(
        _field(diagnostic, stack),
        wanted="an answer of the AWS API",
        got=_short(diagnostic.message),
        next_step="Check network and endpoint, then run it again: it goes on where it stopped.",
    )


def _refused(diagnostic: Diagnostic, stack: str) -> ByocError | None:
    text = diagnostic.message
    if EXPIRED.search(text):
        return AccessRefused(
            _field(diagnostic, stack),
            wanted="credentials that are valid until the end of the run",
            got=_short(text),
            next_step="Run it again with fresh credentials.",
        )
    if not REFUSED.search(text):
        return None
    found = WHO_MAY_NOT.search(text)
    wanted, got = "a permission that was not granted", _short(text)
    if found:
        wanted = f"leave to call {found['action']}"
        if found["resource"]:
            wanted += f" on {found['resource']}"
        got = f"{found['who'] or 'the caller'} may not"
    return AccessRefused(
        _field(diagnostic, stack),
        wanted=wanted,
        got=got,
        next_step="Compare the role's policies with what the account stack makes, and trust and "
        "external id with the recorded ones.",
    )


def _quota(diagnostic: Diagnostic, stack: str) -> ByocError | None:
    if not QUOTA.search(diagnostic.message):
        return None
    return QuotaExceeded(
        _field(diagnostic, stack),
        wanted="room in the account's service quota",
        got=_short(diagnostic.message),
        next_step="Ask AWS for a higher quota in this account and region, or free something.",
    )


def _busy(text: str, stack: str) -> ByocError:
    line = next((s.strip() for s in text.splitlines() if "created by" in s), "a lock")
    return StackBusy(
        "stack",
        wanted=f"{stack} to be free",
        got=_short(line.rsplit(": ", 1)[-1]),
        next_step="Wait for that run to end, then run this again.",
    )


def _other(report: Report, errors: Sequence[Diagnostic], stack: str) -> ByocError:
    told = [d for d in errors if not EMPTY.match(d.message.strip())]
    told.sort(key=lambda d: not d.urn or "pulumi:pulumi:Stack" in d.urn)
    if report.program_failure:
        return EngineFailed(
            "program",
            wanted="a program that runs to its end",
            got=_short(report.program_failure),
            next_step="Correct the program or its input.",
        )
    first = told[0] if told else Diagnostic(severity="error", message=_last_lines(report.said))
    return EngineFailed(
        _field(first, stack),
        wanted="a run without errors",
        got=_short(first.message),
        next_step=f"{len(told)} errors in all; correct the first and run it again."
        if len(told) > 1
        else "Correct the cause and run it again.",
    )


def _field(diagnostic: Diagnostic, stack: str) -> str:
    return diagnostic.urn or f"stack {name_of(stack)}"


def _short(text: str) -> str:
    """The first lines that say something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [line for line in lines if not EMPTY.match(line)] or lines
    return " ".join(said[:SHOWN_LINES])[:SHOWN_CHARS] or "no word about why"


def _told(report: Report) -> list[str]:
    return [report.said, *(d.message for d in report.diagnostics if d.severity == "error")]


def _line_with(pattern: re.Pattern[str], report: Report) -> str:
    lines = (line for text in _told(report) for line in text.splitlines())
    return next(_short(line) for line in lines if pattern.search(line))


def _last_lines(text: str) -> str:
    """The CLI's own words: an error line if there is one, else the end."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error:")]
    return "\n".join(errors or lines[-SHOWN_LINES:]) or "the engine ended without a word"
