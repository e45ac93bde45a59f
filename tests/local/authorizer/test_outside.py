"""Our verdicts beside those of an evaluator that is not ours, with AWS's documents as judge.

`tests/data/verdicts/disagreements.json` lists each case on which the two differ, with the reason,
and for each reason what AWS's documents say. After a change, `pytest --update-data` writes the
list again; a case that no reason of `reasons` explains cannot be written.
"""

import json
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.local.authorizer.generated import generated
from tests.local.authorizer.reasons import REASONS, explained
from tests.support import outside
from tests.support.outside import Case
from tests.support.verdicts import corpus, differences, judged_here

DATA = Path(__file__).parent.parent.parent / "data" / "verdicts"
LISTED = DATA / "disagreements.json"
SEED, GENERATED = 20, 2000
LEAST = 2000
"""How many cases must be compared, whatever is changed here."""

ROLE = "arn:aws:iam::222222222222:role/Worker"
SESSION = "arn:aws:sts::222222222222:assumed-role/Worker/run"


@cache
def drawn() -> tuple[Case, ...]:
    """The generated cases."""
    return tuple(generated(SEED, GENERATED))


def listed() -> dict[str, Any]:
    """The file of disagreements."""
    held: dict[str, Any] = json.loads(LISTED.read_text(encoding="utf-8"))
    return held


@pytest.mark.timeout(240)  # the first run installs the evaluator
def test_verdicts_agree_but_for_the_listed_cases(pytestconfig: pytest.Config) -> None:
    """A new disagreement fails, and so does one that is gone."""
    recorded = json.loads((DATA / "recorded.json").read_text(encoding="utf-8"))
    cases = [*drawn(), *corpus(recorded)]
    found = differences(cases)
    why = explained([case for case, _, _ in found])
    told = {
        case.digest: {
            "here": ours,
            "outside": theirs,
            "why": why.get(case.digest, "unexplained"),
        }
        for case, ours, theirs in found
    }
    if pytestconfig.getoption("--update-data"):
        assert len(why) == len(told), "every disagreement has a reason"
        text = json.dumps({**listed(), "cases": told}, indent=1, sort_keys=True)
        LISTED.write_text(text + "\n", encoding="utf-8")

    assert len({case.digest for case in cases}) >= LEAST
    assert told == listed()["cases"]


def test_every_reason_is_used_and_judged() -> None:
    """No reason without AWS's word on it, none that explains nothing."""
    held = listed()
    used = {name for case in held["cases"].values() for name in case["why"].split(" + ")}

    assert used | set(EXAMPLES) == set(REASONS) == set(held["reasons"])
    assert all(
        reason["aws"] and reason["page"] and reason["side"] in {"here", "neither"}
        for reason in held["reasons"].values()
    )


def test_where_aws_says_nothing_we_are_the_stricter() -> None:
    """A reason on which AWS's documents take no side never lets through what the other refuses."""
    held = listed()
    wider = [
        digest
        for digest, case in held["cases"].items()
        if case["here"] == "Allowed"
        and all(held["reasons"][name]["side"] == "neither" for name in case["why"].split(" + "))
    ]

    assert wider == []


def test_the_generated_cases_cover_the_language() -> None:
    """Every operator, qualifier, element and kind of policy, and all three outcomes."""
    cases = drawn()
    text = json.dumps([case.sets for case in cases])
    outcomes = Counter(judged_here(case) for case in cases)
    kinds = Counter(kind for case in cases for kind in case.sets)

    words = (
        *("NotAction", "NotResource", "NotPrincipal", "ForAnyValue:", "ForAllValues:", "IfExists"),
        *('"Null"', "${aws:username}", ", 'green'}", "${*}", "2008-10-17"),
        *(f'"{name}"' for name in ("StringNotLike", "NumericLessThan", "DateGreaterThanEquals")),
        *(f'"{name}"' for name in ("Bool", "BinaryEquals", "NotIpAddress", "ArnNotEquals")),
    )
    assert [word for word in words if word not in text] == []
    assert min(outcomes[name] for name in ("Allowed", "ExplicitlyDenied", "ImplicitlyDenied")) > 300
    assert min(kinds[name] for name in ("boundary", "session", "resource")) > 150


