"""The gate in front of moto: who signed a request, what it asks, and whether it may.

    gate = Gate(world)
    gate.register(hooks)  # before those who refuse what needs a service-linked role
    try:
        call = gate.admit(environ, body)
    except AwsError as error:
        status, headers, answer = render_error(error.service, error)

`admit` takes a WSGI environ and the whole body, already read. It removes from the environ what
would make moto act in another account or region than was judged; the caller then tells moto the
account (`x-moto-account-id`), because session keys are not moto's. It raises `AwsError` with the
service's own code, `service` and `protocol`; every decision is a line in `verdicts.jsonl`.
"""

import hmac
import re
import time
import uuid
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import quote

from byoc_infra.local.authorizer.actions import Check, checks, is_modelled, question_of_service
from byoc_infra.local.authorizer.answers import protocol_of, speak
from byoc_infra.local.authorizer.callers import signer
from byoc_infra.local.authorizer.carriers import keep_user_boundaries
from byoc_infra.local.authorizer.documents import named_policy
from byoc_infra.local.authorizer.judgement import PolicySets, judge, resource_kind
from byoc_infra.local.authorizer.keys import is_unproduced
from byoc_infra.local.authorizer.models import IAM_PREFIXES, SIGNING_NAMES
from byoc_infra.local.authorizer.policies import Context, Verdict, request_of
from byoc_infra.local.authorizer.principals import MotoPolicies, PolicySource
from byoc_infra.local.authorizer.requests import parse
from byoc_infra.local.authorizer.sessions import Session
from byoc_infra.local.authorizer.sigv4 import Claim, Signed, read_claim, verify
from byoc_infra.local.authorizer.state import make_service_linked_role
from byoc_infra.local.authorizer.sts import SecurityTokens
from byoc_infra.local.authorizer.verdicts import VerdictLog
from byoc_infra.local.hooks import Hooks
from byoc_infra.local.wire import AwsError, Call, Principal
from byoc_infra.local.world import World

__all__ = ["Gate"]

Environ = MutableMapping[str, Any]

VERDICTS_FILE = "verdicts.jsonl"
_REGION_IN_AGENT = re.compile(r"region/\S+")
_ROLE_MAKERS = {
    ("ecs", "CreateCluster"): "ecs.amazonaws.com",
    ("ecs", "CreateService"): "ecs.amazonaws.com",
    ("elbv2", "CreateLoadBalancer"): "elasticloadbalancing.amazonaws.com",
    ("rds", "CreateDBInstance"): "rds.amazonaws.com",
}
"""Operations in which AWS makes a missing service-linked role with the caller's permission."""


class Gate:
    """Decides every request; one for a local cloud, used by all its threads."""

    def __init__(self, world: World, policies: PolicySource | None = None) -> None:
        self.world = world
        self.policies: PolicySource = policies or MotoPolicies()
        self.tokens = SecurityTokens(world, self.policies)
        self.log = VerdictLog(world.directory / VERDICTS_FILE)

    @property
    def sessions(self) -> dict[str, Session]:
        """The assumed sessions by access key id: plain data to keep over a restart."""
        return self.tokens.sessions

    def register(self, hooks: Hooks) -> None:
        """Take over STS, and make service-linked roles where AWS makes them."""
        self.tokens.register(hooks)
        keep_user_boundaries(hooks)
        for (service, operation), owner in _ROLE_MAKERS.items():
            hooks.before(service, operation, self._role_maker(owner))

    def admit(self, environ: Environ, body: bytes) -> Call:
        """The call that a request makes, once it is signed rightly and allowed."""
        _disarm(environ)
        request = _request(environ, body)
        service = ""
        try:
            claim = read_claim(request.headers)
            service = SIGNING_NAMES.get(claim.signing_name, "")
            call = self._understand(request, claim)
            self._decide(call)
        except AwsError as error:
            raise speak(error, service, _protocol(request.headers, service)) from None
        return call

    def check_role(self, role_arn: str, action: str, resource: str, context: Context) -> None:
        """Refuse, as AWS would a session of this role, what the role's policies do not allow.

        For what AWS's services do with a role that was passed to them (an ECS task's execution
        role). The verdict is recorded like any other.
        """
        account = role_arn.split(":")[4] if role_arn.count(":") >= 5 else ""
        name = role_arn.rsplit("/", 1)[-1]
        caller = Principal(
            arn=f"arn:aws:sts::{account}:assumed-role/{name}/ecs-task",
            account_id=account,
            role_arn=role_arn,
        )
        service, _, operation = action.partition(":")
        call = Call(
            service=service,
            operation=operation,
            params={},
            region=_region_of(resource) or self.world.region,
            principal=caller,
        )
        try:
            self._ask(call, question_of_service(call, action, resource, context))
        except AwsError as error:
            raise speak(error, "", "json") from None

    def _understand(self, request: Signed, claim: Claim) -> Call:
        principal = self._authenticate(request, claim)
        parsed = parse(
            request.method, request.url, request.headers, request.body, claim.signing_name
        )
        return Call(
            service=parsed.service,
            operation=parsed.operation,
            params=parsed.params,
            region=claim.region,
            principal=principal,
            protocol=parsed.protocol,
            request_id=str(uuid.uuid4()),
            access_key_id=claim.access_key_id,
        )

    def _authenticate(self, request: Signed, claim: Claim) -> Principal:
        # The age of a request is between two machines; only sessions live on the cloud's clock.
        now = time.time()
        token = request.headers.get("x-amz-security-token")
        session = self.tokens.find(claim.access_key_id)
        if session is not None:
            if token is None or not hmac.compare_digest(token.encode(), session.token.encode()):
                raise _unknown_key()
            verify(request, claim, secret=session.secret_access_key, now=now)
            if self.world.now() >= session.expires_at:
                message = "The security token included in the request is expired"
                raise AwsError("ExpiredToken", message, status=403)
            return session.principal
        key = self.policies.user_key(claim.access_key_id)
        if key is None or not key.active or token is not None:
            raise _unknown_key()
        verify(request, claim, secret=key.secret, now=now)
        return key.principal

    def _decide(self, call: Call) -> None:
        if not is_modelled(call.service, call.operation):
            self._refuse_unmodelled(call)
        for check in checks(call):
            self._ask(call, check)

    def _ask(self, call: Call, check: Check) -> None:
        """Put one question to all policies that have a say."""
        sets = self._sets(call.principal, check)
        request = request_of(check.action, check.resource, check.context, is_unproduced)
        judgement = judge(request, signer(call.principal, bounded=sets.boundary is not None), sets)
        self.log.write(
            call,
            check,
            judgement.verdicts,
            allowed=judgement.allowed,
            sets=sets.by_kind(resource_kind(check.action)),
            time=self.world.now(),
        )
        if judgement.refused_by is not None:
            raise _denied(call, check, judgement.refused_by, judgement.verdicts)

    def _sets(self, principal: Principal, check: Check) -> PolicySets:
        own = principal.session_policies
        return PolicySets(
            identity=self.policies.identity(principal),
            boundary=self.policies.boundary(principal),
            session=None if own is None else tuple(named_policy("session policy", o) for o in own),
            resource=self.policies.of_resource(check.action, check.resource),
        )

    def _role_maker(self, owner: str) -> Callable[[Call], None]:
        def make(call: Call) -> None:
            with self.world.lock:
                make_service_linked_role(call.account_id, owner)

        return make

    def _refuse_unmodelled(self, call: Call) -> None:
        prefix = IAM_PREFIXES.get(call.service, call.service)
        why = f"{call.service} {call.operation} is not modelled by the local cloud"
        check = Check(action=f"{prefix}:{call.operation}", resource="*", context={})
        verdicts = {"local cloud": Verdict(allowed=False, why=why)}
        self.log.write(call, check, verdicts, allowed=False, sets={}, time=self.world.now())
        raise AwsError("AccessDenied", f"{why}, so it refuses the request.", status=403)


