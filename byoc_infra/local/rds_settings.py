"""What RDS makes of an instance's class, version and parameter group."""

from typing import Any

__all__ = ["forces_tls", "full_version", "max_connections"]

CLASS_MEMORY_GIB = {
    "micro": 1,
    "small": 2,
    "medium": 4,
    "large": 8,
    "xlarge": 16,
    "2xlarge": 32,
    "4xlarge": 64,
}
CONNECTIONS_PER_BYTES = 9_531_392
"""RDS's default `max_connections` is DBInstanceClassMemory / this, at most 5000."""
USABLE_MEMORY = 0.75
"""DBInstanceClassMemory is the class's memory less what RDS itself needs; AWS gives no figure."""
FORCE_SSL_SINCE = 15
"""From this major version on, RDS's default of `rds.force_ssl` is 1."""
MINOR = {"13": "13.22", "14": "14.19", "15": "15.14", "16": "16.10", "17": "17.6", "18": "18.1"}
"""What RDS would make of a bare major version; the server that runs is of one version always."""
Moto = Any
"""Moto's objects have attributes that nobody declares."""


def full_version(asked: str) -> str:
    """The version that DescribeDBInstances shows."""
    return MINOR.get(asked, asked)


def forces_tls(instance: Moto) -> bool:
    """Whether the parameter group, or RDS's default, refuses plain connections."""
    given = _parameter(instance, "rds.force_ssl")
    if given is not None:
        return given == "1"
    major = str(instance.engine_version).partition(".")[0]
    return major.isdigit() and int(major) >= FORCE_SSL_SINCE


def max_connections(instance: Moto) -> int:
    """The parameter group's number, or what the class's memory gives."""
    asked = _parameter(instance, "max_connections")
    if asked and asked.isdigit():
        return int(asked)
    size = str(instance.db_instance_class).rpartition(".")[2]
    memory = CLASS_MEMORY_GIB.get(size, 8) * 2**30 * USABLE_MEMORY
    return min(int(memory / CONNECTIONS_PER_BYTES), 5000)


def _parameter(instance: Moto, name: str) -> str | None:
    for group in instance.db_parameter_groups():
        if name in group.parameters:
            return str(group.parameters[name].get("ParameterValue"))
    return None
