"""The life of a deployment under the `managed` policies, in an installation of its own."""

import pytest

from byoc_infra.cli.demo.caller import Caller
from byoc_infra.errors import SpecError
from byoc_infra.flows import account as accounts
from byoc_infra.flows import deployment
from tests.e2e.stage import Stage

pytestmark = pytest.mark.e2e


MANAGED = {"installation": "managed", "permissions": "managed"}


def test_a_life_passes_with_the_managed_policies(account: Stage) -> None:
    """Create, revise, destroy; beside another installation, which made the shared roles."""
    stage = account
    spec = stage.account(**MANAGED)
    with pytest.raises(SpecError, match="create_service_linked_roles") as refused:
        stage.set_up(spec)
    spec = stage.account(**{**MANAGED, "create_service_linked_roles": ()})
    stage.set_up(spec)
    access = stage.access(installation="managed")
    first = stage.deployment("life", stage.push("v1"), installation="managed")
    caller = Caller(
        str(deployment.up(first, access, stage.work("vendor")).outputs["url"]),
    )
    caller.say("first")
    second = first.model_copy(update={"image": stage.push("v2")})
    with caller:
        deployment.up(second, access, stage.work("vendor"))
    caller.say("last")
    receipt = deployment.destroy(second, access, stage.work("vendor"))
    removed = accounts.destroy(spec, stage.work("customer"))

    assert "create_service_linked_roles: []" in refused.value.next_step
    assert (caller.versions[0], caller.versions[-1]) == ("v1", "v2")
    assert caller.failures == []
    assert {item.op for item in (*receipt.destroyed, *removed.destroyed)} == {"delete"}
