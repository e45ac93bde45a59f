"""A `pulumi-resource-aws` for the local cloud: Pulumi's provider protocol turned into boto3 calls.

Against real AWS nothing of this is loaded; the engine then runs the vendor's own plugin.
"""

import os
import socket
import sys
from importlib.metadata import version
from pathlib import Path
from subprocess import Popen

from byoc_infra.local.world import PART_VARIABLE

__all__ = ["install", "nursery_of", "nursery_socket", "plugin_version"]

_SCRIPT = """#!/bin/sh
export PYTHONPATH="{root}${{PYTHONPATH:+:$PYTHONPATH}}"
exec "{python}" -S "{launcher}" byoc_infra.local.provider "{nursery}" "$@"
"""


def plugin_version() -> str:
    """The version that programs with the installed pulumi_aws ask the engine for."""
    return version("pulumi_aws")


def nursery_socket(directory: Path) -> Path:
    """Where the local cloud of this directory gives out providers."""
    return directory / "provider.sock"


def nursery_of(directory: Path) -> Popen[bytes]:
    """Start it, as a child of the caller; once it has died, providers are made without it."""
    place = nursery_socket(directory)
    place.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.bind(str(place))
        door.listen(64)
        return Popen(
            [sys.executable, "-m", "byoc_infra.local.provider.nursery"],
            # its providers belong to engines: a new emulator must not end them as parts of the old
            env={name: value for name, value in os.environ.items() if name != PART_VARIABLE},
            stdin=door.fileno(),
            start_new_session=True,
        )


def install(pulumi_home: Path) -> Path:
    """Put the plugin where an engine with this PULUMI_HOME finds it; returns the executable."""
    place = pulumi_home / "plugins" / f"resource-aws-v{plugin_version()}"
    place.mkdir(parents=True, exist_ok=True)
    script = place / "pulumi-resource-aws"
    root = Path(__file__).resolve().parents[3]
    beside = script.with_suffix(".new")
    text = _SCRIPT.format(
        root=root,
        python=sys.executable,
        launcher=Path(__file__).with_name("launch.py"),
        nursery=nursery_socket(pulumi_home.parent),
    )
    beside.write_text(text)
    beside.chmod(0o755)
    beside.replace(script)
    return script
