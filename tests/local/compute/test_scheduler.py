"""Services keep their tasks, roll over to new ones, and go back from bad ones."""

import pickle

import pytest

from tests.local.compute.fakes import REGION, Lab, client

BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
CHECK = {"command": ["CMD", "true"], "interval": 10, "timeout": 5, "retries": 3}


def settle(lab: Lab) -> None:
    """Let the first deployment come to its end."""
    lab.tick(8)


def balanced(lab: Lab) -> list[dict[str, object]]:
    """A target group behind a load balancer, as a service's loadBalancers."""
    ec2, elb = client("ec2"), client("elbv2")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.0.0.0/16"]}])["Vpcs"][0]
    other = ec2.create_subnet(
        VpcId=vpc["VpcId"], CidrBlock="10.0.1.0/24", AvailabilityZone=f"{REGION}b"
    )["Subnet"]["SubnetId"]
    first = lab.network["awsvpcConfiguration"]["subnets"][0]
    balancer = elb.create_load_balancer(Name="lb", Subnets=[first, other])["LoadBalancers"][0]
    group = elb.create_target_group(
        Name="tg", Protocol="HTTP", Port=8000, VpcId=vpc["VpcId"], TargetType="ip"
    )["TargetGroups"][0]["TargetGroupArn"]
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Port=80,
        Protocol="HTTP",
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )
    return [{"targetGroupArn": group, "containerName": "api", "containerPort": 8000}]


def test_a_service_reaches_its_desired_count_and_says_so(lab: Lab) -> None:
    """COMPLETED, a steady state, and the events in AWS's words."""
    lab.create(lab.define(), desiredCount=2)
    settle(lab)

    service = lab.service()
    assert (service["runningCount"], service["pendingCount"]) == (2, 0)
    assert service["deployments"][0]["rolloutState"] == "COMPLETED"
    assert lab.messages()[0].startswith("has started 2 tasks: (task ")
    assert lab.messages()[-1] == "has reached a steady state."


def test_a_task_walks_through_the_statuses_of_ecs(lab: Lab) -> None:
    """In order, and startedAt only when it runs."""
    lab.create(lab.define())
    seen = []
    for _ in range(5):
        lab.tick()
        seen.append([(t["lastStatus"], "startedAt" in t) for t in lab.tasks()])

    assert [one[0] for one in seen] == [
        ("PROVISIONING", False),
        ("PENDING", False),
        ("ACTIVATING", False),
        ("RUNNING", True),
        ("RUNNING", True),
    ]


def test_a_new_task_is_healthy_before_the_old_one_stops(lab: Lab) -> None:
    """At 100 % minimum nothing is taken away while its successor is not HEALTHY."""
    lab.create(lab.define(healthCheck=CHECK))
    settle(lab)
    old = lab.tasks()[0]["taskArn"]
    lab.runtime.checks["api"] = None
    lab.call(
        "UpdateService", cluster="lg", service="api", taskDefinition=lab.define(healthCheck=CHECK)
    )
    lab.tick(10)

    assert old in [task["taskArn"] for task in lab.tasks()]
    assert [d["status"] for d in lab.service()["deployments"]] == ["PRIMARY", "ACTIVE"]
    lab.runtime.checks["api"] = True
    lab.tick(6)
    assert [task["taskArn"] == old for task in lab.tasks()] == [False]
    assert len(lab.service()["deployments"]) == 1


def test_a_roll_out_never_has_more_tasks_than_its_maximum(lab: Lab) -> None:
    """MaximumPercent 150 of 2 is 3."""
    settings = {"maximumPercent": 150, "minimumHealthyPercent": 100}
    lab.create(lab.define(), desiredCount=2, deploymentConfiguration=settings)
    settle(lab)
    lab.call("UpdateService", cluster="lg", service="api", taskDefinition=lab.define())
    most = 0
    for _ in range(20):
        lab.tick()
        most = max(most, len(lab.tasks()))

    assert most == 3
    assert lab.service()["deployments"][0]["rolloutState"] == "COMPLETED"


