"""The API does what its OpenAPI document says, whatever it is asked."""

import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.tables import (
    AccountRow,
    OperationRow,
    RevisionRow,
)
from byoc_infra.flows.work import new_operation
from byoc_infra.spec import DeploymentSpec
from tests.support.rows import deployment_row
from tests.support.server import Server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]
ACCOUNT = "222222222222"
IMAGE = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/agents@sha256:{'0' * 64}"
CONFIG = Path(__file__).with_name("schemathesis.toml")
FULL = bool(os.environ.get("FUZZ"))
"""`make fuzz`: every phase, and ids that are nobody's too."""
PHASES = "examples,coverage,fuzzing,stateful" if FULL else "examples,fuzzing,stateful"
NOWHERE = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
    "AWS_MAX_ATTEMPTS": "1",
}
"""Nobody answers there: what the API does about a cloud that is away is part of the question."""


@pytest.fixture
def api(server: Server) -> Iterator[tuple[Server, str, dict[str, str]]]:
    """A server without a worker's help, a tenant's key, and ids of what the tenant has."""
    server.env |= NOWHERE
    process = server.start()
    tenant_id, key = server.tenant("fuzz")
    yield server, key, _owned(server, uuid.UUID(tenant_id))
    process.terminate()
    process.wait(60)


@pytest.mark.parametrize("whose", ["its own", "anybody's"] if FULL else ["its own"])
def test_every_answer_is_documented(
    api: tuple[Server, str, dict[str, str]], whose: str, tmp_path: Path
) -> None:
    """No 5xx but the documented ones, no undocumented status, header or body; stateful too."""
    server, key, owned = api
    config = tmp_path / "schemathesis.toml"
    named = [f"{name} = {json.dumps(value)}" for name, value in owned.items()]
    config.write_text(
        "\n".join(["[parameters]", *(named if whose == "its own" else []), CONFIG.read_text()])
    )

    said = _schemathesis(server, key, config)

    assert said.returncode == 0, said.stdout[-6000:]
    tested = re.search(r"Tested: (\d+)", said.stdout)
    assert tested is not None
    assert int(tested[1]) > 30


def _schemathesis(server: Server, key: str, config: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"),
            *(f"{server.url}/openapi.json", "--checks", "all", "--no-color", "--seed", "5"),
            *("--phases", PHASES, "--max-examples", "10" if FULL else "3"),
            *("-H", f"X-Api-Key: {key}", "--request-timeout", "30"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=1500 if FULL else 380,
        cwd=config.parent,  # it keeps a cache where it runs
    )


def _owned(server: Server, tenant_id: uuid.UUID) -> dict[str, str]:
    """One of everything, as if it had been made."""
    store = Store(server.dsn)
    ids = {"tenant_id": tenant_id}
    with store.begin() as tx:
        account = tx.accounts.add(
            AccountRow(
                **ids,
                name="customer",
                aws_account_id=ACCOUNT,
                region="eu-west-1",
                installation="default",
                role_arn=f"arn:aws:iam::{ACCOUNT}:role/LangGraphCloudBYOCRole",
                external_id=str(uuid.uuid4()),
                status="active",
            )
        )
        deployment = tx.deployments.add(
            deployment_row(tenant_id, account.id, "there", status="READY")
        )
        spec = DeploymentSpec(name="there", aws_account_id=ACCOUNT, region="eu-west-1", image=IMAGE)
        revision = tx.revisions.add(
            RevisionRow(
                **ids,
                deployment_id=deployment.id,
                number=1,
                source="external_docker",
                source_revision_config={"image_uri": IMAGE},
                status="DEPLOYED",
                spec=spec.model_dump(mode="json"),
            )
        )
        deployment.latest_revision_id = deployment.active_revision_id = revision.id
        operation = tx.operations.add(
            OperationRow(
                id=new_operation(),
                **ids,
                account_id=account.id,
                deployment_id=deployment.id,
                revision_id=revision.id,
                kind="deploy",
                status="SUCCEEDED",
                source_identity="fuzz",
                request_id="req-fuzz",
                finished_at=deployment.created_at,
            )
        )
    store.close()
    return {
        "account_id": str(account.id),
        "listener_id": str(account.id),
        "deployment_id": str(deployment.id),
        "revision_id": str(revision.id),
        "operation_id": operation.id,
    }
