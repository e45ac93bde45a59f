"""STS: what its operations ask of the caller; the trust policy is asked in `authorizer.sts`."""

from byoc_infra.local.authorizer.actions._rules import Row, given, needs, reads, values
from byoc_infra.local.wire import Call

__all__ = ["ROWS", "request_keys"]

_KEYS = {
    "sts:ExternalId": "ExternalId",
    "sts:RoleSessionName": "RoleSessionName",
    "sts:SourceIdentity": "SourceIdentity",
}
_ROLE = values("RoleArn")


def request_keys(call: Call) -> dict[str, str]:
    """What the caller's policies and the trust policy see of an AssumeRole request."""
    return {key: str(call.params[name]) for key, name in _KEYS.items() if call.params.get(name)}


def _needs(action: str, parameter: str | None = None) -> Row:
    when = given(parameter) if parameter else (lambda _call: True)
    return (needs(action, _ROLE, tagged=True, keys=request_keys, when=when),)


ROWS: dict[str, Row] = {
    # AWS answers it to anybody, even where a policy denies it.
    "GetCallerIdentity": (),
    "AssumeRole": (
        *_needs("sts:AssumeRole"),
        *_needs("sts:SetSourceIdentity", "SourceIdentity"),
        *_needs("sts:TagSession", "Tags"),
    ),
    **reads("sts", "GetAccessKeyInfo"),
}
