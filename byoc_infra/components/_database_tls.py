"""How a task comes to trust a database's CA: certificates, volume, init container; pure.

`verify-full` needs a file with certificates, and an image has none of ours. A container of the
same image writes it to a volume of the task, before the server starts.
"""

import json
import re
import ssl
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import pulumi

from byoc_infra.errors import SpecError
from byoc_infra.spec import TlsMode

__all__ = [
    "CA_PATH",
    "VOLUME",
    "ca_container",
    "check_tls",
    "rds_ca_bundle",
    "trusting",
]

VOLUME = "database-ca"
FOLDER = "/run/database-ca"
CA_PATH = f"{FOLDER}/ca.pem"
CA_VARIABLE = "DATABASE_CA_PEM"
WRITE = (
    "import os, pathlib; "
    f"pathlib.Path('{CA_PATH}').write_text(os.environ['{CA_VARIABLE}'], encoding='ascii')"
)
MOST_BYTES = 32 * 1024
"""Half of a task definition (ECS service quotas: 64 KiB as a whole), the rest is the server's."""
BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)

Leaf = pulumi.Input[str]


def check_tls(tls: TlsMode, ca_pem: str | None, *, prefix: str = "") -> None:
    """Certificates belong to `verify-full` and are certificates only.

    `prefix` stands before the fields' names where they are told.
    """
    field = f"{prefix}ca_pem"
    if tls == "require" and ca_pem is not None:
        raise SpecError(
            field,
            wanted="nothing, because require verifies no certificate",
            got="certificates",
            next_step=f"Set {prefix}tls: verify-full, or remove them.",
        )
    if tls == "verify-full" and ca_pem is None:
        raise SpecError(
            field,
            wanted="the certificates that verify-full shall trust",
            got="nothing",
            next_step="Give the CA's certificates in PEM.",
        )
    if ca_pem is not None:
        _check_certificates(field, ca_pem)


def _check_certificates(field: str, ca_pem: str) -> None:
    blocks = BLOCK.findall(ca_pem)
    if not blocks or set(blocks) != {"CERTIFICATE"} or "PRIVATE KEY" in ca_pem:
        raise _no_certificates(field, "something else, or nothing")
    size = len(json.dumps(ca_pem).encode())
    if size > MOST_BYTES:
        raise SpecError(
            field,
            wanted=f"at most {MOST_BYTES} bytes",
            got=f"{size}",
            next_step="Keep the CA that signs your server and leave the others out.",
        )
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=ca_pem)
    except (ssl.SSLError, ValueError) as error:
        raise _no_certificates(field, "blocks that cannot be read as certificates") from error


def _no_certificates(field: str, got: str) -> SpecError:
    return SpecError(
        field,
        wanted="public certificates in PEM (-----BEGIN CERTIFICATE-----) and nothing else",
        got=got,
        next_step="Never give a private key: what stands here is in the task definition.",
    )


def rds_ca_bundle(region: str) -> str:
    """The certificates of the CAs that sign RDS servers in a region."""
    bundles = _bundles()
    if region not in bundles:
        raise SpecError(
            "region",
            wanted="certificates to trust, because none of RDS in this region are shipped",
            got=region,
            next_step="Give the region's bundle (RDS user guide, "
            '"Using SSL/TLS to encrypt a connection").',
        )
    return "\n".join(bundles[region]) + "\n"


@cache
def _bundles() -> dict[str, list[str]]:
    text = files("byoc_infra.components").joinpath("rds_certificates.json").read_text("utf-8")
    found: dict[str, list[str]] = json.loads(text)["certificates"]
    return found


def ca_container(*, image: Leaf, ca_pem: str, log: Mapping[str, Any]) -> dict[str, Any]:
    """Writes the certificates and ends; uses nothing but the Python that every server has."""
    return {
        "name": "database-ca",
        "image": image,
        "essential": False,
        "entryPoint": ["python"],
        "command": ["-c", WRITE],
        "environment": [{"name": CA_VARIABLE, "value": ca_pem}],
        "mountPoints": [{"sourceVolume": VOLUME, "containerPath": FOLDER}],
        "readonlyRootFilesystem": True,
        "user": "0",  # a fresh volume belongs to root, whatever user the image has
        "logConfiguration": log,
    }


def trusting(container: Mapping[str, Any]) -> dict[str, Any]:
    """A server's container that starts once the certificates are there, and only reads them."""
    mount = {"sourceVolume": VOLUME, "containerPath": FOLDER, "readOnly": True}
    return {
        **container,
        "dependsOn": [
            *container.get("dependsOn", ()),
            {"containerName": "database-ca", "condition": "SUCCESS"},
        ],
        "mountPoints": [*container.get("mountPoints", ()), mount],
    }
