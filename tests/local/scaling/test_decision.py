"""How many tasks target tracking wants."""

from typing import Any

import pytest

from byoc_infra.local.scaling.decision import Decision, Tracking, decide


def cpu(measured: float | None, held_s: float = 3600, **more: Any) -> Tracking:
    """A policy for CPU 75 %, scaled in at most each half hour."""
    settings = {"out_cooldown_s": 60, "in_cooldown_s": 1800, **more}
    return Tracking(name="cpu", target=75, measured=measured, held_s=held_s, **settings)


def wanted(*policies: Tracking, **more: Any) -> int | None:
    """The desired count for two running tasks between 2 and 10."""
    settings: dict[str, Any] = {"desired": 2, "running": 2, "least": 2, "most": 10, **more}
    found = decide(policies, **settings)
    return None if found is None else found.desired


@pytest.mark.parametrize(
    ("measured", "running", "expected"),
    [(75, 2, None), (76, 2, 3), (90, 2, 3), (150, 2, 4), (100, 3, 4), (400, 9, 10)],
)
def test_capacity_follows_the_metric(measured: float, running: int, expected: int | None) -> None:
    """Running times metric by target, rounded up, at most the maximum."""
    assert wanted(cpu(measured), desired=running, running=running) == expected


@pytest.mark.parametrize(
    ("measured", "running", "expected"),
    [(67.5, 4, None), (60, 4, None), (50, 4, 3), (10, 4, 2), (0, 10, 2)],
)
def test_it_scales_in_below_nine_tenths(measured: float, running: int, expected: int) -> None:
    """Down to what brings the metric back to the target, never under the minimum."""
    assert wanted(cpu(measured), desired=running, running=running) == expected


def test_of_several_policies_the_largest_wins() -> None:
    """Memory asks for more than CPU does."""
    memory = Tracking(name="memory", target=75, measured=150, held_s=3600)
    found = decide([cpu(90), memory], desired=2, running=2, least=2, most=10)

    assert found == Decision(
        desired=4, cause="monitor alarm AlarmHigh in state ALARM triggered policy memory"
    )


@pytest.mark.parametrize("other", [70.0, 100.0, None])
def test_one_policy_that_is_not_low_holds_scale_in(other: float | None) -> None:
    """Near its target, above it with scale-out at rest, or without data."""
    memory = Tracking(name="memory", target=75, measured=other, held_s=3600)
    held = wanted(cpu(10), memory, desired=10, running=10, most=10)

    assert held is None


def test_a_policy_that_may_not_scale_in_does_not_hold_it() -> None:
    """Only those that can are asked."""
    memory = Tracking(name="memory", target=75, measured=70, held_s=3600, scales_in=False)

    assert wanted(cpu(10), memory, desired=4, running=4) == 2


@pytest.mark.parametrize(("measured", "held_s"), [(90, 179), (10, 899)])
def test_an_alarm_takes_its_time(measured: float, held_s: float) -> None:
    """Three minutes for more, fifteen for less."""
    assert wanted(cpu(measured, held_s), desired=4, running=4) is None
    assert wanted(cpu(measured, held_s + 1), desired=4, running=4) is not None


def test_scale_in_is_held_half_an_hour_after_the_last() -> None:
    """Its cooldown; a scale-out is not held by it."""
    held = {"desired": 4, "running": 4, "since_in_s": 1799.0}

    assert wanted(cpu(10), **held) is None
    assert wanted(cpu(150), **held) == 8
    assert wanted(cpu(10), **{**held, "since_in_s": 1800.0}) == 2


def test_scale_out_rests_a_minute() -> None:
    """What was started must first be seen in the metric."""
    assert wanted(cpu(150), since_out_s=59.0) is None
    assert wanted(cpu(150), since_out_s=60.0) == 4


@pytest.mark.parametrize(("desired", "expected"), [(1, 2), (11, 10)])
def test_limits_are_kept_without_any_metric(desired: int, expected: int) -> None:
    """A service outside them is brought inside."""
    assert wanted(desired=desired, running=desired) == expected
