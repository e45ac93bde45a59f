"""Questions to compare evaluators with: drawn from a seed, over the whole language of policies."""

from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

from tests.support.outside import Case

__all__ = ["generated"]

HERE, THERE = "222222222222", "111111111111"
ROLE = f"arn:aws:iam::{HERE}:role/app/Worker"
SESSION = f"arn:aws:sts::{HERE}:assumed-role/Worker/run-1"
USER = f"arn:aws:iam::{HERE}:user/ann"
SECRET = "arn:aws:secretsmanager:eu-west-1:{}:secret:lg/app-AbCdEf"
QUESTIONS = (
    ("ecs:UpdateService", "arn:aws:ecs:eu-west-1:{}:service/main/lg-a"),
    ("ecs:ListClusters", "*"),
    ("rds:ModifyDBInstance", "arn:aws:rds:eu-west-1:{}:db:lg-a"),
    ("secretsmanager:GetSecretValue", SECRET),
    ("kms:Decrypt", "arn:aws:kms:eu-west-1:{}:key/1234-abcd"),
    ("sts:AssumeRole", "arn:aws:iam::{}:role/Target"),
)
CARRIERS = ("secretsmanager", "kms", "sts")
TEXTS = ("blue", "Blue", "green", "blue-1", "")
KEYS: Mapping[str, tuple[str, tuple[Any, ...]]] = {
    "aws:PrincipalTag/team": ("String", TEXTS),
    "aws:RequestTag/team": ("String", TEXTS),
    "aws:ResourceTag/team": ("String", TEXTS),
    "aws:TagKeys": ("Set", (["team"], ["team", "cost"], ["Team", "x"], ["blue", "team", "x"])),
    "aws:username": ("String", ("ann", "bob")),
    "aws:PrincipalArn": ("Arn", (ROLE, USER)),
    "aws:SourceArn": ("Arn", (ROLE, "arn:aws:ecs:eu-west-1:222222222222:cluster/main")),
    "rds:StorageSize": ("Numeric", ("20", "100", "20.0", "-5")),
    "aws:CurrentTime": (
        "Date",
        ("2026-01-01T00:00:00Z", "2026-06-01", "2026-01-01T01:00:00+01:00"),
    ),
    "aws:SecureTransport": ("Bool", ("true", "false", "True")),
    "aws:SourceIp": ("Ip", ("10.1.2.3", "192.168.0.9", "2001:db8::1")),
    "x:Blob": ("Binary", ("aGVsbG8=", "d29ybGQ=")),
}
OPERATORS = {
    "String": (
        "StringEquals StringNotEquals StringEqualsIgnoreCase StringNotEqualsIgnoreCase StringLike "
        "StringNotLike"
    ),
    "Set": "StringEquals StringNotEquals StringLike StringNotLike StringEqualsIgnoreCase",
    "Arn": "ArnEquals ArnNotEquals ArnLike ArnNotLike",
    "Numeric": (
        "NumericEquals NumericNotEquals NumericLessThan NumericLessThanEquals NumericGreaterThan "
        "NumericGreaterThanEquals"
    ),
    "Date": (
        "DateEquals DateNotEquals DateLessThan DateLessThanEquals DateGreaterThan "
        "DateGreaterThanEquals"
    ),
    "Bool": "Bool",
    "Ip": "IpAddress NotIpAddress",
    "Binary": "BinaryEquals",
}
WANTED: Mapping[str, tuple[str, ...]] = {
    "String": (
        *("blue", "green", "BLUE", "b*", "blue-?", "*", "${aws:PrincipalTag/team}"),
        *(
            "${aws:PrincipalTag/team, 'green'}",
            "${aws:username}",
            "blue${*}",
            "x-${aws:username}-*",
        ),
    ),
    "Set": ("team", "cost", "Team", "t*", "?", "${aws:PrincipalTag/team, 'team'}"),
    "Arn": (
        *(ROLE, USER, "arn:aws:iam::*:role/*", "arn:aws:iam::222222222222:role/app/*"),
        *("arn:aws:*:*:*:*", "arn:*:iam::222222222222:user/${aws:username}"),
    ),
    "Numeric": ("20", "50", "100", "-5.0"),
    "Date": ("2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-06-01"),
    "Bool": ("true", "false", "TRUE"),
    "Ip": ("10.0.0.0/8", "10.1.2.3", "192.168.0.0/24", "2001:db8::/32", "0.0.0.0/0"),
    "Binary": ("aGVsbG8=", "d29ybGQ="),
}


def generated(seed: int, number: int) -> Iterator[Case]:
    """So many cases; the same ones for a seed."""
    draw = Random(seed)  # noqa: S311 - test data, not a secret
    for _ in range(number):
        yield _case(draw)


def _case(draw: Random) -> Case:
    action, place = draw.choice(QUESTIONS)
    account = draw.choice((HERE, HERE, HERE, THERE))
    principal = draw.choice((USER, SESSION, SESSION))
    about = _About(draw, action, place.format(account), principal)
    sets = {"identity": [about.policy() for _ in range(draw.choice((0, 1, 1, 2)))]}
    if draw.random() < 0.25:
        sets["boundary"] = [about.policy()]
    if principal == SESSION and draw.random() < 0.25:
        sets["session"] = [about.policy()]
    service = action.partition(":")[0]
    if service in CARRIERS and (service != "secretsmanager" or draw.random() < 0.7):
        sets["resource"] = [about.policy(principals=True)]
    return Case(
        principal=principal,
        action=action,
        resource=about.resource,
        account=account if about.resource != "*" else HERE,
        context=_context(draw),
        sets=sets,
        role=ROLE if principal == SESSION else None,
    )


