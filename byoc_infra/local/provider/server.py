"""Pulumi's provider protocol over the resource types and invokes."""

import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, NoReturn

import grpc
from google.protobuf import empty_pb2  # type: ignore[import-untyped]  # protobuf ships no types
from pulumi.runtime.proto import plugin_pb2, provider_pb2, status_pb2
from pulumi.runtime.proto.provider_pb2_grpc import (
    ResourceProviderServicer,
    add_ResourceProviderServicer_to_server,
)

from byoc_infra.local.provider.aws import Aws, ProviderError, explain
from byoc_infra.local.provider.check import Naming, Settings, check
from byoc_infra.local.provider.diff import Difference, difference
from byoc_infra.local.provider.invokes import INVOKES
from byoc_infra.local.provider.properties import Json, Props, decode, encode
from byoc_infra.local.provider.registry import RESOURCES
from byoc_infra.local.provider.resource import SECRET_INPUTS, HalfMadeError, Resource
from byoc_infra.local.provider.schema import known_types

__all__ = ["Provider", "kept_defaults", "serve"]

Context = grpc.ServicerContext


class _Status(NamedTuple):
    """What grpc calls a status: aborting with one carries details to the engine."""

    code: grpc.StatusCode
    details: str
    trailing_metadata: tuple[tuple[str, bytes], ...]


