"""A customer connects an account: set-up, proofs, a bad trust, a new external id, a secret."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from byoc_infra.aws.session import Session, open_session
from byoc_infra.components._policies import access_trust
from byoc_infra.control_plane.context import Services
from byoc_infra.control_plane.settings import Settings
from byoc_infra.control_plane.store import Store
from byoc_infra.errors import AccessRefused
from byoc_infra.naming import AccountNames
from byoc_infra.spec import AccountSpec
from tests.e2e.stage import Stage
from tests.support.application import RememberingQueue
from tests.support.customer import Customer
from tests.support.whole_api import Api, Tenant

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

ACCOUNTS = "/byoc/v1/accounts"
NAMES = AccountNames("linked")
KEY = "platform-secrets/LANGSMITH_API_KEY"
VALUE = "lsv2-planted-4711"


class Story:
    """The control plane's API over the local cloud, and the customer's administrator."""

    def __init__(self, stage: Stage, store: Store, customer: Session) -> None:
        self.stage = stage
        self.customer = customer
        env = stage.cloud.env("vendor")
        made_of = Services(
            settings=Settings(secret_key=SecretStr("k" * 32)),
            store=store,
            queue=RememberingQueue(),
            env=env,
        )
        self.api = Api(store, Customer(), made_of=made_of)
        self.acme = self.api.tenant("acme")

    def connect(self, tenant: Tenant) -> dict[str, Any]:
        """A connection that was asked for."""
        answer = self.api.send(
            tenant,
            "POST",
            ACCOUNTS,
            {
                "name": "linked",
                "aws_account_id": self.stage.cloud.customer.id,
                "region": self.stage.cloud.region,
                "installation": NAMES.installation,
                "redis_image": self.stage.cloud.redis_image,
            },
        )
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def ask(self, account: dict[str, Any], verb: str, method: str = "POST") -> tuple[int, Any]:
        """Something of the connection."""
        answer = self.api.send(self.acme, method, f"{ACCOUNTS}/{account['id']}/{verb}")
        return answer.status_code, answer.json()

    def ids(self, account: dict[str, Any]) -> list[str]:
        """What the trust is to name now."""
        listed: list[str] = self.ask(account, "setup", "GET")[1]["external_ids"]
        return listed

    def trust(self, *external_ids: str, condition: dict[str, Any] | None = None) -> None:
        """The customer writes the role's trust: as the set-up stack does, or with a slip."""
        policy: dict[str, Any] = dict(
            access_trust(self.stage.cloud.vendor.principal_arn, external_ids)
        )
        if condition is not None:
            statement = {**policy["Statement"][0], "Condition": condition}
            if not condition:
                del statement["Condition"]
            policy["Statement"] = [statement, policy["Statement"][1]]
        self.customer.ask(
            "iam",
            "update_assume_role_policy",
            RoleName=NAMES.access_role,
            PolicyDocument=json.dumps(policy),
        )


@pytest.fixture
def story(account: Stage, store: Store) -> Iterator[Story]:
    """Nothing is connected yet; another installation of the account is set up."""
    cloud = account.cloud
    with closing(open_session(None, region=cloud.region, env=cloud.env("customer"))) as customer:
        yield Story(account, store, customer)


def test_a_customer_connects_an_account(story: Story) -> None:
    """From the first request to a deleted connection, under least privilege."""
    made = story.connect(story.acme)
    too_early = story.ask(made, "activate")
    spec = AccountSpec.model_validate(
        {**yaml.safe_load(made["setup"]["account_yaml"]), "create_service_linked_roles": ()}
    )
    outputs = story.stage.set_up(spec)
    status, active = story.ask(made, "activate")

    assert (too_early[0], too_early[1]["code"]) == (400, "ACCESS_REFUSED")
    assert spec.vendor_principal_arn == story.stage.cloud.vendor.principal_arn
    assert (status, active["status"]) == (200, "active"), active
    assert active["network"]["vpc_id"] == outputs["vpc_id"]
    assert len(active["network"]["zones"]) == 2

    _bad_trusts_are_refused(story, made)
    _another_tenant_does_not_get_it(story, made)
    _the_external_id_is_replaced(story, made)
    _a_secret_goes_in_and_comes_not_out(story, made)


