"""Run a Pulumi program against mocks; hand back plain data to assert on.

The program runs to its end first, so asserts are on data and not inside `apply`, where they
would be skipped for values that are not known.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from unittest import mock

import pulumi
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, rpc, set_mocks
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.proto.source_pb2 import StackTrace
from pulumi.runtime.settings import SETTINGS, get_root_resource, set_root_resource
from pulumi.runtime.stack import run_pulumi_func

from byoc_infra.naming import Place

__all__ = ["ACCOUNT", "PLACE", "REGION", "Recorder", "Registration", "maker", "record"]

ACCOUNT, REGION = "222222222222", "eu-west-1"
PLACE = Place(ACCOUNT, REGION)
COMPONENT = "byoc:aws:"
Made = Callable[..., "Recorder"]


@dataclass(frozen=True, kw_only=True)
class Registration:
    """One resource as the program asked for it."""

    type: str
    name: str
    parent: str
    """`<type>::<name>` of the parent; empty for the stack's own children."""
    inputs: Mapping[str, Any]
    depends_on: tuple[str, ...]
    """`<type>::<name>` of all that it waits for, by option or by value."""
    options: Mapping[str, Any]
    """`ignoreChanges` and `retainOnDelete`, where they are set."""

    @property
    def id(self) -> str:
        """How others refer to it."""
        return f"{self.type}::{self.name}"

    @property
    def is_component(self) -> bool:
        """Ours, and not a resource of AWS."""
        return self.type.startswith(COMPONENT)

    def as_data(self) -> dict[str, Any]:
        """For a file of expected resources; JSON inside inputs is opened for the reader."""
        data = {
            "parent": self.parent,
            "inputs": {name: _opened(value) for name, value in self.inputs.items()},
            "depends_on": sorted(self.depends_on),
            "options": self.options,
        }
        return {key: value for key, value in data.items() if value}


class Recorder(Mocks):
    """Remembers every registration, look-up and output, in order."""

    def __init__(self, answers: Mapping[str, Any] | None = None) -> None:
        self.answers = dict(answers or {})
        self.resources: list[Registration] = []
        self.lookups: list[tuple[str, dict[str, Any]]] = []
        self.component_outputs: dict[str, dict[str, Any]] = {}
        self.exports: dict[str, Any] = {}

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Answer as AWS would: the inputs, and what only AWS knows."""
        return f"{args.name}-id", {**_made_by_aws(args), **args.inputs}

    def call(self, args: MockCallArgs) -> Any:
        """Answer a look-up that the test told of; any other is refused."""
        self.lookups.append((args.token, args.args))
        if args.token not in self.answers:
            raise AssertionError(f"unexpected lookup {args.token}")
        answer = self.answers[args.token]
        try:
            return answer(args.args) if callable(answer) else answer
        except LookupError as missing:
            return {}, [("name", str(missing))]  # as a provider says that there is none

    def of_type(self, type_: str) -> list[Registration]:
        """All resources of a type, in order."""
        return [one for one in self.resources if one.type == type_]

    def only(self, type_: str, name: str | None = None) -> Registration:
        """The one resource of this type, or of this type and name."""
        found = [one for one in self.of_type(type_) if name in (None, one.name)]
        (one,) = found
        return one

    def inputs(self, type_: str, name: str | None = None) -> Mapping[str, Any]:
        """What the one resource of this type was asked to be."""
        return self.only(type_, name).inputs

    def graph(self) -> dict[str, Any]:
        """Everything that was registered, as data; of components also what they give."""
        return {
            one.id: {**one.as_data(), **self._given(one)}
            for one in sorted(self.resources, key=lambda r: r.id)
        }

    def _given(self, one: Registration) -> dict[str, Any]:
        return {"outputs": sorted(self.component_outputs[one.id])} if one.is_component else {}


class _Monitor(MockMonitor):
    """Keeps what the mocks are not told: parents, dependencies, options and outputs."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self.recorder = recorder

    def Invoke(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
        return super().Invoke(request)  # type: ignore[no-untyped-call]  # pulumi has none

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]  # same
        if request.type != "pulumi:pulumi:Stack":
            self.recorder.resources.append(
                Registration(
                    type=request.type,
                    name=request.name,
                    parent=_place(request.parent),
                    inputs=rpc.deserialize_properties(request.object),
                    depends_on=tuple(_place(urn) for urn in request.dependencies),
                    options=_options(request),
                )
            )
        return answer

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
        outputs = rpc.deserialize_properties(request.outputs)
        self.recorder.component_outputs[_place(request.urn)] = outputs
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]  # same


