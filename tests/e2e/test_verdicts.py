"""All that the stories asked of the local cloud's authorizer, judged once more.

It runs after the stories and judges what their log holds. `pytest --update-data` keeps one request
of each shape as data for the unit tier (`tests/local/authorizer/test_outside.py`).
"""

from pathlib import Path

import pytest

from byoc_infra.local.authorizer.keys import is_unproduced
from tests.e2e.stage import Stage
from tests.support.outside import Case
from tests.support.verdicts import concrete, differences, judged_here, kept, recorded

pytestmark = pytest.mark.e2e

RECORDED = Path(__file__).parent.parent / "data" / "verdicts" / "recorded.json"
LEAST = 100
"""Setting up the account alone asks more."""


@pytest.fixture(scope="module")
def asked(account: Stage) -> list[tuple[Case, str]]:
    """Every question so far, with what came out."""
    return list(recorded(account.cloud.directory))


def test_the_log_holds_all_that_a_verdict_depended_on(asked: list[tuple[Case, str]]) -> None:
    """Judged again from the log alone, every question has the outcome that it had."""
    other = [
        (case.principal, case.action, case.resource, outcome)
        for case, outcome in asked
        if (judged_here(case, is_unproduced) == "Allowed") != (outcome == "allow")
    ]

    assert len(asked) > LEAST
    assert other == []


def test_an_outside_evaluator_agrees_on_every_recorded_request(
    asked: list[tuple[Case, str]], request: pytest.FixtureRequest
) -> None:
    """With the policies that were in force, on the same resources and condition keys."""
    cases = [concrete(case) for case, _ in asked]
    if request.config.getoption("--update-data"):
        RECORDED.write_text(kept(cases), encoding="utf-8")

    assert differences(cases) == []
