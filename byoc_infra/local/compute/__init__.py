"""The ECS of the local cloud: services and tasks whose containers are processes here."""

from byoc_infra.local.compute.ecs import Compute
from byoc_infra.local.compute.roles import Check, ExecutionRoles, Roles

__all__ = ["Check", "Compute", "ExecutionRoles", "Roles"]
