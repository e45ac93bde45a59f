"""STS: what its operations ask of the caller; the trust policy is asked in `authorizer.sts`."""

from byoc_infra.local.authorizer.actions._keys import Keys, said
from byoc_infra.local.authorizer.actions._rules import Row, given, needs, reads, values

__all__ = ["ROWS"]

_REQUEST: Keys = {
    "sts:ExternalId": said("ExternalId"),
    "sts:RoleSessionName": said("RoleSessionName"),
    "sts:SourceIdentity": said("SourceIdentity"),
}
_ROLE = values("RoleArn")


def _needs(action: str, parameter: str | None = None) -> Row:
    when = given(parameter) if parameter else (lambda _call: True)
    return (needs(action, _ROLE, tagged=True, keys=_REQUEST, when=when),)


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
