"""Runs with the real CLI: what they report, and what they leave."""

import os
import tempfile
import threading
import time
from pathlib import Path

import psutil
import pytest

from byoc_infra.engine import Engine, EngineEvent
from byoc_infra.errors import (
    AccessRefused,
    CloudUnreachable,
    DeadlineExceeded,
    EngineFailed,
    NotFound,
    SecretWithoutValue,
    StackBusy,
)
from tests.engine.conftest import Bench
from tests.engine.programs_for_tests import TWO, Broken, Things, environment, missing_secret

pytestmark = [pytest.mark.e2e]


def test_preview_shows_what_up_then_does(bench: Bench) -> None:
    """Resource by resource, operation by operation, providers counted."""
    for program in (TWO, Things(things={"a": {"size": 9}, "b": {"size": 2, "kind": "x"}, "c": {}})):
        shown = bench.engine.preview(bench.stack(program))
        done = bench.engine.up(bench.stack(program))

        assert done.ok
        assert shown.changes == done.changes
        assert done.changes


def test_a_second_up_changes_nothing(bench: Bench) -> None:
    """Not even a provider."""
    first = bench.engine.up(bench.stack(TWO))

    assert "pulumi:providers:fake" in {change.type for change in first.changes}
    assert bench.engine.up(bench.stack(TWO)).changes == ()
    assert bench.engine.refresh(bench.stack(TWO)).changes == ()


def test_replacements_and_updates_name_the_inputs_that_changed(with_two: Bench) -> None:
    """A replacement is one change, not three steps."""
    changed = with_two.engine.up(
        with_two.stack(Things(things={"a": {"size": 9}, "b": {"size": 2, "kind": "x"}}))
    )

    assert [(c.name, c.op, c.diff_keys) for c in changed.changes] == [
        ("a", "update", ("size",)),
        ("b", "replace", ("kind",)),
    ]


def test_outputs_come_with_the_run_and_secret_ones_stay_masked(with_stack: Bench) -> None:
    """Config reaches the program; a secret's value is in no outcome."""
    stack = with_stack.stack(Things(things={"a": {}}, secret="hush-hush"))
    told: list[EngineEvent] = []

    done = with_stack.engine.up(stack, on_event=told.append)

    assert done.outputs == {"names": ["a"], "region": "here", "hidden": "[secret]"}
    assert with_stack.engine.outputs(stack).outputs == done.outputs
    assert "hush" not in repr((done, told, with_stack.engine.export(stack).state))
    assert ("done", "create", "a") in {(e.kind, e.op, e.name) for e in told}


def test_a_file_backends_state_is_read_as_the_cli_gives_it(with_stack: Bench) -> None:
    """Resources, outputs and what is encrypted; without the CLI's half a second."""
    stack = with_stack.stack(Things(things={"a": {}, "b": {}}, secret="hush-hush"))
    with_stack.engine.up(stack)
    by_the_cli = with_stack.engine._read("export", stack, None, 60.0).state
    by_file = with_stack.engine.export(stack).state

    assert by_file is not None
    assert by_file == by_the_cli
    assert len(by_file["deployment"]["resources"]) > 2


def test_a_run_sees_only_the_stacks_own_aws_and_pulumi_variables(
    shared: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller's profile and token must not reach a customer's stack, nor one stack another."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-the-caller")
    monkeypatch.setenv("PULUMI_ACCESS_TOKEN", "of-the-caller")

    with_profile = shared.engine.up(shared.stack(environment, AWS_PROFILE="customer")).outputs
    without = shared.engine.up(shared.stack(environment)).outputs

    assert with_profile["role"] == "customer"
    assert "AWS_SECRET_ACCESS_KEY" not in with_profile["names"]
    assert "PULUMI_ACCESS_TOKEN" not in with_profile["names"]
    assert "role" not in without or without["role"] is None


@pytest.mark.parametrize("late", [False, True])
def test_an_error_of_the_program_comes_back_as_itself(shared: Bench, late: bool) -> None:  # noqa: FBT001
    """At once or inside an apply: class, field and words are kept."""
    outcome = shared.engine.up(shared.stack(Broken(error=missing_secret(), late=late)))

    assert isinstance(outcome.failure, SecretWithoutValue)
    assert str(outcome.failure) == str(missing_secret())


def test_a_foreign_error_of_the_program_is_scrubbed(shared: Bench) -> None:
    """An exception's text may hold what it was given."""
    outcome = shared.engine.up(shared.stack(Broken(error=ValueError("a-passphrase is odd"))))

    assert isinstance(outcome.failure, EngineFailed)
    assert "ValueError" in outcome.failure.got
    assert "a-passphrase" not in repr(outcome)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("is not authorized to perform: ec2:CreateVpc on resource: arn:aws:x", AccessRefused),
        ('Could not connect to the endpoint URL: "http://127.9.9.9:4566/"', CloudUnreachable),
        ("InvalidParameterValue: no", EngineFailed),
    ],
)
def test_what_the_provider_says_becomes_our_error(
    with_stack: Bench, said: str, kind: type[Exception]
) -> None:
    """With the resource it happened to."""
    outcome = with_stack.engine.up(with_stack.stack(Things(things={"z": {"fail": said}})))

    assert type(outcome.failure) is kind
    assert outcome.failure is not None
    assert outcome.failure.field.endswith("::z")


