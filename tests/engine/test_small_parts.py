"""Scrubbing, history, and the reading of events."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pulumi.automation import events as sdk

from byoc_infra.engine import Engine, StackRef, WorkerPool
from byoc_infra.engine.events import EngineEvent, Recorder, readable
from byoc_infra.engine.history import KEEP, absent, forget, prune, recorded
from byoc_infra.engine.perform import _byoc_cause
from byoc_infra.engine.run import run_environment
from byoc_infra.engine.scrub import Scrubber
from byoc_infra.errors import NotFound
from tests.engine import fake_cli

URN = "urn:pulumi:dev::proj::fake:index:Thing::a"
ROOT = "urn:pulumi:dev::proj::pulumi:pulumi:Stack::proj-dev"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "x"}


def _nothing() -> None:
    """A program."""


def _stack(root: Path) -> StackRef:
    return StackRef(
        project="proj",
        name="dev",
        program=_nothing,
        backend_url=f"file://{root}",
        env={"AWS_REGION": "here"},
        config={},
    )


@pytest.mark.parametrize(
    "form",
    ["p@ss/word&1", "p%40ss%2Fword%261", "cEBzcy93b3JkJjE=", "cEBzcy93b3JkJjE"],
)
def test_secrets_of_the_environment_are_taken_out_in_every_form(form: str) -> None:
    """Plain, URL-escaped and base64."""
    scrub = Scrubber({"AWS_SECRET_ACCESS_KEY": "p@ss/word&1", "AWS_REGION": "eu-west-1"})

    assert scrub(f"said {form}!") == "said [secret]!"


def test_the_password_of_a_backend_is_secret() -> None:
    """It stands in a URL, and the CLI may quote that."""
    scrub = Scrubber({"PULUMI_BACKEND_URL": "postgres://byoc:hunter22@db/state"})

    assert (
        scrub("dial postgres://byoc:hunter22@db/state") == "dial postgres://byoc:[secret]@db/state"
    )


def test_what_is_not_secret_stays() -> None:
    """Regions, short values, and paths to token files."""
    scrub = Scrubber({"AWS_REGION": "eu-west-1", "A_TOKEN": "abc", "X_TOKEN_FILE": "/run/token"})

    assert scrub("eu-west-1 abc /run/token") == "eu-west-1 abc /run/token"
    assert Scrubber({})("text") == "text"


def test_the_stack_alone_says_what_of_aws_and_pulumi_a_run_sees(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Everything else of the caller's environment stays."""
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("PULUMI_ACCESS_TOKEN", "mine")
    monkeypatch.setenv("LANG", "C.UTF-8")

    env = run_environment(_stack(tmp_path))

    assert "AWS_PROFILE" not in env
    assert "PULUMI_ACCESS_TOKEN" not in env
    assert (env["AWS_REGION"], env["LANG"]) == ("here", "C.UTF-8")
    assert env["PULUMI_BACKEND_URL"] == f"file://{tmp_path}"


def test_history_is_kept_short(tmp_path: Path) -> None:
    """The newest updates stay, with all their files."""
    folder = tmp_path / ".pulumi" / "history" / "proj" / "dev"
    folder.mkdir(parents=True)
    for number in range(KEEP + 5):
        for suffix in ("history.json", "checkpoint.json", "history.json.attrs"):
            (folder / f"dev-{1000 + number}.{suffix}").touch()

    prune(_stack(tmp_path))

    left = {path.name for path in folder.iterdir()}
    assert len(left) == 3 * KEEP
    assert "dev-1000.history.json" not in left
    assert f"dev-{1000 + KEEP + 4}.checkpoint.json" in left


@pytest.mark.parametrize("content", [None, "", "{", "{}", '{"version": 3, "checkpoint": {}}'])
def test_what_a_file_does_not_tell_is_left_to_the_cli(tmp_path: Path, content: str | None) -> None:
    """No file, half a file, another shape, another backend."""
    file = tmp_path / ".pulumi" / "stacks" / "proj" / "dev.json"
    file.parent.mkdir(parents=True)
    if content is not None:
        file.write_text(content)

    assert recorded(_stack(tmp_path)) is None
    assert recorded(replace(_stack(tmp_path), backend_url="s3://bucket")) is None