class _OneThread(asyncio.SelectorEventLoop):
    """Asks the monitor on the spot, since it only remembers; a thread for that costs more.

    It says nothing of tasks and futures which a program that raised leaves behind. Their reports
    come whenever Python collects them, with a traceback: in the middle of some other test, where
    they can break what is being parsed (SystemError of `ast`, Python 3.11).
    """

    def __init__(self) -> None:
        super().__init__()
        self.set_exception_handler(lambda _loop, _context: None)

    def run_in_executor(  # type: ignore[override]  # asyncio's is generic
        self, _executor: object, asked: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """The answer, which is there already."""
        answer = self.create_future()
        answer.set_result(asked(*args))
        return answer


def _at_once(words: Coroutine[Any, Any, Any]) -> Any:
    """What the mocks write an answer by; it is of plain values, so that nothing is waited for."""
    try:
        words.send(None)
    except StopIteration as written:
        return written.value
    raise AssertionError("an answer of the mocks waits for something")


def record(
    program: Callable[[], object],
    answers: Mapping[str, Any] | None = None,
    *,
    preview: bool = False,
    config: Mapping[str, str] | None = None,
    project: str = "test",
) -> Recorder:
    """Run `program` to the end, so that every child is registered on return."""
    recorder = Recorder(answers)
    loop = _OneThread()
    asyncio.set_event_loop(loop)
    try:
        SETTINGS.rpc_manager.clear()
        SETTINGS.outputs.clear()
        set_root_resource(None)  # type: ignore[arg-type]  # a stack of this run's own
        pulumi.runtime.set_all_config(dict(config or {}))
        set_mocks(
            recorder, project=project, stack="test", preview=preview, monitor=_Monitor(recorder)
        )
        with (
            mock.patch("pulumi.runtime.resource._get_stack_trace", StackTrace),
            mock.patch("pulumi.runtime.mocks._sync_await", _at_once),
        ):
            loop.run_until_complete(run_pulumi_func(lambda: _run(program)))
        exported = pulumi.Output.all(**get_root_resource().outputs)  # type: ignore[union-attr]
        recorder.exports = loop.run_until_complete(_known(exported))
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    return recorder


def _run(program: Callable[[], object]) -> None:
    program()


async def _known(output: pulumi.Output[dict[str, Any]]) -> dict[str, Any]:
    return await output.future() or {}


def maker(component: Callable[..., object], name: str, args: Callable[..., object]) -> Made:
    """What is registered for a component, with changes to its usual arguments.

    Without changes it is recorded once and shared: tests only look at it.
    """

    @cache
    def usual() -> Recorder:
        return record(lambda: component(name, args()))

    def made(**changes: object) -> Recorder:
        return record(lambda: component(name, args(**changes))) if changes else usual()

    return made


def _place(urn: str) -> str:
    """`<type>::<name>` out of a URN; the stack itself is nothing."""
    if not urn:
        return ""
    type_, name = urn.split("::")[2:4]
    own = type_.rsplit("$", 1)[-1]
    return "" if own == "pulumi:pulumi:Stack" else f"{own}::{name}"


def _options(request: Any) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if request.ignoreChanges:
        options["ignoreChanges"] = list(request.ignoreChanges)
    if request.retainOnDelete:
        options["retainOnDelete"] = True
    return options


def _opened(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(("{", "[")):
        return json.loads(value)
    return _whole(value)


def _whole(value: Any) -> Any:
    """Numbers come back from the wire as floats."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return value


def _made_by_aws(args: MockResourceArgs) -> dict[str, Any]:
    """Outputs that are not inputs, as far as components use them."""
    kind, name = args.typ, args.inputs.get("name") or args.name
    if kind.startswith(COMPONENT):
        return {}
    made: dict[str, Any] = {"arn": _arn(kind, name, args)}
    if kind == "aws:rds/instance:Instance":
        address = f"{args.inputs['identifier']}.abc.{REGION}.rds.amazonaws.com"
        secret = PLACE.arn("secretsmanager", f"secret:rds!db-{args.name}-AbCdEf")
        made |= {
            "address": address,
            "endpoint": f"{address}:5432",
            "masterUserSecrets": [{"secretArn": secret, "secretStatus": "active"}],
        }
    if kind == "aws:lb/loadBalancer:LoadBalancer":
        made["dnsName"] = f"{name}-1.{REGION}.elb.amazonaws.com"
    if kind == "aws:kms/key:Key":
        made["keyId"] = f"{args.name}-id"
    return made


def _arn(kind: str, name: str, args: MockResourceArgs) -> str:
    if kind == "aws:iam/role:Role":
        return PLACE.role_arn(name)
    if kind == "aws:iam/policy:Policy":
        return f"arn:aws:iam::{ACCOUNT}:policy/{name}"
    if kind == "aws:secretsmanager/secret:Secret":
        return PLACE.arn("secretsmanager", f"secret:{name}-AbCdEf")
    if kind == "aws:ecs/taskDefinition:TaskDefinition":
        return PLACE.arn("ecs", f"task-definition/{args.inputs['family']}:1")
    if kind == "aws:ecs/cluster:Cluster":
        return PLACE.arn("ecs", f"cluster/{name}")
    service, _, what = kind.removeprefix("aws:").partition("/")
    return PLACE.arn(service, f"{what.split(':')[0]}/{args.name}")