def test_a_run_that_does_not_end_is_killed(with_stack: Bench, toolchain: object) -> None:
    """The last rung of the ladder: no process of the run outlives the grace."""
    engine = Engine(toolchain, with_stack.engine._runner.workers, grace_s=1)  # type: ignore[arg-type]  # the fixture's
    started = time.monotonic()

    outcome = engine.up(with_stack.stack(Things(things={"slow": {"sleep": 30}})), deadline_s=2)

    assert isinstance(outcome.failure, DeadlineExceeded)
    assert time.monotonic() - started < 15
    assert not _processes_with(str(with_stack.root))


def test_a_second_run_is_refused_and_a_stopped_one_finishes_what_is_in_flight(
    with_stack: Bench,
) -> None:
    """One writer per stack; SIGINT leaves a whole state, no lock, and nothing to recover."""
    bench = with_stack
    stack = bench.stack(Things(things={"slow": {"sleep": 4}}))
    outcomes = []
    first = threading.Thread(target=lambda: outcomes.append(bench.engine.up(stack)))
    first.start()
    while not bench.cloud():
        time.sleep(0.05)

    second = bench.engine.up(stack)
    stopped = bench.engine.cancel(stack)
    first.join()

    assert isinstance(second.failure, StackBusy)
    assert stopped
    assert outcomes[0].failure is not None
    assert "cancelled" in outcomes[0].failure.got
    assert bench.locks() == []
    assert "pending_operations" not in bench.state()
    assert bench.engine.up(stack).ok
    assert {name: len(found) for name, found in bench.cloud().items()} == {"slow": 1}
    assert not bench.engine.cancel(stack)


def test_destroy_leaves_nothing(with_two: Bench) -> None:
    """No object, no stack, no work directory, no temporary file."""
    bench = with_two
    before = set(os.listdir(tempfile.gettempdir()))
    stack = bench.stack(TWO)
    assert set(bench.cloud()) == {"a", "b"}

    gone = bench.engine.destroy(stack)

    assert gone.ok
    assert {c.name for c in gone.changes if c.op == "delete"} >= {"a", "b", "shelf"}
    assert bench.cloud() == {}
    assert isinstance(bench.engine.outputs(stack).failure, NotFound)
    assert not [
        p
        for p in (bench.root / "backend").rglob("*")
        if "dev" in p.name and p.is_file() and p.suffix != ".lock"
    ]
    assert not list((bench.root / "backend" / ".byoc" / "work").iterdir())
    left = set(os.listdir(tempfile.gettempdir())) - before
    assert not {name for name in left if name.startswith(("automation-", "pulumi-"))}


def test_a_preview_of_a_new_stack_keeps_nothing(bench: Bench) -> None:
    """Not even an empty stack."""
    assert bench.engine.preview(bench.stack(TWO)).ok
    assert isinstance(bench.engine.outputs(bench.stack(TWO)).failure, NotFound)


def test_a_target_may_be_a_type(with_two: Bench) -> None:
    """So that a caller can lift one protection without touching the rest."""
    bench = with_two

    done = bench.engine.up(
        bench.stack(Things(things={"a": {"size": 5}, "b": {"size": 6}})),
        target=["urn:pulumi:dev::proj::test:index:Shelf$fake:index:Thing::a"],
    )
    rest = bench.engine.up(
        bench.stack(Things(things={"a": {"size": 5}, "b": {"size": 6}})),
        target=["fake:index:Thing"],
    )

    assert [c.name for c in done.changes] == ["a"]
    assert [c.name for c in rest.changes] == ["b"]


def _processes_with(text: str) -> list[int]:
    return [
        process.info["pid"]
        for process in psutil.process_iter(["pid", "cmdline"])
        if process.info["pid"] != os.getpid()
        and any(text in word for word in process.info["cmdline"] or ())
    ]


def test_import_takes_over_what_exists(bench: Bench) -> None:
    """By URN and id, with its place under its component; then nothing is left to do."""
    stack = bench.stack(Things(things={"a": {"size": 1}}))
    cloud = bench.root / "cloud"
    cloud.mkdir()
    (cloud / "thing-by-hand.json").write_text('{"name": "a", "size": 1}')
    urn = "urn:pulumi:dev::proj::test:index:Shelf$fake:index:Thing::a"

    done = bench.engine.import_(stack, {urn: "thing-by-hand"})

    assert done.ok
    assert [(c.urn, c.op) for c in done.changes] == [(urn, "import")]
    after = bench.engine.up(stack)
    assert {c.op for c in after.changes if c.name == "a"} == set()
    assert [p.name for p in Path(cloud).iterdir()] == ["thing-by-hand.json"]