class Provider(ResourceProviderServicer):
    """Answers the engine."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.cancelled = threading.Event()
        self.settings = Settings()
        self._aws: Aws | None = None

    @property
    def aws(self) -> Aws:
        """The door to AWS; the engine configures before it asks for anything."""
        if self._aws is None:
            self._aws = Aws(self.settings.region, cancelled=self.cancelled)
        return self._aws

    def Handshake(
        self,
        request: provider_pb2.ProviderHandshakeRequest,
        context: Context,
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Nothing of the newer abilities is used: no secrets, resources or outputs on the wire."""
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: plugin_pb2.PluginAttach, context: Context) -> empty_pb2.Empty:
        """Used when the engine is told this process's port."""
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: Context) -> plugin_pb2.PluginInfo:
        """The version that the engine looks for."""
        return plugin_pb2.PluginInfo(version=self.version)

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: Context
    ) -> provider_pb2.CheckResponse:
        """A region is needed (rule 11); everything else is taken as it is."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(
        self, request: provider_pb2.DiffRequest, context: Context
    ) -> provider_pb2.DiffResponse:
        """A changed configuration never replaces the provider."""
        same = decode(request.olds) == decode(request.news)
        kind = provider_pb2.DiffResponse.DIFF_NONE if same else provider_pb2.DiffResponse.DIFF_SOME
        return provider_pb2.DiffResponse(changes=kind)

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: Context
    ) -> provider_pb2.ConfigureResponse:
        """Take the region and check the credentials, as the real provider does."""
        given = decode(request.args) if request.HasField("args") else {}
        for name, value in request.variables.items():
            given.setdefault(name.rsplit(":", 1)[-1], value)
        with _answering(context):
            self.settings = _settings(given)
            if not self.settings.region:
                text = "invalid AWS region: set aws:region or AWS_REGION"
                raise ProviderError(text)
            self._validate_credentials()
        return provider_pb2.ConfigureResponse(
            acceptSecrets=False,
            supportsPreview=True,
            acceptResources=False,
            acceptOutputs=False,
            supports_autonaming_configuration=True,
        )

    def _validate_credentials(self) -> None:
        try:
            _ = self.aws.identity
        except Exception as failed:
            what = "validating provider credentials: retrieving caller identity from STS"
            text = f"{what}: {explain(failed)}"
            raise ProviderError(text) from failed

    def GetSchema(
        self, request: provider_pb2.GetSchemaRequest, context: Context
    ) -> provider_pb2.GetSchemaResponse:
        """No schema: programs bring pulumi_aws with them."""
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "the local cloud's provider has no schema")

    def Check(
        self, request: provider_pb2.CheckRequest, context: Context
    ) -> provider_pb2.CheckResponse:
        """Refuse what cannot work, fill in what the program left out."""
        token = _token(request.urn)
        if token not in RESOURCES:
            context.abort(grpc.StatusCode.NOT_FOUND, _not_served(token))
        inputs, failures = check(
            token,
            decode(request.olds),
            decode(request.news),
            settings=self.settings,
            naming=_naming(request),
        )
        failures += RESOURCES[token].refusals(inputs)
        refused = [provider_pb2.CheckFailure(property=f.path, reason=f.reason) for f in failures]
        return provider_pb2.CheckResponse(inputs=encode(inputs), failures=refused)

    def Diff(
        self, request: provider_pb2.DiffRequest, context: Context
    ) -> provider_pb2.DiffResponse:
        """Compare state and inputs."""
        state = decode(request.olds)
        old_inputs = decode(request.old_inputs)
        state |= {name: old_inputs[name] for name in SECRET_INPUTS if name in old_inputs}
        resource = self._resource(request.urn, context)
        found = difference(
            resource.type_name,
            state,
            decode(request.news),
            region=self.settings.region,
            ignore=request.ignoreChanges,
        )
        return _diff_response(found)

    def Create(
        self, request: provider_pb2.CreateRequest, context: Context
    ) -> provider_pb2.CreateResponse:
        """Make the object, or say what it will be."""
        resource = self._resource(request.urn, context)
        inputs = decode(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=encode(resource.preview_create(inputs)))
        with _answering(context, inputs):
            resource_id, state = resource.create(inputs)
        return provider_pb2.CreateResponse(id=resource_id, properties=encode(state))

    def Read(
        self, request: provider_pb2.ReadRequest, context: Context
    ) -> provider_pb2.ReadResponse:
        """Refresh, or import when the engine has neither state nor inputs."""
        resource = self._resource(request.urn, context)
        prior, old_inputs = decode(request.properties), decode(request.inputs)
        resource_id = request.id
        with _answering(context):
            if not prior:
                resource_id, told = resource.resolve(request.id)
                prior = {**kept_defaults(resource), **told, **resource.rules.on_import}
                prior |= {k: v for k, v in old_inputs.items() if k not in prior}
            state = resource.read(resource_id, prior)
        if state is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=resource_id,
            properties=encode(state),
            inputs=encode(resource.inputs_of(state, old_inputs)),
        )

    def Update(
        self, request: provider_pb2.UpdateRequest, context: Context
    ) -> provider_pb2.UpdateResponse:
        """Change the object in place, or say what it will be."""
        resource = self._resource(request.urn, context)
        old, inputs = decode(request.olds), decode(request.news)
        old_inputs = decode(request.old_inputs)
        old |= {name: old_inputs[name] for name in SECRET_INPUTS if name in old_inputs}
        for path in request.ignoreChanges:
            if path in old:
                inputs[path] = old[path]
        if request.preview:
            state = resource.preview_update(old, inputs)
            return provider_pb2.UpdateResponse(properties=encode(state))
        with _answering(context, inputs):
            _, state = resource.update(request.id, old, inputs)
        return provider_pb2.UpdateResponse(properties=encode(state))

    def Delete(self, request: provider_pb2.DeleteRequest, context: Context) -> empty_pb2.Empty:
        """Remove the object and wait until it is gone."""
        resource = self._resource(request.urn, context)
        with _answering(context):
            resource.delete(request.id, decode(request.properties))
        return empty_pb2.Empty()

    def Invoke(
        self, request: provider_pb2.InvokeRequest, context: Context
    ) -> provider_pb2.InvokeResponse:
        """Answer a look-up."""
        answer = INVOKES.get(request.tok)
        if answer is None:
            context.abort(grpc.StatusCode.NOT_FOUND, _not_served(request.tok))
        with _answering(context):
            try:
                result = answer(self.aws, decode(request.args))
            except ProviderError:
                raise
            except Exception as failed:
                text = f"invoking {request.tok}: {explain(failed)}"
                raise ProviderError(text) from failed
        return provider_pb2.InvokeResponse(**{"return": encode(result)})

    def Cancel(self, request: empty_pb2.Empty, context: Context) -> empty_pb2.Empty:
        """Stop every wait; calls under way are finished."""
        self.cancelled.set()
        return empty_pb2.Empty()

    def _resource(self, urn: str, context: Context) -> Resource:
        token = _token(urn)
        if token not in RESOURCES:
            context.abort(grpc.StatusCode.NOT_FOUND, _not_served(token))
        return RESOURCES[token](self.aws, default_tags=self.settings.default_tags)


class _answering:  # noqa: N801 - reads as a statement
    """Turns failures into what the engine understands."""

    def __init__(self, context: Context, inputs: Props | None = None) -> None:
        self.context = context
        self.inputs = inputs or {}

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, failed: BaseException | None, trace: object) -> None:
        if isinstance(failed, HalfMadeError):
            self._half_made(failed)
        if isinstance(failed, ProviderError):
            self.context.abort(grpc.StatusCode.UNKNOWN, str(failed))

    def _half_made(self, failed: HalfMadeError) -> NoReturn:
        detail = half_made(failed, self.inputs)
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=failed.reason)
        status.details.add().Pack(detail)
        metadata = (("grpc-status-details-bin", status.SerializeToString()),)
        self.context.abort_with_status(
            _Status(grpc.StatusCode.UNKNOWN, failed.reason, metadata)  # type: ignore[arg-type]  # duck
        )


def half_made(failed: HalfMadeError, inputs: Props) -> provider_pb2.ErrorResourceInitFailed:
    """The initialization error: the object is in the state, with its error (rule 8)."""
    return provider_pb2.ErrorResourceInitFailed(
        id=failed.resource_id,
        properties=encode(failed.state),
        reasons=[failed.reason],
        inputs=encode(inputs),
    )


def _diff_response(found: Difference) -> provider_pb2.DiffResponse:
    kinds = provider_pb2.DiffResponse.DiffChanges
    return provider_pb2.DiffResponse(
        replaces=found.replaces,
        stables=found.stables,
        deleteBeforeReplace=found.delete_before_replace,
        changes=kinds.Value("DIFF_SOME" if found.changed else "DIFF_NONE"),
        diffs=found.changed,
        detailedDiff={
            path: provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.Kind.Value(kind))
            for path, kind in found.detailed.items()
        },
        hasDetailedDiff=True,
    )


def kept_defaults(resource: Resource) -> Props:
    """An imported object has the defaults of what AWS does not say: `up` then changes nothing."""
    rules = resource.rules
    return {name: value for name, value in rules.defaults.items() if name in rules.kept}


def _settings(given: dict[str, Json]) -> Settings:
    default_tags = given.get("defaultTags") or {}
    if isinstance(default_tags, str):
        default_tags = json.loads(default_tags)
    return Settings(
        region=given.get("region") or _region(), default_tags=default_tags.get("tags") or {}
    )


def _region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""


def _naming(request: provider_pb2.CheckRequest) -> Naming:
    logical = request.urn.rsplit("::", 1)[-1]
    asked = request.autonaming if request.HasField("autonaming") else None
    disabled = (
        asked is not None and asked.mode == provider_pb2.CheckRequest.AutonamingOptions.DISABLE
    )
    proposed = asked.proposed_name if asked and not disabled else None
    return Naming(logical, request.randomSeed, proposed or None, disabled)


def _token(urn: str) -> str:
    """The type of the resource itself; a urn has its parents' types before it."""
    return urn.split("::")[2].rsplit("$", 1)[-1]


def _not_served(token: str) -> str:
    served = ", ".join(sorted(known_types()))
    return f"the local cloud does not serve {token}; it serves {served}"


def serve(version: str, announce: Callable[[int], Any]) -> tuple[grpc.Server, Provider]:
    """Start on a free loopback port and say which."""
    server = grpc.server(
        ThreadPoolExecutor(max_workers=32),
        options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
    )
    provider = Provider(version)
    add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    announce(port)
    return server, provider
