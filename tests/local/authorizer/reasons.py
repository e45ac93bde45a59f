"""Why our evaluator and the outside one differ, each as a change after which they do not.

A case that differs is explained by a reason if without what the reason is about both agree.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

from tests.support.outside import Case
from tests.support.verdicts import differences

__all__ = ["REASONS", "explained"]

Statement = dict[str, Any]
_VARIABLE = re.compile(r"\$\{([^}*?$,]+)\}")
_NEGATED = re.compile(r"Not(Equals|Like)")


def explained(cases: Sequence[Case]) -> dict[str, str]:
    """Digest → the reasons, as few as do, after which a case no longer differs."""
    found: dict[str, str] = {}
    chosen = (names for number in (1, 2, 3) for names in combinations(REASONS, number))
    for names in chosen:
        still_open = [case for case in cases if case.digest not in found]
        if not still_open:
            break
        changed = [_changed(case, names) for case in still_open]
        differ = {case.digest for case, _, _ in differences(changed)}
        for case, other in zip(still_open, changed, strict=True):
            if other.digest not in differ and other != case:
                found[case.digest] = " + ".join(names)
    return found


def _changed(case: Case, names: Sequence[str]) -> Case:
    for name in names:
        case = REASONS[name](case)
    return case


def _each(change: Callable[[Statement, Case], Statement]) -> Callable[[Case], Case]:
    """A change of every statement."""

    def changed(case: Case) -> Case:
        sets = {
            kind: [
                {**document, "Statement": [change(one, case) for one in _listed(document)]}
                for document in documents
            ]
            for kind, documents in case.sets.items()
        }
        return replace(case, sets=sets)

    return changed


def _listed(document: Mapping[str, Any]) -> list[Statement]:
    statements = document["Statement"]
    return statements if isinstance(statements, list) else [statements]


def _conditions(change: Callable[[str, Any, Case], tuple[str, Any]]) -> Callable[[Case], Case]:
    """A change of every operator with its wanted values."""

    def of_statement(statement: Statement, case: Case) -> Statement:
        made: dict[str, dict[str, Any]] = {}
        for operator, keys in statement.get("Condition", {}).items():
            for key, wanted in keys.items():
                name, values = change(operator, wanted, case)
                made.setdefault(name, {})[key] = values
        return {**statement, "Condition": made} if made else statement

    return _each(of_statement)


def _texts(value: Any) -> list[str]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _without_session(case: Case) -> Case:
    return replace(case, sets={kind: said for kind, said in case.sets.items() if kind != "session"})


def _without_if_exists(operator: str, wanted: Any, _case: Case) -> tuple[str, Any]:
    any_value = operator.startswith("ForAnyValue:")
    return operator.removesuffix("IfExists") if any_value else operator, wanted


def _in_two_halves(operator: str, wanted: Any, _case: Case) -> tuple[str, Any]:
    halves = {"0.0.0.0/0": ["0.0.0.0/1", "128.0.0.0/1"]}
    return operator, [half for one in _texts(wanted) for half in halves.get(one, [one])]


def _with_a_value(operator: str, wanted: Any, case: Case) -> tuple[str, Any]:
    """Variables without value stand for a text that no key has, in negated operators."""
    if not _NEGATED.search(operator):
        return operator, wanted
    return operator, [_of_nobody(one, case) for one in _texts(wanted)]


def _as_network(operator: str, wanted: Any, _case: Case) -> tuple[str, Any]:
    """Single addresses with their prefix length."""
    if "IpAddress" not in operator:
        return operator, wanted
    return operator, [one if "/" in one else f"{one}/32" for one in _texts(wanted)]


def _filled(statement: Statement, case: Case) -> Statement:
    """Variables without value stand for a text in NotResource."""
    name = "NotResource"
    if name not in statement:
        return statement
    return {**statement, name: [_of_nobody(one, case) for one in _texts(statement[name])]}


def _of_nobody(text: str, case: Case) -> str:
    known = {key.lower() for key, value in case.context.items() if isinstance(value, str) and value}
    return re.sub(
        _VARIABLE, lambda found: found[0] if found[1].lower() in known else "of-nobody", text
    )


def _complete(statement: Statement, case: Case) -> Statement:
    """Every ARN has its six parts."""
    del case
    return {
        name: [_six_parts(one) for one in _texts(value)] if name.endswith("Resource") else value
        for name, value in statement.items()
    }


def _six_parts(arn: str) -> str:
    missing = 5 - re.sub(_VARIABLE, "", arn).count(":")
    return arn + ":*" * missing if arn.startswith("arn:") and missing > 0 else arn


def _newer(case: Case) -> Case:
    sets = {
        kind: [{**document, "Version": "2012-10-17"} for document in documents]
        for kind, documents in case.sets.items()
    }
    return replace(case, sets=sets)


def _without_empty_texts(case: Case) -> Case:
    kept = {key: value for key, value in case.context.items() if value != ""}
    return replace(case, context=kept)


REASONS: Mapping[str, Callable[[Case], Case]] = {
    "direct grant outside the session policy": _without_session,
    "ForAnyValue with IfExists": _conditions(_without_if_exists),
    "every IPv4 address": _conditions(_in_two_halves),
    "single address and an address of the other version": _conditions(_as_network),
    "negated operator with a variable without value": _conditions(_with_a_value),
    "NotResource with a variable without value": _each(_filled),
    "incomplete ARN outside Resource of an identity policy": _each(_complete),
    "variables in the older version": _newer,
    "empty text under ForAllValues": _without_empty_texts,
}
