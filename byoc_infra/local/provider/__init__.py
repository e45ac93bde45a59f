"""A `pulumi-resource-aws` for the local cloud: Pulumi's provider protocol turned into boto3 calls.

Against real AWS nothing of this is loaded; the engine then runs the vendor's own plugin.
"""

import sys
from importlib.metadata import version
from pathlib import Path

__all__ = ["install", "plugin_version"]

_SCRIPT = """#!/bin/sh
PYTHONPATH="{root}${{PYTHONPATH:+:$PYTHONPATH}}" exec "{python}" -m byoc_infra.local.provider "$@"
"""


def plugin_version() -> str:
    """The version that programs with the installed pulumi_aws ask the engine for."""
    return version("pulumi_aws")


def install(pulumi_home: Path) -> Path:
    """Put the plugin where an engine with this PULUMI_HOME finds it; returns the executable."""
    place = pulumi_home / "plugins" / f"resource-aws-v{plugin_version()}"
    place.mkdir(parents=True, exist_ok=True)
    script = place / "pulumi-resource-aws"
    root = Path(__file__).resolve().parents[3]
    beside = script.with_suffix(".new")
    beside.write_text(_SCRIPT.format(root=root, python=sys.executable))
    beside.chmod(0o755)
    beside.replace(script)
    return script
