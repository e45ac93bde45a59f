"""The local cloud's own authorizer: every request is decided here, in front of moto.

Signature and session, then each IAM action that the operation asks for, against the caller's
policies, its permissions boundary, its session's policies and the policy of the resource (a
secret's, a key's, a role's trust). Service control policies are not modelled.
"""

from byoc_infra.local.authorizer.answers import render_error, render_json, render_output
from byoc_infra.local.authorizer.gate import Gate
from byoc_infra.local.authorizer.policies import Verdict, evaluate
from byoc_infra.local.authorizer.principals import MotoPolicies, PolicySource
from byoc_infra.local.authorizer.sessions import Session
from byoc_infra.local.authorizer.state import TAG_SOURCES, TARGET_SOURCES

__all__ = [
    "TAG_SOURCES",
    "TARGET_SOURCES",
    "Gate",
    "MotoPolicies",
    "PolicySource",
    "Session",
    "Verdict",
    "evaluate",
    "render_error",
    "render_json",
    "render_output",
]
