"""Verdicts of our own evaluator on cases, cases out of a log of verdicts, and where two differ."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from byoc_infra.local.authorizer.callers import Caller
from byoc_infra.local.authorizer.documents import Policy, named_policy
from byoc_infra.local.authorizer.judgement import PolicySets, account_of, judge
from byoc_infra.local.authorizer.policies import Unproduced, request_of
from tests.support.outside import Case, judged_outside

__all__ = ["Differs", "concrete", "corpus", "differences", "judged_here", "kept", "recorded"]

ASKED = ("principal", "role", "action", "account", "context", "policies")
"""What makes two lines of a log one case, with the first resource."""
Differs = tuple[Case, str, str]
"""A case, our word and the outside evaluator's."""


def judged_here(case: Case, unproduced: Unproduced = lambda _action, _key: False) -> str:
    """What the local cloud's evaluator says, in the outside evaluator's words."""
    sets = {kind: _policies(kind, documents) for kind, documents in case.sets.items()}
    context = {
        key: value if isinstance(value, str) else tuple(value)
        for key, value in case.context.items()
    }
    found = judge(
        request_of(case.action, case.resource, context, unproduced),
        Caller(
            account=case.principal.split(":")[4],
            itself=case.principal,
            role=case.role,
            bounded="boundary" in sets,
        ),
        PolicySets(
            identity=sets.get("identity", ()),
            boundary=sets.get("boundary"),
            session=sets.get("session"),
            resource=next(iter(sets.get("resource", ())), None),
        ),
    )
    if found.refused_by is None:
        return "Allowed"
    explicit = found.verdicts[found.refused_by].explicit
    return "ExplicitlyDenied" if explicit else "ImplicitlyDenied"


def _policies(kind: str, documents: Sequence[Mapping[str, Any]]) -> tuple[Policy, ...]:
    return tuple(
        named_policy(f"{kind} {place}", json.dumps(document))
        for place, document in enumerate(documents)
    )


def differences(cases: Sequence[Case]) -> list[Differs]:
    """The cases on which the two do not agree."""
    outside = judged_outside(cases)
    here = [judged_here(case) for case in cases]
    return [
        (case, ours, theirs)
        for case, ours, theirs in zip(cases, here, outside, strict=True)
        if ours != theirs
    ]


def recorded(directory: Path) -> Iterator[tuple[Case, str]]:
    """The questions of a local cloud's log, each once, with what came out: `allow` or `deny`."""
    documents = {
        line["digest"]: json.loads(line["document"]) for line in _lines(directory, "policies")
    }
    seen: set[str] = set()
    for line in _lines(directory, "verdicts"):
        if not line["policies"]:
            continue
        # of the line, which names policies by digest: the case holds all of their text
        asked = json.dumps([line[name] for name in ASKED] + line["resources"][:1], sort_keys=True)
        if asked not in seen:
            seen.add(asked)
            yield _case(line, documents), line["outcome"]


def concrete(case: Case) -> Case:
    """The same question about one resource, where the request names a kind of new ones by `*`.

    The outside evaluator takes wildcards of a request for any resource that they match.
    """
    if case.resource == "*":
        return case
    return replace(case, resource=case.resource.replace("*", "new-one").replace("?", "x"))


def kept(cases: Iterable[Case]) -> str:
    """Cases as JSON: of those that differ only in names of things, one; each document once.

    One line for each, so that a change can be read.
    """
    shapes: dict[Any, Case] = {}
    for case in cases:
        shapes.setdefault(_shape(case), case)
    documents = {
        _digest(document): document
        for case in shapes.values()
        for policies in case.sets.values()
        for document in policies
    }
    listed = [
        {**vars(case), "sets": {kind: [*map(_digest, said)] for kind, said in case.sets.items()}}
        for case in shapes.values()
    ]
    one_a_line = ",\n".join(json.dumps(case, sort_keys=True) for case in listed)
    said = ",\n".join(f'"{name}": {json.dumps(text)}' for name, text in sorted(documents.items()))
    return f'{{"cases": [\n{one_a_line}\n],\n"documents": {{\n{said}\n}}}}\n'


def corpus(data: Mapping[str, Any]) -> list[Case]:
    """The cases that `kept` made data of."""
    return [
        Case(
            **{
                **case,
                "sets": {
                    kind: [data["documents"][digest] for digest in digests]
                    for kind, digests in case["sets"].items()
                },
            }
        )
        for case in data["cases"]
    ]


def _shape(case: Case) -> object:
    names = re.sub(r"[0-9a-f]{6,}|\d+", "0", case.resource)
    return (case.action, names, case.role, *sorted(case.context), judged_here(case))


def _digest(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:12]


def _lines(directory: Path, name: str) -> Iterable[dict[str, Any]]:
    text = (directory / f"{name}.jsonl").read_text(encoding="utf-8")
    return (json.loads(line) for line in text.split("\n")[:-1])


def _case(line: Mapping[str, Any], documents: Mapping[str, Any]) -> Case:
    action, resource = line["action"], line["resources"][0]
    named = {
        "resource" if kind == "trust" else kind: [documents[digest] for digest in digests]
        for kind, digests in line["policies"].items()
    }
    case = Case(
        principal=line["principal"],
        action=action,
        resource=resource,
        account=account_of(resource, line["account"]),
        context=line["context"],
        sets=named,
        role=line["role"],
    )
    return replace(case, sets={**_carried(case), **named, **_one_session_policy(named)})


def _carried(case: Case) -> dict[str, list[Any]]:
    """What the outside evaluator asks for where the local cloud knows no policy.

    On AWS every key has a policy, the usual one naming the account, and every role a trust.
    """
    root = {"AWS": f"arn:aws:iam::{case.account}:root"}
    usual = {"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Principal": root}
    if case.action.startswith("kms:") and ":key/" in case.resource:
        return {"resource": [{"Version": "2012-10-17", "Statement": [usual]}]}
    if case.action.startswith("sts:") and ":role/" in case.resource:
        return {"resource": [{"Version": "2012-10-17", "Statement": []}]}
    return {}


def _one_session_policy(sets: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """The outside evaluator takes one document; several add up."""
    if len(sets.get("session", ())) < 2:
        return {}
    statements = [one for document in sets["session"] for one in document["Statement"]]
    return {"session": [{"Version": "2012-10-17", "Statement": statements}]}
