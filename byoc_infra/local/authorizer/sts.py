"""AssumeRole, decided and answered by the local cloud itself.

Whether the caller may is decided as for any call (`actions.sts`, with the role's trust policy as
the resource's own); here the session is made. moto takes no part: it drops source identity, tags
and policies, and would let anybody in.
"""

import re
import secrets
import string
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from byoc_infra.local.authorizer.callers import service_caller
from byoc_infra.local.authorizer.documents import UnreadablePolicyError, read_policy
from byoc_infra.local.authorizer.judgement import allows
from byoc_infra.local.authorizer.policies import request_of
from byoc_infra.local.authorizer.principals import PolicySource, Role
from byoc_infra.local.authorizer.sessions import Session
from byoc_infra.local.hooks import Hooks
from byoc_infra.local.wire import AwsError, Call
from byoc_infra.local.world import World

__all__ = ["SecurityTokens"]

FORGOTTEN_AFTER_S = 3600.0
"""How long an expired session is still known, so that its use is answered with ExpiredToken."""

_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)


class SecurityTokens:
    """Who may become which role, and the sessions that came of it."""

    def __init__(self, world: World, policies: PolicySource) -> None:
        self.world = world
        self.policies = policies
        self.sessions: dict[str, Session] = {}
        """By access key id; plain data, for the emulator to keep over a restart."""
        self._lock = threading.Lock()

    def assume_role(self, call: Call) -> dict[str, Any]:
        """Answer an AssumeRole call that was allowed."""
        role = self.policies.role(str(call.params["RoleArn"]))
        if role is None:
            raise AwsError("AccessDenied", "The role is gone", status=403)
        name = str(call.params.get("RoleSessionName", ""))
        if not _SESSION_NAME.fullmatch(name):
            raise _invalid(f"Value '{name}' at 'roleSessionName' must match [\\w+=,.@-]{{2,64}}")
        duration = _duration(call, role)
        session = self._open(
            role,
            name,
            duration_s=duration,
            session_policies=self._session_policies(call),
            source_identity=_source_identity(call),
            tags=self._tags(call),
        )
        return self._described(session)

    def register(self, hooks: Hooks) -> None:
        """Answer what moto must not."""
        hooks.handle("sts", "AssumeRole", self.assume_role)
        hooks.handle("sts", "GetCallerIdentity", self.get_caller_identity)

    def get_caller_identity(self, call: Call) -> dict[str, Any]:
        """Who the caller is, as IAM's policies see it."""
        session = self.sessions.get(call.access_key_id)
        if session is not None:
            user_id = f"{session.role_id}:{session.name}"
        else:
            user_id = self.policies.user_id(call.principal)
        return {
            "UserId": user_id,
            "Account": call.principal.account_id,
            "Arn": call.principal.arn,
        }

    def assume_for_service(self, role_arn: str, service: str, name: str) -> Session:
        """A session of a role for an AWS service such as `ecs-tasks.amazonaws.com`.

        `AwsError` if the role is not there or does not trust the service.
        """
        role = self.policies.role(role_arn)
        account = role_arn.split(":")[4]
        context = {
            "aws:SourceAccount": account,
            "aws:SourceArn": f"arn:aws:ecs:{self.world.region}:{account}:*",
        }
        trust = self.policies.of_resource("sts:AssumeRole", role_arn)
        request = request_of("sts:AssumeRole", role_arn, context)
        if role is None or not allows(trust, request, service_caller(service)):
            raise AwsError(
                "AccessDenied",
                f"{service} is unable to assume the role '{role_arn}'. Verify that the role "
                "exists and that its trust policy names the service.",
                status=403,
            )
        return self._open(role, name, duration_s=6 * 3600)

    def find(self, access_key_id: str) -> Session | None:
        """The session of an access key, also when it has run out."""
        return self.sessions.get(access_key_id)

    def _open(
        self,
        role: Role,
        name: str,
        *,
        duration_s: float,
        session_policies: tuple[str, ...] | None = None,
        source_identity: str | None = None,
        tags: tuple[Mapping[str, str], frozenset[str]] = ({}, frozenset()),
    ) -> Session:
        account = role.arn.split(":")[4]
        length = min(duration_s, self.world.max_session_s or duration_s)
        with self._lock:
            self._forget_old()
            session = Session(
                access_key_id="ASIA" + _random(string.ascii_uppercase + "234567", 16),
                secret_access_key=_random(string.ascii_letters + string.digits + "+/", 40),
                token="LocalCloud" + secrets.token_urlsafe(180),
                role_arn=role.arn,
                role_id=role.id,
                account_id=account,
                name=name,
                expires_at=self.world.now() + length,
                session_policies=session_policies,
                source_identity=source_identity,
                tags=dict(tags[0]),
                transitive_tags=tags[1],
            )
            self.sessions[session.access_key_id] = session
        return session

    def _forget_old(self) -> None:
        limit = self.world.now() - FORGOTTEN_AFTER_S
        for key, session in list(self.sessions.items()):
            if session.expires_at < limit:
                del self.sessions[key]

    def _described(self, session: Session) -> dict[str, Any]:
        # Clients compare this with the machine's clock, which the cloud's own may be ahead of.
        expires = datetime.fromtimestamp(session.expires_at - self.world.skew_s, tz=UTC)
        output: dict[str, Any] = {
            "Credentials": {
                "AccessKeyId": session.access_key_id,
                "SecretAccessKey": session.secret_access_key,
                "SessionToken": session.token,
                "Expiration": expires.replace(tzinfo=None),
            },
            "AssumedRoleUser": {
                "AssumedRoleId": f"{session.role_id}:{session.name}",
                "Arn": session.arn,
            },
            "PackedPolicySize": 6,
        }
        if session.source_identity:
            output["SourceIdentity"] = session.source_identity
        return output

    def _session_policies(self, call: Call) -> tuple[str, ...] | None:
        """The session's policies, inline and managed; what one of them allows is allowed."""
        texts = [str(call.params["Policy"])] if call.params.get("Policy") else []
        account = str(call.params["RoleArn"]).split(":")[4]
        for item in call.params.get("PolicyArns") or []:
            document = self.policies.managed_policy(account, item["arn"])
            if document is None:
                raise AwsError("NoSuchEntity", f"Policy {item['arn']} does not exist", status=404)
            texts.append(document)
        try:
            for text in texts:
                read_policy(text)
        except UnreadablePolicyError as error:
            raise AwsError("MalformedPolicyDocument", str(error)) from None
        return tuple(texts) or None

    def _tags(self, call: Call) -> tuple[dict[str, str], frozenset[str]]:
        """The session's tags, with those that the caller's own session hands on."""
        caller = self.sessions.get(call.access_key_id)
        handed = {key: caller.tags[key] for key in caller.transitive_tags} if caller else {}
        asked = {tag["Key"]: tag["Value"] for tag in call.params.get("Tags") or []}
        keys = frozenset(call.params.get("TransitiveTagKeys") or []) | frozenset(handed)
        return {**asked, **handed}, keys


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def _source_identity(call: Call) -> str | None:
    """A source identity stays through a chain of roles and cannot be changed there."""
    held, asked = call.principal.source_identity, call.params.get("SourceIdentity")
    if held and asked and held != asked:
        raise AwsError(
            "AccessDenied", "The source identity of a session cannot be changed", status=403
        )
    return held or (str(asked) if asked else None)


def _duration(call: Call, role: Role) -> int:
    seconds = int(call.params.get("DurationSeconds") or 3600)
    if seconds < 900:
        raise _invalid(
            f"Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: Member must "
            "have value greater than or equal to 900"
        )
    if seconds > role.max_session_s:
        raise AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )
    if call.principal.role_arn is not None and seconds > 3600:
        raise AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
            "role chaining",
        )
    return seconds


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", f"1 validation error detected: {message}")
