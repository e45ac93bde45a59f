"""Three set-ups of one account beside each other: two regions, and another installation.

The tests tell one story in order. The second region's owner sends traces to a LangSmith of the
story's own, so that what belongs to one set-up can be seen not to reach the others.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from byoc_infra.aws.session import open_session
from byoc_infra.cli.demo.caller import Caller
from byoc_infra.errors import AccessRefused, DuplicateName, SecretWithoutValue, SpecError
from byoc_infra.flows import account as accounts
from byoc_infra.flows import deployment, secrets
from byoc_infra.flows.results import Up
from byoc_infra.naming import AccountNames
from byoc_infra.spec import AccessSpec, AccountSpec, DeploymentSpec
from tests.e2e.stage import APP, REPOSITORY, UNGUARDED, Stage
from tests.support.smith import Smith, listening

pytestmark = pytest.mark.e2e

EAST = "us-east-1"
KEY = "LANGSMITH_API_KEY"
READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::handbook/*"}


class Story:
    """What the tests of this file hand on to each other."""

    def __init__(self, stage: Stage, smith: Smith) -> None:
        self.stage = stage
        self.smith = smith
        image = stage.push("v1")
        self.east_image = stage.cloud.push(APP, REPOSITORY, "v1", region=EAST)
        self.home = stage.deployment("home", image, **UNGUARDED)
        self.blue = stage.deployment("home", image, installation="blue")
        """Never made: its vendor only asks for what is the others'."""
        self.east = stage.deployment(
            "home", self.east_image, region=EAST, task_role="reader", **UNGUARDED
        )
        self.callers: dict[str, Caller] = {}

    def east_account(self, **changes: object) -> AccountSpec:
        """The account file of the second region."""
        values: dict[str, object] = {
            "region": EAST,
            "redis_image": self.stage.cloud.redis_image.replace(self.stage.cloud.region, EAST),
            "first_region": self.stage.cloud.region,
            "create_service_linked_roles": (),
            "task_roles": {"reader": {"policy": {"Version": "2012-10-17", "Statement": [READ]}}},
            "platform_secrets": (KEY,),
            "tracing": {"endpoint": self.smith.url},
        }
        return self.stage.account(**{**values, **changes})

    def access(self, spec: DeploymentSpec) -> AccessSpec:
        """The way in: the second region's role has the region in its name."""
        access = self.stage.access(installation=spec.installation)
        if spec.region != EAST:
            return access
        return access.model_copy(update={"role_arn": f"{access.role_arn}-{EAST}"})

    def up(self, spec: DeploymentSpec) -> Up:
        """Bring one up."""
        return deployment.up(spec, self.access(spec), self.stage.work("vendor"))

    def put(self, value: str) -> None:
        """The second region's owner gives the key."""
        secrets.put_platform(self.east_account(), KEY, value, self.stage.work("customer").env)


@pytest.fixture(scope="module")
def story(account: Stage) -> Iterator[Story]:
    """Two deployments of one name, as far as the story has come."""
    with listening() as smith:
        yield Story(account, smith)


def test_a_second_region_without_the_first_ones_name_is_refused(story: Story) -> None:
    """IAM has the roles already; nothing is made, and the setting is named."""
    with pytest.raises(DuplicateName) as refused:
        accounts.up(story.east_account(first_region=None), story.stage.work("customer"))

    assert "first_region" in refused.value.next_step


def test_accounts_are_set_up_beside_each_other(story: Story) -> None:
    """Another region, and another installation in the first; both at once."""
    blue = story.stage.account(installation="blue", create_service_linked_roles=())
    with ThreadPoolExecutor() as both:
        east, other = both.map(story.stage.set_up, (story.east_account(), blue))

    assert str(east["role_arn"]).endswith(f"BYOCRole-{EAST}")
    assert str(other["role_arn"]).endswith("BYOCRole-blue")


def test_without_the_owners_key_nothing_is_made(story: Story) -> None:
    """The command to run is the owner's; another region's image is refused before that."""
    elsewhere = story.east.model_copy(update={"image": story.home.image})
    with pytest.raises(SpecError, match="want an image in region us-east-1"):
        story.up(elsewhere)
    with pytest.raises(SecretWithoutValue) as refused:
        story.up(story.east)

    assert f"byoc account secrets put {KEY}" in refused.value.next_step