def _region_of(arn: str) -> str:
    """The region in an ARN; nothing for what is global or no ARN."""
    return arn.split(":")[3] if arn.count(":") >= 5 else ""


def _denied(call: Call, check: Check, by: str, verdicts: Mapping[str, Verdict]) -> AwsError:
    verdict = verdicts[by]
    unclear = f" (the local cloud could not evaluate: {', '.join(verdict.unclear)})"
    message = (
        f"User: {call.principal.arn} is not authorized to perform: {check.action} on resource: "
        f"{check.resource}{_because(check.action, by, verdict)}{unclear if verdict.unclear else ''}"
    )
    if call.service == "ec2":
        message = f"You are not authorized to perform this operation. {message}"
    return AwsError("AccessDenied", message, status=403)


def _because(action: str, by: str, verdict: Verdict) -> str:
    """AWS's words for the kind of policy; of a trust policy it says nothing."""
    if by == "trust":
        return ""
    kind = _KINDS[by]
    if verdict.explicit:
        return f" with an explicit deny in {'an' if by == 'identity' else 'a'} {kind}"
    return f" because no {kind} allows the {action} action"


_KINDS = {
    "boundary": "permissions boundary",
    "identity": "identity-based policy",
    "resource": "resource-based policy",
    "session": "session policy",
}


def _unknown_key() -> AwsError:
    return AwsError(
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
        status=403,
    )


def _disarm(environ: Environ) -> None:
    """Take away what moto reads besides the signature: an account, and a region in two places."""
    environ.pop("HTTP_X_MOTO_ACCOUNT_ID", None)
    agent = str(environ.get("HTTP_USER_AGENT", ""))
    environ["HTTP_USER_AGENT"] = _REGION_IN_AGENT.sub("", agent)


def _request(environ: Mapping[str, Any], body: bytes) -> Signed:
    headers = {
        name.removeprefix("HTTP_").lower().replace("_", "-"): str(value).strip()
        for name, value in environ.items()
        if name.startswith("HTTP_") or name == "CONTENT_TYPE"
    }
    path = quote(str(environ.get("PATH_INFO") or "/"), safe="/%~")
    query = str(environ.get("QUERY_STRING") or "")
    scheme = environ.get("wsgi.url_scheme", "http")
    url = f"{scheme}://{headers.get('host', '')}{path}{'?' if query else ''}{query}"
    return Signed(method=str(environ["REQUEST_METHOD"]), url=url, headers=headers, body=body)


def _protocol(headers: Mapping[str, str], service: str) -> str:
    if "x-amz-target" in headers:
        return "json"
    if service == "" or protocol_of(service) == "json":
        return "query" if service == "" else "json"
    return protocol_of(service)
