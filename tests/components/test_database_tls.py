"""How a task comes to trust a database's CA."""

import json
import re
import ssl
from typing import Any

import pytest

from byoc_infra.components._containers import task_parts
from byoc_infra.components._database_tls import CA_PATH, ca_container, check_tls, rds_ca_bundle
from byoc_infra.errors import SpecError
from byoc_infra.spec import TlsMode
from tests.support.certificates import ca_pem, key_pem

SERVER: dict[str, Any] = {
    "name": "api",
    "mountPoints": [{"sourceVolume": "tmp", "containerPath": "/tmp"}],  # noqa: S108
}
CUT = ca_pem()[:100] + "\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("tls", "given", "message"),
    [
        ("require", ca_pem(), "ca_pem: want nothing, because require verifies no"),
        ("verify-full", None, "ca_pem: want the certificates that verify-full shall trust"),
        ("verify-full", "", "ca_pem: want public certificates in PEM"),
        ("verify-full", "hunter2", "ca_pem: want public certificates in PEM"),
        ("verify-full", key_pem(), "ca_pem: want public certificates in PEM"),
        ("verify-full", ca_pem() + key_pem(), "ca_pem: want public certificates in PEM"),
        ("verify-full", key_pem()[:60] + ca_pem(), "ca_pem: want public certificates in PEM"),
        ("verify-full", CUT, "ca_pem: want public certificates in PEM"),
        ("verify-full", ca_pem() * 80, "ca_pem: want at most 32768 bytes"),
    ],
)
def test_what_verifies_nothing_is_refused(tls: TlsMode, given: str | None, message: str) -> None:
    """And nothing of what was given is repeated: it may be a private key."""
    with pytest.raises(SpecError) as refused:
        check_tls(tls, given)

    assert str(refused.value).startswith(message)
    assert "hunter2" not in str(refused.value)
    assert key_pem().splitlines()[1] not in str(refused.value)


def test_every_region_has_three_roots_that_are_small_enough() -> None:
    """RSA 2048, RSA 4096 and ECC 384, as RDS signs with them (RDS user guide)."""
    for region in ("eu-west-1", "us-east-1", "ap-southeast-4"):
        bundle = rds_ca_bundle(region)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=bundle)
        check_tls("verify-full", bundle)

        names = re.findall(r"Amazon RDS [^']+", str(context.get_ca_certs()))
        assert set(names) == {
            f"Amazon RDS {region} Root CA {kind} G1" for kind in ("RSA2048", "RSA4096", "ECC384")
        }


def test_a_region_without_certificates_is_told() -> None:
    """Then they have to be given."""
    with pytest.raises(SpecError, match=r"region: want certificates to trust, .* got xx-nowhere-1"):
        rds_ca_bundle("xx-nowhere-1")


def test_a_server_starts_after_its_certificates() -> None:
    """Its container waits, mounts their volume for reading, and keeps what it mounts already."""
    containers, volumes = task_parts(SERVER, image="i", log={"logDriver": "x"}, ca_pem="PEM")
    server, init = containers

    assert volumes == ["tmp", "database-ca"]
    assert server["dependsOn"] == [{"containerName": init["name"], "condition": "SUCCESS"}]
    assert server["mountPoints"][1] == {
        "sourceVolume": "database-ca",
        "containerPath": CA_PATH.rpartition("/")[0],
        "readOnly": True,
    }
    assert (init["essential"], init["image"]) == (False, "i")
    assert init["environment"] == [{"name": "DATABASE_CA_PEM", "value": "PEM"}]
    assert "dependsOn" not in SERVER


def test_without_certificates_a_task_has_one_container() -> None:
    """As it was before there were any."""
    assert task_parts(SERVER, image="i", log={}, ca_pem=None) == ([SERVER], ["tmp"])


def test_a_regions_certificates_leave_room_in_a_task_definition() -> None:
    """ECS keeps 64 KiB."""
    container = ca_container(image="i", ca_pem=rds_ca_bundle("ap-northeast-1"), log={})

    assert len(json.dumps(container)) < 8 * 1024