def _context(draw: Random) -> dict[str, Any]:
    chosen = [key for key in KEYS if draw.random() < 0.65]
    return {key: draw.choice(KEYS[key][1]) for key in chosen}


class _About:
    """Policies that have to do with one question, so that they do not all miss it."""

    def __init__(self, draw: Random, action: str, resource: str, principal: str) -> None:
        self.draw = draw
        self.action = action
        self.resource = resource
        self.principal = principal

    def policy(self, *, principals: bool = False) -> dict[str, Any]:
        """A document of one to three statements."""
        number = self.draw.choice((1, 1, 2, 3))
        listed = [self._statement(principals=principals) for _ in range(number)]
        version = "2008-10-17" if self.draw.random() < 0.03 else "2012-10-17"
        return {"Version": version, "Statement": listed}

    def _statement(self, *, principals: bool) -> dict[str, Any]:
        draw = self.draw
        made: dict[str, Any] = {"Effect": draw.choice(("Allow", "Allow", "Allow", "Deny"))}
        made |= self._element("Action", self._actions, 0.1)
        made |= self._element("Resource", self._resources, 0.1)
        if principals:
            made |= self._principal(made["Effect"])
        conditions = [self._condition() for _ in range(draw.choice((0, 0, 1, 1, 2)))]
        if conditions:
            made["Condition"] = {}
            for operator, key, wanted in conditions:
                made["Condition"].setdefault(operator, {})[key] = wanted
        return made

    def _element(
        self, name: str, values: Callable[[], list[str]], negated: float
    ) -> dict[str, Any]:
        listed = values()
        one = listed[0] if len(listed) == 1 and self.draw.random() < 0.5 else listed
        return {f"Not{name}" if self.draw.random() < negated else name: one}

    def _actions(self) -> list[str]:
        service, _, name = self.action.partition(":")
        known = (
            *(self.action, self.action, f"{service}:*", "*", self.action.upper()),
            *(f"{service}:{name[:3]}*", f"{service}:{name[:-1]}?", "iam:PassRole", f"{service}:X*"),
        )
        return self._some(known)

    def _resources(self) -> list[str]:
        if self.resource == "*":
            return self._some(("*", "*", "arn:aws:ecs:*:*:cluster/*"))
        head, tail = self.resource[:-4], self.resource.split(":", 5)
        known = (
            *("*", "*", self.resource, self.resource, f"{head}*", f"{self.resource[:-1]}?"),
            *(f"arn:aws:{tail[2]}:*:*:*", f"arn:aws:{tail[2]}:*:{HERE}:{tail[5]}"),
            *(f"arn:aws:{tail[2]}:*:{tail[5]}", self._other_case(), "arn:aws:s3:::b/*"),
            *(f"{head}${{aws:PrincipalTag/team}}", f"{head}${{aws:username, '*'}}"),
        )
        return self._some(known)

    def _other_case(self) -> str:
        head, colon, tail = self.resource.rpartition(":")
        return f"{head}{colon}{tail.swapcase()}"

    def _principal(self, effect: str) -> dict[str, Any]:
        account = self.principal.split(":")[4]
        root = f"arn:aws:iam::{account}:root"
        if effect == "Deny" and self.draw.random() < 0.2:
            spared = [root, self.principal, *([ROLE] if self.principal == SESSION else [])]
            other = [f"arn:aws:iam::{THERE}:root", f"arn:aws:iam::{THERE}:user/eve"]
            return {"NotPrincipal": {"AWS": self.draw.choice((spared, other))}}
        known: tuple[Any, ...] = (
            *("*", {"AWS": "*"}, {"AWS": account}, {"AWS": root}, {"AWS": self.principal}),
            *({"AWS": [ROLE, USER]}, {"AWS": f"arn:aws:iam::{THERE}:root"}),
            {"Service": "ecs-tasks.amazonaws.com"},
        )
        return {"Principal": self.draw.choice(known)}

    def _condition(self) -> tuple[str, str, Any]:
        draw = self.draw
        key = draw.choice(tuple(KEYS))
        kind = KEYS[key][0]
        if draw.random() < 0.08:
            return "Null", key, draw.choice(("true", "false"))
        operator = draw.choice(OPERATORS[kind].split())
        odds = 1.0 if kind == "Set" else 0.05
        if draw.random() < odds:
            operator = f"{draw.choice(('ForAnyValue', 'ForAllValues'))}:{operator}"
        if draw.random() < 0.2:
            operator += "IfExists"
        wanted = self._some(WANTED[kind])
        spelt = draw.choice((key, key, key.lower(), key.upper()))
        return operator, spelt, wanted[0] if len(wanted) == 1 else wanted

    def _some(self, known: tuple[str, ...]) -> list[str]:
        return self.draw.sample(known, min(len(known), self.draw.choice((1, 1, 2, 3))))
