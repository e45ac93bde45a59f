"""ECS services."""

from byoc_infra.aws.services import deregister_family, describe_service, force_new_deployment
from byoc_infra.aws.session import Session
from tests.aws.fakes import CLUSTER, FakeSession, service


def register(session: Session, family: str) -> str:
    """A task definition."""
    made = session.client("ecs").register_task_definition(
        family=family, containerDefinitions=[{"name": "api", "image": "x", "memory": 64}]
    )
    return str(made["taskDefinition"]["taskDefinitionArn"])


def test_every_revision_of_a_family_is_deregistered(session: Session) -> None:
    """And none of a family whose name only begins alike."""
    mine = [register(session, "lg-x-api") for _ in range(3)]
    other = register(session, "lg-x-api-two")

    assert deregister_family(session, "lg-x-api") == mine

    left = session.client("ecs").list_task_definitions(status="ACTIVE")["taskDefinitionArns"]
    assert left == [other]


def test_an_inactive_service_is_not_there() -> None:
    """ECS keeps describing it for a while."""
    gone = FakeSession(describe_services={"services": [service(status="INACTIVE")]})

    assert describe_service(gone, CLUSTER, "lg-x-api") is None


def test_a_cluster_that_is_not_there_has_no_service(session: Session) -> None:
    """Absence is no error."""
    assert describe_service(session, "none", "lg-x-api") is None


def test_starting_anew_changes_nothing_else() -> None:
    """The same task definition, new tasks."""
    session = FakeSession(update_service={})

    force_new_deployment(session, CLUSTER, "lg-x-api")

    asked = {"cluster": CLUSTER, "service": "lg-x-api", "forceNewDeployment": True}
    assert session.asked == [("update_service", asked)]