def test_a_target_in_flight_keeps_its_task_running(lab: Lab) -> None:
    """SIGTERM comes only when the load balancer has nothing left to send or receive."""
    lab.create(lab.define(), loadBalancers=balanced(lab))
    settle(lab)
    address = lab.tasks()[0]["containers"][0]["networkInterfaces"][0]["privateIpv4Address"]
    lab.in_flight.add(address)
    lab.call("UpdateService", cluster="lg", service="api", desiredCount=0)
    lab.tick(5)

    assert [t["lastStatus"] for t in lab.tasks("STOPPED")] == ["DEACTIVATING"]
    assert ("terminate", "api") not in lab.runtime.log
    lab.in_flight.clear()
    lab.tick(4)
    assert [t["lastStatus"] for t in lab.tasks("STOPPED")] == ["STOPPED"]


def test_a_task_waits_for_its_target_to_be_healthy(lab: Lab) -> None:
    """A deployment is not COMPLETED on the container's word alone."""
    lab.create(lab.define(), loadBalancers=balanced(lab))
    lab.target_states["127.99.1.2"] = "initial"
    lab.tick(10)

    assert lab.service()["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    lab.target_states.clear()
    lab.tick()
    assert lab.service()["deployments"][0]["rolloutState"] == "COMPLETED"


def test_a_task_that_fails_its_target_check_is_replaced(lab: Lab) -> None:
    """With the stop reason that ECS gives."""
    lab.create(lab.define(), loadBalancers=balanced(lab))
    settle(lab)
    lab.target_states["127.99.1.2"] = "unhealthy"
    lab.tick(8)

    stopped = lab.tasks("STOPPED")[0]
    assert stopped["stopCode"] == "ServiceSchedulerInitiated"
    assert stopped["stoppedReason"].startswith("Task failed ELB health checks in (target-group arn")
    assert len(lab.tasks()) == 1


def test_the_grace_period_forgives_a_slow_target(lab: Lab) -> None:
    """HealthCheckGracePeriodSeconds counts from the task's start."""
    lab.create(lab.define(), loadBalancers=balanced(lab), healthCheckGracePeriodSeconds=100)
    lab.target_states["127.99.1.2"] = "unhealthy"
    lab.tick(20)

    assert lab.tasks("STOPPED") == []


def test_a_killed_process_is_replaced_at_once(lab: Lab) -> None:
    """Exit code and reason as ECS has them."""
    lab.create(lab.define())
    settle(lab)
    lab.end(lab.tasks()[0], 137)
    lab.tick(8)

    stopped = lab.tasks("STOPPED")[0]
    assert stopped["stopCode"] == "EssentialContainerExited"
    assert stopped["stoppedReason"] == "Essential container in task exited"
    assert stopped["containers"][0]["exitCode"] == 137
    assert lab.service()["runningCount"] == 1


def test_an_unhealthy_container_has_its_task_replaced(lab: Lab) -> None:
    """Three failures in a row, and not two."""
    lab.create(lab.define(healthCheck=CHECK))
    settle(lab)
    lab.runtime.checks["api"] = False
    lab.tick(20)

    assert lab.tasks()[0]["healthStatus"] == "HEALTHY"
    lab.tick(10)
    assert lab.tasks("STOPPED")[0]["stoppedReason"] == "Task failed container health checks"


def test_three_failures_trip_the_circuit_breaker_and_roll_back(lab: Lab) -> None:
    """The service looks stable afterwards: with the old definition."""
    good = lab.define(healthCheck=CHECK)
    lab.create(good, deploymentConfiguration=BREAKER)
    settle(lab)
    running = lab.tasks()[0]["taskArn"]
    bad = lab.define(name="broken")
    lab.runtime.cannot_start["broken"] = "CannotPullContainerError: not found"
    lab.call("UpdateService", cluster="lg", service="api", taskDefinition=bad)
    lab.tick(12)

    failed = [d for d in lab.service()["deployments"] if d["taskDefinition"] == bad]
    lab.tick(20)
    service = lab.service()
    assert failed == [] or failed[0]["failedTasks"] <= 3
    assert service["taskDefinition"] == good
    assert service["deployments"][0]["rolloutState"] == "COMPLETED"
    assert [t["taskArn"] for t in lab.tasks()] == [running]
    assert any("deployment failed: tasks failed to start." in one for one in lab.messages())
    assert {t["stopCode"] for t in lab.tasks("STOPPED")} == {"TaskFailedToStart"}
    assert len(lab.tasks("STOPPED")) == 3


def test_without_roll_back_a_failed_deployment_stays_failed(lab: Lab) -> None:
    """No more tasks are started for it."""
    lab.runtime.cannot_start["api"] = "ResourceInitializationError: no"
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": False}}
    lab.create(lab.define(), deploymentConfiguration=breaker)
    lab.tick(40)

    primary = lab.service()["deployments"][0]
    assert (primary["rolloutState"], primary["failedTasks"]) == ("FAILED", 3)
    assert primary["rolloutStateReason"] == "ECS deployment circuit breaker: tasks failed to start."
    assert len(lab.tasks("STOPPED")) == 3


def test_a_forced_deployment_replaces_tasks_of_the_same_definition(lab: Lab) -> None:
    """As after a rotated password."""
    lab.create(lab.define())
    settle(lab)
    old = lab.tasks()[0]["taskArn"]
    lab.call("UpdateService", cluster="lg", service="api", forceNewDeployment=True)
    lab.tick(12)

    assert [task["taskArn"] == old for task in lab.tasks()] == [False]


def test_a_container_that_ignores_sigterm_is_killed_after_its_timeout(lab: Lab) -> None:
    """SIGKILL after stopTimeout, exit code 137."""
    lab.create(lab.define(stopTimeout=20))
    settle(lab)
    lab.runtime.stubborn = True
    lab.call("UpdateService", cluster="lg", service="api", desiredCount=0)
    lab.tick(19)

    assert ("kill", "api") not in lab.runtime.log
    lab.tick(5)
    assert lab.tasks("STOPPED")[0]["containers"][0]["exitCode"] == 137


def test_a_container_waits_for_what_it_depends_on(lab: Lab) -> None:
    """SUCCESS: only after exit code 0."""
    first = {"name": "init", "image": "i", "essential": False}
    depends = [{"containerName": "init", "condition": "SUCCESS"}]
    second = {"name": "api", "image": "i", "dependsOn": depends}
    lab.create(lab.define_all("api", first, second))
    lab.tick(6)

    assert lab.runtime.log == [("start", "init")]
    lab.end(lab.tasks()[0], 0)
    lab.tick(3)
    assert lab.runtime.log[-1] == ("start", "api")


def test_a_dependency_that_fails_ends_the_task(lab: Lab) -> None:
    """What waits for it can never start; the task counts as one that failed to start."""
    first = {"name": "init", "image": "i", "essential": False}
    depends = [{"containerName": "init", "condition": "SUCCESS"}]
    second = {"name": "api", "image": "i", "dependsOn": depends}
    lab.create(lab.define_all("api", first, second))
    lab.tick(3)
    lab.end(lab.tasks()[0], 1)
    lab.tick(5)

    stopped = lab.tasks("STOPPED")[0]
    assert stopped["stopCode"] == "TaskFailedToStart"
    assert [one.get("reason") for one in stopped["containers"]] == [
        None,
        "depends on init: SUCCESS",
    ]
    assert ("start", "api") not in lab.runtime.log
    assert lab.service()["deployments"][0]["failedTasks"] == 1


@pytest.mark.parametrize(
    ("condition", "code"), [("START", None), ("HEALTHY", None), ("COMPLETE", 3), ("SUCCESS", 0)]
)
def test_each_condition_of_a_dependency_is_kept(lab: Lab, condition: str, code: int | None) -> None:
    """Neither sooner nor never; the first container's end leaves the task running."""
    first = {"name": "init", "image": "i", "essential": False, "healthCheck": CHECK}
    depends = [{"containerName": "init", "condition": condition}]
    second = {"name": "api", "image": "i", "dependsOn": depends}
    lab.runtime.checks["init"] = None
    lab.create(lab.define_all("api", first, second))
    lab.tick(5)

    assert (("start", "api") in lab.runtime.log) is (condition == "START")
    lab.runtime.checks["init"] = True
    if code is not None:
        lab.end(lab.tasks()[0], code)
    lab.tick(5)
    assert ("start", "api") in lab.runtime.log
    assert [task["lastStatus"] for task in lab.tasks()] == ["RUNNING"]


def test_a_deleted_service_drains_and_then_is_inactive(lab: Lab) -> None:
    """It stays describable."""
    lab.create(lab.define())
    settle(lab)
    lab.call("DeleteService", cluster="lg", service="api", force=True)

    assert lab.service()["status"] == "DRAINING"
    lab.tick(6)
    assert lab.service()["status"] == "INACTIVE"
    assert lab.call("ListServices", cluster="lg")["serviceArns"] == []


def test_a_registered_task_is_found_by_name(lab: Lab) -> None:
    """`<service>.<namespace>` leads to the task, and nowhere once it is gone."""
    discovery = client("servicediscovery")
    discovery.create_private_dns_namespace(Name="inside", Vpc="vpc-1")
    namespace = discovery.list_namespaces()["Namespaces"][0]["Id"]
    made = discovery.create_service(
        Name="cache", NamespaceId=namespace, DnsConfig={"DnsRecords": [{"Type": "A", "TTL": 5}]}
    )["Service"]
    lab.create(lab.define(), serviceRegistries=[{"registryArn": made["Arn"]}])
    settle(lab)

    assert lab.world.hosts.get("cache.inside") == "127.99.1.2"
    instances = discovery.list_instances(ServiceId=made["Id"])["Instances"]
    assert instances[0]["Attributes"]["AWS_INSTANCE_IPV4"] == "127.99.1.2"
    lab.call("UpdateService", cluster="lg", service="api", desiredCount=0)
    lab.tick(6)
    assert lab.world.hosts.get("cache.inside") is None


def test_after_a_restart_every_task_is_started_anew(lab: Lab) -> None:
    """The state survives as a pickle; its processes do not."""
    lab.create(lab.define(), loadBalancers=balanced(lab))
    settle(lab)
    old = lab.tasks()[0]["taskArn"]
    kept = pickle.loads(pickle.dumps(lab.state))  # noqa: S301 - our own bytes
    lab.state.services, lab.state.tasks = kept.services, kept.tasks
    lab.scheduler.restart()
    lab.tick(8)

    assert [task["taskArn"] == old for task in lab.tasks()] == [False]
    assert lab.service()["runningCount"] == 1


def test_a_stopped_task_gives_the_callers_reason(lab: Lab) -> None:
    """And the service starts another."""
    lab.create(lab.define())
    settle(lab)
    task = lab.tasks()[0]["taskArn"]
    lab.call("StopTask", cluster="lg", task=task, reason="looked odd")
    lab.tick(8)

    stopped = lab.tasks("STOPPED")[0]
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "looked odd")
    assert len(lab.tasks()) == 1


def test_tasks_carry_managed_and_propagated_tags(lab: Lab) -> None:
    """EnableECSManagedTags and propagateTags SERVICE."""
    lab.create(
        lab.define(),
        tags=[{"key": "team", "value": "a"}],
        propagateTags="SERVICE",
        enableECSManagedTags=True,
    )
    lab.tick(2)
    arn = lab.tasks()[0]["taskArn"]
    shown = lab.call("DescribeTasks", cluster="lg", tasks=[arn], include=["TAGS"])["tasks"][0]

    assert {tag["key"]: tag["value"] for tag in shown["tags"]} == {
        "team": "a",
        "aws:ecs:clusterName": "lg",
        "aws:ecs:serviceName": "api",
    }