@pytest.mark.parametrize(
    "kept", ["proj/dev.json", "proj/dev.json.gz", "dev.json", "dev.json.gz", "dev.json.bak"]
)
def test_a_stack_is_absent_only_without_any_record(tmp_path: Path, kept: str) -> None:
    """Whichever way it is kept; of a backend that is not there nothing is known."""
    stack = _stack(tmp_path)
    before = absent(stack)
    file = tmp_path / ".pulumi" / "stacks" / kept
    file.parent.mkdir(parents=True)
    file.write_text("{}")

    assert before
    assert not absent(stack)
    assert not absent(_stack(tmp_path / "nowhere"))
    assert not absent(replace(stack, backend_url="s3://bucket"))


def test_what_is_absent_costs_no_cli(tmp_path: Path) -> None:
    """Nor a worker, which nobody may start here."""
    engine = Engine(fake_cli.install(tmp_path), WorkerPool(), state_dir=tmp_path)

    found = engine.export(_stack(tmp_path))

    assert isinstance(found.failure, NotFound)
    assert found.failure.got == "dev"
    assert (tmp_path / "log").read_text() == ""


def test_a_removed_stack_leaves_no_backup(tmp_path: Path) -> None:
    """And a stack that is still there keeps its own."""
    folder = tmp_path / ".pulumi" / "stacks" / "proj"
    folder.mkdir(parents=True)
    (folder / "dev.json.bak").touch()
    (folder / "prod.json.bak").touch()

    forget(_stack(tmp_path))

    assert [path.name for path in folder.iterdir()] == ["prod.json.bak"]


def test_a_secret_of_the_event_stream_is_masked_wherever_it_stands() -> None:
    """Deep inside as well."""
    assert readable({"a": [SECRET, {"b": SECRET}], "c": 1}) == {
        "a": ["[secret]", {"b": "[secret]"}],
        "c": 1,
    }


def _event(kind: str, op: str, urn: str = URN, **given: Any) -> sdk.EngineEvent:
    new = {"type": "t", "urn": urn, "id": "", "custom": True, "parent": ROOT, "provider": "p"}
    metadata = {
        "op": op,
        "urn": urn,
        "type": urn.split("::")[2],
        "new": {**new, "inputs": {"name": "a"}, "outputs": given.pop("outputs", {})},
        "old": None,
        "provider": "p",
        **given,
    }
    return sdk.EngineEvent.from_json(
        json.loads(
            json.dumps(
                {
                    "sequence": 1,
                    "timestamp": 1,
                    kind: {"metadata": metadata},
                }
            )
        )
    )


def test_the_three_steps_of_a_replacement_are_one_change() -> None:
    """Whatever their order."""
    told: list[EngineEvent] = []
    record = Recorder(tell=told.append)
    record(_event("resourcePreEvent", "create-replacement", diffs=["kind"]))
    record(_event("resourcePreEvent", "replace", diffs=["kind"]))
    record(_event("resourcePreEvent", "delete-replaced"))

    (change,) = record.changes

    assert (change.name, change.op, change.diff_keys) == ("a", "replace", ("kind",))


def test_a_create_is_noted_before_and_crossed_out_after() -> None:
    """That is what a killed run leaves to its successor."""
    notes: list[str] = []
    record = Recorder(
        tell=lambda _: None,
        begun=lambda create: notes.append(f"begun {create.name} {create.parent}"),
        answered=lambda urn: notes.append(f"answered {urn}"),
    )
    record(_event("resourcePreEvent", "create"))
    record(_event("resOutputsEvent", "create"))

    assert notes == [f"begun a {ROOT}", f"answered {URN}"]


def test_unchanged_resources_are_no_news() -> None:
    """Neither a change nor an event."""
    told: list[EngineEvent] = []
    record = Recorder(tell=told.append)
    record(_event("resourcePreEvent", "same"))
    record(_event("resOutputsEvent", "same", ROOT, outputs={"url": "http://x", "hidden": SECRET}))

    assert (record.changes, told) == ((), [])
    assert record.outputs == {"url": "http://x", "hidden": "[secret]"}


def test_a_refresh_counts_what_it_found_different() -> None:
    """The step begins as `refresh` and ends as what it came to."""
    record = Recorder(tell=lambda _: None)
    for urn, came_to in ((URN, "update"), (URN + "2", "same"), (URN + "3", "delete")):
        record(_event("resourcePreEvent", "refresh", urn))
        record(_event("resOutputsEvent", came_to, urn))

    assert [(c.name, c.op) for c in record.changes] == [("a", "update"), ("a3", "delete")]


def test_causes_that_run_in_a_circle_end() -> None:
    """A RunError of the SDK may be the context of what it was raised from."""
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__context__ = second, first

    assert _byoc_cause(first) is None