def test_deployments_of_one_name_run_beside_each_other(story: Story) -> None:
    """Each is called, and remembers its own."""
    story.put("key-of-the-east")
    with ThreadPoolExecutor() as both:
        ups = list(both.map(story.up, (story.home, story.east)))
    for name, up in zip(("home", "east"), ups, strict=True):
        story.callers[name] = Caller(str(up.outputs["url"]))
        story.callers[name].say(f"to {name}")
    answers = {name: caller.say("and?").values for name, caller in story.callers.items()}

    assert ups[0].outputs["url"] != ups[1].outputs["url"]
    for name, values in answers.items():
        assert values["heard"] == [f"to {name}", "and?"]


def test_traces_go_where_the_owner_said_and_from_nowhere_else(story: Story) -> None:
    """The second region's, with its key; the first's was called as well, and sent none."""
    _until(lambda: {"chat", "listen", "reply"} <= story.smith.names)

    assert story.smith.projects == {"home"}
    assert set(story.smith.keys) == {"key-of-the-east"}


def test_a_new_key_reaches_the_tasks_with_the_next_up(story: Story) -> None:
    """No resource changes; tasks start anew, and traces come with it."""
    story.put("another-key")
    up = story.up(story.east)
    story.callers["east"].say("again")
    _until(lambda: "another-key" in story.smith.keys)

    assert up.changes == ()
    assert up.restarted


def test_the_application_has_the_role_that_its_owner_gave(story: Story) -> None:
    """Under the path and the boundary, and with the region in its name."""
    with story.stage.work("customer").reach(story.east_account(), None) as reached:
        ask = reached.session.ask
        role = ask("iam", "get_role", RoleName=f"LangGraphCloudTaskRole-reader-{EAST}")["Role"]
        task = ask(
            "ecs",
            "describe_task_definition",
            taskDefinition=deployment.names_of(story.east).service("api"),
        )["taskDefinition"]

    assert task["taskRoleArn"] == role["Arn"]
    assert role["Path"] == "/langgraph-cloud/"
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith(
        f"policy/LangGraphCloudTaskBoundary-{EAST}"
    )


def test_no_set_up_reaches_into_another(story: Story) -> None:
    """Each vendor's role is asked for a change of a neighbour's; the platform's secrets as well."""
    made = (story.home, story.east)
    for own in (*made, story.blue):
        for other in (one for one in made if one is not own):
            with pytest.raises(AccessRefused):
                _stop(story, own, other)
    with story.stage.work("vendor").reach(story.east, story.access(story.east)) as reached:
        ask = reached.session.ask
        name = f"langgraph-cloud/default/platform/{KEY}"
        seen = ask("secretsmanager", "describe_secret", SecretId=name)
        for operation in ("get_secret_value", "delete_secret"):
            with pytest.raises(AccessRefused):
                ask("secretsmanager", operation, SecretId=name)
        with pytest.raises(AccessRefused):
            ask("secretsmanager", "put_secret_value", SecretId=name, SecretString="x")

    assert seen["Name"] == name


def test_a_regions_set_up_goes_without_the_others(story: Story) -> None:
    """Its roles with it; the first region's stay, and its deployment answers."""
    stage = story.stage
    deployment.destroy(story.east, story.access(story.east), stage.work("vendor"))
    removed = accounts.destroy(story.east_account(), stage.work("customer"))
    answered = story.callers["home"].say("still?")
    stage.remove(story.home)
    with stage.work("customer").reach(stage.account(), None) as reached:
        roles = {
            role["RoleName"]
            for role in reached.session.each("iam", "list_roles", "Roles")
            if role["RoleName"].startswith("LangGraphCloud")
        }

    assert answered.values["heard"][-1] == "still?"
    assert {item.op for item in removed.destroyed} == {"delete"}
    assert "LangGraphCloudBYOCRole" in roles
    assert not [role for role in roles if role.endswith(EAST)]


def _stop(story: Story, own: DeploymentSpec, other: DeploymentSpec) -> None:
    """With the way into `own`, ask that `other` runs no task."""
    env = story.stage.work("vendor").env
    with closing(open_session(story.access(own), region=other.region, env=env)) as session:
        session.ask(
            "ecs",
            "update_service",
            cluster=AccountNames(other.installation).cluster,
            service=deployment.names_of(other).service("api"),
            desiredCount=0,
        )


def _until(true: Callable[[], bool], deadline_s: float = 20) -> None:
    """Wait for what comes on its own."""
    end = time.monotonic() + deadline_s
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.1)
