"""What ECS refuses, in its own codes; and what it gives back."""

from typing import Any

import pytest

from byoc_infra.local.wire import AwsError
from tests.local.compute.fakes import Lab, client


def refusal(lab: Lab, operation: str, /, **params: Any) -> tuple[str, str]:
    """Code and message of a refused call."""
    with pytest.raises(AwsError) as refused:
        lab.call(operation, **params)
    return refused.value.code, refused.value.message


def service(lab: Lab, **changes: Any) -> dict[str, Any]:
    """The parameters of a good CreateService, but for the changes."""
    good = {
        "cluster": "lg",
        "serviceName": "api",
        "taskDefinition": lab.define(),
        "desiredCount": 1,
        "launchType": "FARGATE",
        "networkConfiguration": lab.network,
    }
    return {**good, **changes}


def test_a_service_needs_its_cluster(lab: Lab) -> None:
    """ClusterNotFoundException."""
    code, _ = refusal(lab, "CreateService", **service(lab, cluster="other"))

    assert code == "ClusterNotFoundException"


def test_an_inactive_task_definition_is_refused(lab: Lab) -> None:
    """ClientException, at create and at update."""
    definition = lab.define()
    lab.create(lab.define())
    client("ecs").deregister_task_definition(taskDefinition=definition)

    wanted = ("ClientException", "TaskDefinition is inactive")
    asked = service(lab, taskDefinition=definition, serviceName="other")
    assert refusal(lab, "CreateService", **asked) == wanted
    update = {"cluster": "lg", "service": "api", "taskDefinition": definition}
    assert refusal(lab, "UpdateService", **update) == wanted


def test_a_target_group_without_listener_is_refused(lab: Lab) -> None:
    """The words that the real provider knows and retries on."""
    vpc = client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    group = client("elbv2").create_target_group(
        Name="tg", Protocol="HTTP", Port=8000, VpcId=vpc, TargetType="ip"
    )["TargetGroups"][0]["TargetGroupArn"]
    balancers = [{"targetGroupArn": group, "containerName": "api", "containerPort": 8000}]

    assert refusal(lab, "CreateService", **service(lab, loadBalancers=balancers)) == (
        "InvalidParameterException",
        f"The target group with targetGroupArn {group} does not have an associated load balancer.",
    )


def test_the_same_service_twice_is_refused(lab: Lab) -> None:
    """Creation is not idempotent."""
    asked = service(lab)
    lab.call("CreateService", **asked)

    assert refusal(lab, "CreateService", **asked) == (
        "InvalidParameterException",
        "Creation of service was not idempotent.",
    )


def test_the_same_client_token_gives_the_same_service(lab: Lab) -> None:
    """A retried request is no second request."""
    asked = service(lab, clientToken="once")
    first = lab.call("CreateService", **asked)["service"]["serviceArn"]

    assert lab.call("CreateService", **asked)["service"]["serviceArn"] == first