def question(
    statement: Mapping[str, Any],
    *more: Mapping[str, Any],
    context: Mapping[str, Any] | None = None,
    version: str = "2012-10-17",
    **sets: Any,
) -> Case:
    """May a session update a service, under an Allow and what else is said."""
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*", **statement}
    return Case(
        principal=SESSION,
        action="ecs:UpdateService",
        resource="arn:aws:ecs:eu-west-1:222222222222:service/main/lg-a",
        account="222222222222",
        context=context or {},
        sets={"identity": [{"Version": version, "Statement": [allow, *more]}], **sets},
        role=ROLE,
    )


def on(operator: str, key: str, wanted: Any) -> dict[str, Any]:
    """A condition."""
    return {"Condition": {operator: {key: wanted}}}


DENY = {"Effect": "Deny", "Action": "*", "Resource": "*"}
NOTHING = {"Version": "2012-10-17", "Statement": []}
TO_SESSION = {"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": {"AWS": SESSION}}
TAG = "aws:RequestTag/a"
EXAMPLES: dict[str, tuple[Case, str, str]] = {
    "direct grant outside the session policy": (
        question({}, session=[NOTHING], resource=[{**NOTHING, "Statement": [TO_SESSION]}]),
        "Allowed",
        "ImplicitlyDenied",
    ),
    "ForAnyValue with IfExists": (
        question({}, {**DENY, **on("ForAnyValue:StringEqualsIfExists", "aws:TagKeys", "a")}),
        "ExplicitlyDenied",
        "Allowed",
    ),
    "every IPv4 address": (
        question(
            on("IpAddress", "aws:SourceIp", "0.0.0.0/0"), context={"aws:SourceIp": "10.1.2.3"}
        ),
        "Allowed",
        "ImplicitlyDenied",
    ),
    "single address and an address of the other version": (
        question(
            on("NotIpAddress", "aws:SourceIp", "10.1.2.3"), context={"aws:SourceIp": "2001:db8::1"}
        ),
        "Allowed",
        "ImplicitlyDenied",
    ),
    "negated operator with a variable without value": (
        question(on("StringNotEquals", TAG, "${aws:username}"), context={TAG: "x"}),
        "Allowed",
        "ImplicitlyDenied",
    ),
    "NotResource with a variable without value": (
        question(
            {},
            {
                "Effect": "Deny",
                "Action": "*",
                "NotResource": "arn:aws:ecs:*:*:service/main/${aws:userid}",
            },
        ),
        "ExplicitlyDenied",
        "Allowed",
    ),
    "incomplete ARN outside Resource of an identity policy": (
        question({}, {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3"}),
        "ExplicitlyDenied",
        "Allowed",
    ),
    "variables in the older version": (
        question(
            on("StringEquals", TAG, "${aws:username}"),
            context={TAG: "ann", "aws:username": "ann"},
            version="2008-10-17",
        ),
        "ImplicitlyDenied",
        "Allowed",
    ),
    "empty text under ForAllValues": (
        question(on("ForAllValues:StringEquals", TAG, "a"), context={TAG: ""}),
        "Allowed",
        "ImplicitlyDenied",
    ),
}
"""Reason → the smallest case that shows it, our word and the outside evaluator's."""


def test_each_reason_shows_in_its_smallest_case() -> None:
    """And is gone once that is changed which the reason names."""
    cases = [case for case, _, _ in EXAMPLES.values()]

    assert differences(cases) == list(EXAMPLES.values())
    assert explained(cases) == {case.digest: name for name, (case, _, _) in EXAMPLES.items()}


def test_without_node_the_tests_fail_and_say_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """They are never passed over in silence."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("BYOC_CACHE_DIR", str(tmp_path / "cache"))

    with pytest.raises(RuntimeError, match=r"node is not on PATH\. Install Node\.js, with npm"):
        outside.installed()


def test_the_lock_file_names_no_place_to_download_from() -> None:
    """Only hashes: where packages come from is the business of the machine."""
    lock = json.loads((outside.HERE / "package-lock.json").read_text(encoding="utf-8"))
    packages = [package for name, package in lock["packages"].items() if name]

    assert all("integrity" in package and "resolved" not in package for package in packages)
