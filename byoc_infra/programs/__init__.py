"""The two Pulumi programs that the components are composed into.

A program is a frozen object that holds its spec and is called without arguments: an inline
program that can be pickled. Look-ups belong here; components never call AWS.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from byoc_infra.programs.account import AccountProgram
    from byoc_infra.programs.deployment import DeploymentProgram

__all__ = ["AccountProgram", "DeploymentProgram"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the module holds
    """Load a program when it is first used: Pulumi takes seconds to load."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{name.removesuffix('Program').lower()}")
    return getattr(module, name)