def test_without_the_service_linked_role_nothing_is_created(lab: Lab) -> None:
    """ECS cannot assume what is not there."""
    asked = service(lab)
    iam = client("iam")
    for role in iam.list_roles(PathPrefix="/aws-service-role/")["Roles"]:
        iam.delete_service_linked_role(RoleName=role["RoleName"])

    code, message = refusal(lab, "CreateService", **asked)
    assert code == "InvalidParameterException"
    assert message.startswith("Unable to assume the service linked role.")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"networkConfiguration": {}}, "Network Configuration must be provided"),
        (
            {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0"]}}},
            "The subnet ID 'subnet-0' does not exist",
        ),
        (
            {"deploymentConfiguration": {"maximumPercent": 100, "minimumHealthyPercent": 100}},
            "cannot be 100",
        ),
        ({"healthCheckGracePeriodSeconds": 5}, "Health check grace period is only valid"),
        ({"serviceName": "a b"}, "The service name can contain only"),
        ({"serviceRegistries": [{"registryArn": "arn:none"}]}, "does not exist"),
        ({"launchType": "EC2"}, "No Container Instances were found"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(
    lab: Lab, changes: dict[str, Any], words: str
) -> None:
    """InvalidParameterException, and nothing is made."""
    code, message = refusal(lab, "CreateService", **service(lab, **changes))

    assert code == "InvalidParameterException"
    assert words in message
    assert lab.call("ListServices", cluster="lg")["serviceArns"] == []


def test_a_service_above_zero_is_deleted_only_by_force(lab: Lab) -> None:
    """And a deleted one is no service any more."""
    lab.create(lab.define())

    assert refusal(lab, "DeleteService", cluster="lg", service="api") == (
        "InvalidParameterException",
        "The service cannot be stopped while it is scaled above 0.",
    )
    lab.call("UpdateService", cluster="lg", service="api", desiredCount=0)
    lab.call("DeleteService", cluster="lg", service="api")
    assert lab.service()["status"] == "INACTIVE"
    code, _ = refusal(lab, "DeleteService", cluster="lg", service="api")
    assert code == "ServiceNotFoundException"
    code, _ = refusal(lab, "UpdateService", cluster="lg", service="api", desiredCount=1)
    assert code == "ServiceNotActiveException"


def test_a_cluster_with_services_stays(lab: Lab) -> None:
    """ClusterContainsServicesException."""
    lab.create(lab.define())

    code, _ = refusal(lab, "DeleteCluster", cluster="lg")
    assert code == "ClusterContainsServicesException"


def test_every_setting_of_a_service_comes_back(lab: Lab) -> None:
    """So that a diff against it is empty."""
    asked = service(
        lab,
        deploymentConfiguration={
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
            "maximumPercent": 150,
            "minimumHealthyPercent": 50,
        },
        enableECSManagedTags=True,
        propagateTags="SERVICE",
        platformVersion="1.4.0",
        tags=[{"key": "a", "value": "b"}],
    )
    lab.call("CreateService", **asked)
    answer = lab.call("DescribeServices", cluster="lg", services=["api"], include=["TAGS"])

    shown = answer["services"][0]
    for field in ("enableECSManagedTags", "propagateTags", "platformVersion", "tags"):
        assert shown[field] == asked[field]
    assert shown["networkConfiguration"] == asked["networkConfiguration"]
    for key, value in asked["deploymentConfiguration"].items():
        assert shown["deploymentConfiguration"][key] == value


def test_a_changed_count_starts_no_deployment(lab: Lab) -> None:
    """Only what tasks are made of does."""
    lab.create(lab.define())
    lab.call("UpdateService", cluster="lg", service="api", desiredCount=3)

    assert len(lab.service()["deployments"]) == 1
    assert lab.service()["desiredCount"] == 3


def test_what_is_not_there_is_a_failure_and_no_error(lab: Lab) -> None:
    """MISSING."""
    services = lab.call("DescribeServices", cluster="lg", services=["none"])
    tasks = lab.call("DescribeTasks", cluster="lg", tasks=["0" * 32])

    assert [one["reason"] for one in services["failures"] + tasks["failures"]] == ["MISSING"] * 2
    code, _ = refusal(lab, "StopTask", cluster="lg", task="0" * 32)
    assert code == "InvalidParameterException"


def test_tags_of_services_and_of_motos_objects_are_kept(lab: Lab) -> None:
    """One operation for both."""
    arn = lab.create(lab.define())["service"]["serviceArn"]
    cluster = client("ecs").describe_clusters(clusters=["lg"])["clusters"][0]["clusterArn"]
    for one in (arn, cluster, lab.define("other")):
        lab.call("TagResource", resourceArn=one, tags=[{"key": "a", "value": "1"}])
        assert lab.call("ListTagsForResource", resourceArn=one)["tags"] == [
            {"key": "a", "value": "1"}
        ]
        lab.call("UntagResource", resourceArn=one, tagKeys=["a"])
        assert lab.call("ListTagsForResource", resourceArn=one)["tags"] == []
