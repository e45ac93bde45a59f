"""The life of a deployment under the `managed` policies, in an installation of its own."""

import pytest

from byoc_infra.cli.demo.caller import Caller
from byoc_infra.cli.flows import account as accounts
from byoc_infra.cli.flows import deployment
from tests.e2e.stage import Stage

pytestmark = pytest.mark.e2e


def test_a_life_passes_with_the_managed_policies(stage: Stage) -> None:
    """Create, revise, destroy; beside another installation in the same account."""
    spec = stage.account(installation="managed", permissions="managed")
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

    assert (caller.versions[0], caller.versions[-1]) == ("v1", "v2")
    assert caller.failures == []
    assert {item.op for item in (*receipt.destroyed, *removed.destroyed)} == {"delete"}
