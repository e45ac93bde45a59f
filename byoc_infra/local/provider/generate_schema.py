"""Derives `schema.json` from the pulumi_aws classes.

Run it as `python -m byoc_infra.local.provider.generate_schema`, after an upgrade of pulumi_aws.
Loading pulumi_aws takes seconds and over 100 MB, so the plugin reads the table instead; a test
compares the table with the classes.
"""

import importlib
import inspect
import json
import types
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, ForwardRef, Union, get_args, get_origin

from pulumi import Output
from pulumi._types import input_type_py_to_pulumi_names

TYPES = (
    "iam/role:Role",
    "iam/policy:Policy",
    "iam/rolePolicy:RolePolicy",
    "iam/rolePolicyAttachment:RolePolicyAttachment",
    "iam/serviceLinkedRole:ServiceLinkedRole",
    "ec2/vpc:Vpc",
    "ec2/subnet:Subnet",
    "ec2/internetGateway:InternetGateway",
    "ec2/eip:Eip",
    "ec2/natGateway:NatGateway",
    "ec2/routeTable:RouteTable",
    "ec2/route:Route",
    "ec2/routeTableAssociation:RouteTableAssociation",
    "ec2/vpcEndpoint:VpcEndpoint",
    "ec2/flowLog:FlowLog",
    "ec2/tag:Tag",
    "ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "ec2/securityGroup:SecurityGroup",
    "vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    "vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    "ecs/cluster:Cluster",
    "ecs/taskDefinition:TaskDefinition",
    "ecs/service:Service",
    "cloudwatch/logGroup:LogGroup",
    "servicediscovery/privateDnsNamespace:PrivateDnsNamespace",
    "servicediscovery/service:Service",
    "rds/subnetGroup:SubnetGroup",
    "rds/parameterGroup:ParameterGroup",
    "rds/instance:Instance",
    "secretsmanager/secret:Secret",
    "secretsmanager/secretPolicy:SecretPolicy",
    "secretsmanager/secretRotation:SecretRotation",
    "kms/key:Key",
    "kms/alias:Alias",
    "lb/loadBalancer:LoadBalancer",
    "lb/targetGroup:TargetGroup",
    "lb/listener:Listener",
    "appautoscaling/target:Target",
    "appautoscaling/policy:Policy",
)
"""The resource types that the local cloud serves, as in their type tokens after `aws:`."""

FILE = Path(__file__).with_name("schema.json")

Hint = Any
"""A type annotation."""
Shape = Any
"""A type name, or `{"list": shape}`, `{"map": shape}`, `{"object": name}`."""


class _Walker:
    """Turns argument classes into shapes and collects the nested object types it meets."""

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}

    def fields(self, kind: type) -> dict[str, Any]:
        """Property name → shape of an `@input_type` class, and which must be given."""
        signature = inspect.signature(kind)
        names = input_type_py_to_pulumi_names(kind)
        module = importlib.import_module(kind.__module__)
        given = [p for p in signature.parameters.values() if p.name in names]
        return {
            "properties": {names[p.name]: self.shape(p.annotation, module) for p in given},
            "required": [names[p.name] for p in given if p.default is inspect.Parameter.empty],
        }

    def shape(self, hint: Hint, module: types.ModuleType) -> Shape:
        """The shape behind `Input[Optional[…]]`, `Sequence[…]` and forward references."""
        if isinstance(hint, str | ForwardRef):
            name = hint if isinstance(hint, str) else hint.__forward_arg__
            if name.startswith("Output["):
                return None
            return self.shape(eval(name, vars(module)), module)  # noqa: S307 - our own dependency
        origin: Hint = get_origin(hint)
        if origin in (Union, types.UnionType):
            shapes = [self.shape(member, module) for member in get_args(hint)]
            return next((shape for shape in shapes if shape is not None), None)
        if origin is Sequence:
            return {"list": self.shape(get_args(hint)[0], module)}
        if origin is Mapping:
            return {"map": self.shape(get_args(hint)[1], module)}
        return self._leaf(hint, origin)

    def _leaf(self, hint: Hint, origin: Hint) -> Shape:
        if not isinstance(hint, type) or origin is not None or hint is type(None):
            return None
        plain = {str: "string", bool: "boolean", int: "integer", float: "number"}.get(hint)
        if plain:
            return plain
        if issubclass(hint, Enum):
            return "string"
        if issubclass(hint, Output) or not hint.__name__.endswith("Args"):
            return None
        if hint.__name__ not in self.objects:
            self.objects[hint.__name__] = {}
            self.objects[hint.__name__].update(self.fields(hint))
        return {"object": hint.__name__}


def generate() -> dict[str, Any]:
    """The whole table, from the installed pulumi_aws."""
    walker = _Walker()
    resources: dict[str, Any] = {}
    for name in TYPES:
        place, class_name = name.split(":")
        parent = place.split("/")[0]
        # through the package: it loads lazily, and is left half loaded by who goes round it
        kind = getattr(importlib.import_module(f"pulumi_aws.{parent}"), class_name)
        module = importlib.import_module(kind.__module__)
        inputs = walker.fields(getattr(module, f"{class_name}Args"))
        state = walker.fields(getattr(module, f"_{class_name}State"))
        resources[f"aws:{name}"] = {
            "inputs": inputs["properties"],
            "required": inputs["required"],
            "outputs": sorted(state["properties"]),
        }
    return {"resources": resources, "objects": dict(sorted(walker.objects.items()))}


def render(table: Mapping[str, Any]) -> str:
    """The table as the text of `schema.json`."""
    return json.dumps(table, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    FILE.write_text(render(generate()))
