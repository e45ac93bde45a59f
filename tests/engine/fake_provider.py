"""A resource provider whose cloud is a folder: one JSON file an object.

It runs as a real plugin process under the real engine. `FAKE_CLOUD` names the folder; an object
is written at once and the answer is given `sleep` seconds later, as slow AWS creates are: what
kills the run in between leaves an object that no state file knows.
"""

import json
import os
import signal
import sys
import time
import uuid
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import (  # type: ignore[import-untyped]  # the library ships no types
    empty_pb2,
    struct_pb2,
)
from google.protobuf.json_format import (  # type: ignore[import-untyped]  # as above
    MessageToDict,
)
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

VERSION = "1.0.0"
REPLACES = ("kind",)


def cloud() -> Path:
    """The folder that is this provider's cloud."""
    folder = Path(os.environ["FAKE_CLOUD"])
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _plain(struct: struct_pb2.Struct) -> dict[str, Any]:
    found: dict[str, Any] = MessageToDict(struct)
    return found


def _struct(values: dict[str, Any]) -> struct_pb2.Struct:
    made = struct_pb2.Struct()
    made.update(values)
    return made


def _readable(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in {"sleep", "createdBy"}}


def _write(identity: str, values: dict[str, Any]) -> None:
    """Whole or not at all: a test may be looking."""
    new = cloud() / f".{identity}"
    new.write_text(json.dumps(values))
    new.rename(cloud() / f"{identity}.json")


class FakeProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Serves `fake:index:Thing` (name, kind, size, sleep, fail)."""

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        return plugin_pb2.PluginInfo(version=VERSION)

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True)

    def GetSchema(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        return provider_pb2.GetSchemaResponse(schema="{}")

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        return provider_pb2.ConfigureResponse(supportsPreview=True, acceptSecrets=False)

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        old, new = _plain(request.old_inputs), _plain(request.news)
        keys = [k for k in sorted({*old, *new}) if old.get(k) != new.get(k)]
        kind = provider_pb2.DiffResponse
        return kind(
            changes=kind.DIFF_SOME if keys else kind.DIFF_NONE,
            diffs=keys,
            replaces=[k for k in keys if k in REPLACES],
        )

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        values = _plain(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(id="", properties=request.properties)
        if fail := values.get("fail"):
            if fail == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            context.abort(grpc.StatusCode.UNKNOWN, str(fail))
        identity = f"thing-{uuid.uuid4().hex[:8]}"
        made = {**_readable(values), "createdBy": os.getpid()}
        _write(identity, made)
        time.sleep(float(values.get("sleep", 0)))
        return provider_pb2.CreateResponse(id=identity, properties=_struct(values))

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        file = cloud() / f"{request.id}.json"
        if not file.exists():
            return provider_pb2.ReadResponse()
        values = _readable(json.loads(file.read_text()))
        kept = {k: v for k, v in _plain(request.inputs).items() if k == "sleep"}
        return provider_pb2.ReadResponse(
            id=request.id, properties=_struct(values), inputs=_struct({**values, **kept})
        )

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        values = _plain(request.news)
        if not request.preview:
            _write(request.id, _readable(values))
            time.sleep(float(values.get("sleep", 0)))
        return provider_pb2.UpdateResponse(properties=_struct(values))

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        (cloud() / f"{request.id}.json").unlink(missing_ok=True)
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        return empty_pb2.Empty()


def install(pulumi_home: Path) -> None:
    """Make this module a plugin of that PULUMI_HOME."""
    folder = pulumi_home / "plugins" / f"resource-fake-v{VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "pulumi-resource-fake"
    here = Path(__file__).resolve()
    run = f"{sys.executable} {here.with_name('without_sdk.py')} {here}"
    script.write_text(f'#!/bin/sh\nexec {run} "$@"\n')
    script.chmod(0o755)


def main() -> None:
    """Serve until the engine goes away (the plugin is then without a parent)."""
    # The engine ends a plugin by SIGINT and waits seconds for one that does not listen to it.
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(FakeProvider(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.2)
    server.stop(grace=20).wait()


if __name__ == "__main__":
    main()