def _bad_trusts_are_refused(story: Story, made: dict[str, Any]) -> None:
    (external_id,) = story.ids(made)
    slips: dict[str, dict[str, Any]] = {
        "no condition": {},
        "any id": {"StringLike": {"sts:ExternalId": "*"}},
        "if it is given": {"StringEqualsIfExists": {"sts:ExternalId": external_id}},
        "another id": {"StringEquals": {"sts:ExternalId": "somebody-elses-id"}},
    }
    answers = {}
    statuses = {}
    for name, condition in slips.items():
        story.trust(external_id)
        story.ask(made, "activate")
        story.trust(external_id, condition=condition)
        answers[name] = story.ask(made, "activate")[1]["code"]
        now = story.api.send(story.acme, "GET", f"{ACCOUNTS}/{made['id']}").json()
        statuses[name] = now["status"]
        assert external_id not in now["status_message"]
    story.trust(external_id)
    status, back = story.ask(made, "activate")

    assert answers == {
        "no condition": "TRUST_TOO_OPEN",
        "any id": "TRUST_TOO_OPEN",
        "if it is given": "TRUST_TOO_OPEN",
        "another id": "ACCESS_REFUSED",
    }
    assert statuses == {
        "no condition": "requested",
        "any id": "requested",
        "if it is given": "requested",
        "another id": "disconnected",
    }
    assert (status, back["status"]) == (200, "active")


def _another_tenant_does_not_get_it(story: Story, made: dict[str, Any]) -> None:
    rival = story.api.tenant("rival")
    theirs = story.connect(rival)
    story.trust(*story.ids(made), *theirs["setup"]["external_ids"])
    answer = story.api.send(rival, "POST", f"{ACCOUNTS}/{theirs['id']}/activate")

    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")


def _the_external_id_is_replaced(story: Story, made: dict[str, Any]) -> None:
    (old,) = story.ids(made)
    story.trust(old)
    story.ask(made, "rotation")
    both = story.ids(made)
    too_early = story.ask(made, "rotation/advance")
    story.trust(*both)
    switched = story.ask(made, "rotation/advance")
    (new,) = story.ids(made)
    still_both = story.ask(made, "rotation/advance")
    story.trust(new)
    finished = story.ask(made, "rotation/advance")

    assert both == [old, new]
    assert too_early[1]["code"] == "ACCESS_REFUSED"
    assert switched[1]["rotation"] == "retiring"
    assert still_both[1]["code"] == "CONFLICT"
    assert finished[1]["rotation"] == "none"


def _a_secret_goes_in_and_comes_not_out(story: Story, made: dict[str, Any]) -> None:
    given = story.api.send(story.acme, "PUT", f"{ACCOUNTS}/{made['id']}/{KEY}", {"value": VALUE})
    assert given.status_code == 200, given.text
    arn = given.json()["arn"]
    seen = story.customer.ask("secretsmanager", "describe_secret", SecretId=arn)
    tags = {one["Key"]: one["Value"] for one in seen["Tags"]}
    guarded = story.customer.ask("secretsmanager", "get_resource_policy", SecretId=arn)
    (external_id,) = story.ids(made)
    access = story.stage.access(installation=NAMES.installation, external_id=external_id)
    cloud = story.stage.cloud
    with (
        closing(open_session(access, region=cloud.region, env=cloud.env("vendor"))) as vendor,
        pytest.raises(AccessRefused),
    ):
        vendor.ask("secretsmanager", "get_secret_value", SecretId=arn)
    deleted = story.api.send(story.acme, "DELETE", f"{ACCOUNTS}/{made['id']}")
    absent = frozenset({"ResourceNotFoundException"})
    left = story.customer.ask("secretsmanager", "describe_secret", absent=absent, SecretId=arn)

    assert VALUE not in given.text
    assert tags == {"byoc:installation": "linked", "langgraph-cloud": "linked"}
    assert NAMES.execution_role in guarded["ResourcePolicy"]
    assert deleted.json() == {
        "id": made["id"],
        "removed": ["LANGSMITH_API_KEY"],
        "kept": [],
    }
    assert left == {}
