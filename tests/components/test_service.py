"""What a Service asks of AWS."""

import json
from typing import Any

import pytest

from byoc_infra.components import PostgresConnection, Service
from byoc_infra.errors import ByocError, DuplicateName, ReservedName, SpecError
from tests.support.examples import IMAGE, service_args
from tests.support.recorder import Recorder, maker

SERVICE = "aws:ecs/service:Service"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
GROUP = "aws:lb/targetGroup:TargetGroup"
LISTENER = "aws:lb/listener:Listener"
CERTIFICATE = "arn:aws:acm:eu-west-1:222222222222:certificate/0a1b"

made = maker(Service, "orders", service_args)


def container(recorder: Recorder) -> dict[str, Any]:
    """The one container of the task."""
    (found,) = json.loads(recorder.inputs(TASK)["containerDefinitions"])
    return dict(found)


def test_the_image_is_pinned() -> None:
    """By digest, out of ECR."""
    assert container(made())["image"] == IMAGE
    with pytest.raises(SpecError, match=r"image: want <account>\.dkr\.ecr"):
        service_args(image=IMAGE.split("@")[0] + ":v1")


def test_internal_unless_asked() -> None:
    """The balancer has no address outside the network, and speaks HTTP inside it."""
    recorder = made()

    assert recorder.inputs(BALANCER)["internal"] is True
    assert recorder.inputs(LISTENER)["port"] == 80
    assert recorder.component_outputs["byoc:aws:Service::orders"]["url"].startswith("http://")


def test_public_needs_https() -> None:
    """With a certificate 443 serves and 80 only redirects; without one it is refused."""
    with pytest.raises(SpecError, match="certificate_arn: want a certificate"):
        service_args(public=True)

    recorder = made(public=True, certificate_arn=CERTIFICATE)
    plain = recorder.inputs(LISTENER, "orders-http")
    tls = recorder.inputs(LISTENER, "orders-https")

    assert recorder.inputs(BALANCER)["internal"] is False
    assert plain["defaultActions"][0]["redirect"]["protocol"] == "HTTPS"
    assert (tls["port"], tls["certificateArn"]) == (443, CERTIFICATE)
    assert tls["sslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    assert recorder.component_outputs["byoc:aws:Service::orders"]["url"].startswith("https://")


def test_with_a_certificate_http_only_redirects() -> None:
    """Inside the network too: nothing is answered in plain, and the URL has the domain."""
    recorder = made(certificate_arn=CERTIFICATE, domain="agents.example.com")
    plain = recorder.inputs(LISTENER, "orders-http")["defaultActions"]
    url = recorder.component_outputs["byoc:aws:Service::orders"]["url"]

    assert [action["type"] for action in plain] == ["redirect"]
    assert plain[0]["redirect"]["statusCode"] == "HTTP_301"
    assert url == "https://agents.example.com"


def test_another_service_may_work_the_queue() -> None:
    """Then this one takes no run, whatever the person's own setting; alone it does."""
    own = {"N_JOBS_PER_WORKER": "5"}
    jobs = [
        {one["name"]: one["value"] for one in container(recorder)["environment"]}
        for recorder in (made(works_queue=False, environment=own), made(environment=own), made())
    ]

    assert [one.get("N_JOBS_PER_WORKER") for one in jobs] == ["0", "5", None]


def test_pools_are_shared_among_all_containers() -> None:
    """Of all services where they are told, else of this one."""
    told = [
        {one["name"]: one["value"] for one in container(recorder)["environment"]}
        for recorder in (made(replicas=2), made(replicas=2, most_containers=4))
    ]

    assert [one["LANGGRAPH_POSTGRES_POOL_MAX_SIZE"] for one in told] == ["16", "8"]


def test_no_password_in_the_environment() -> None:
    """The address of the database is in plain text, its password and Redis's are ECS secrets."""
    api = container(made(environment={"MODEL": "x"}))
    environment = {one["name"]: one["value"] for one in api["environment"]}

    assert environment == {
        "MODEL": "x",
        "DATABASE_URI": "postgresql://langgraph@db.internal:5432/langgraph?sslmode=require",
        "LANGGRAPH_POSTGRES_POOL_MAX_SIZE": "32",
        "BG_JOB_SHUTDOWN_GRACE_PERIOD_SECS": "100",
        "PORT": "8000",
        "LANGSMITH_TRACING": "false",
    }
    assert {one["name"] for one in api["secrets"]} == {"PGPASSWORD", "REDIS_URI"}


def test_no_trace_leaves_unless_asked() -> None:
    """Off in words: the server would switch it on where it finds a key."""

    def told(**changes: object) -> dict[str, str]:
        environment = container(made(**changes))["environment"]
        return {
            one["name"]: one["value"] for one in environment if one["name"].startswith("LANGSMITH")
        }

    assert told() == {"LANGSMITH_TRACING": "false"}
    assert told(tracing_endpoint="https://smith.example.com/api/v1") == {
        "LANGSMITH_TRACING": "true",
        "LANGSMITH_ENDPOINT": "https://smith.example.com/api/v1",
        "LANGSMITH_PROJECT": "orders",
    }


def test_a_rollout_keeps_the_old_until_the_new_is_healthy() -> None:
    """Health is the server's own `/ok`, asked by ECS and by the balancer."""
    recorder = made()
    asked = recorder.inputs(SERVICE)
    command = container(recorder)["healthCheck"]["command"]

    assert asked["deploymentMinimumHealthyPercent"] == 100
    assert asked["deploymentMaximumPercent"] == 200
    assert recorder.inputs(GROUP)["healthCheck"]["path"] == "/ok"
    assert command[:3] == ["CMD", "python", "-c"]
    assert command[3:] == [
        (
            "import socket; s = socket.create_connection(('localhost', 8000), 5); "
            r"s.sendall(b'GET /ok HTTP/1.0\r\nHost: localhost\r\n\r\n'); "
            "raise SystemExit(b' 200 ' not in s.makefile('rb').read()[:16])"
        )
    ]


def test_a_failed_rollout_goes_back() -> None:
    """ECS's circuit breaker, with roll-back; the engine does not wait, `byoc` compares."""
    asked = made().inputs(SERVICE)

    assert asked["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    assert asked["waitForSteadyState"] is False


def test_requests_in_flight_may_end() -> None:
    """The balancer drains, and the server has time to hand its runs on before ECS kills it."""
    recorder = made()

    assert recorder.inputs(GROUP)["deregistrationDelay"] == 60
    assert container(recorder)["stopTimeout"] == 120


def test_what_scales_is_left_alone() -> None:
    """A count that a person or an autoscaler has set is not put back."""
    assert made().only(SERVICE).options == {"ignoreChanges": ["desiredCount"]}


def test_old_task_definitions_stay_usable() -> None:
    """A service cannot go back to an INACTIVE one."""
    assert made().inputs(TASK)["skipDestroy"] is True


def test_tasks_have_no_public_address() -> None:
    """They run in the private subnets, behind their security group, and nobody gets a shell."""
    asked = made().inputs(SERVICE)

    assert asked["networkConfiguration"] == {
        "subnets": ["subnet-1", "subnet-2"],
        "securityGroups": ["sg-app"],
        "assignPublicIp": False,
    }
    assert asked["enableExecuteCommand"] is False


def test_the_balancer_drops_invalid_headers() -> None:
    """And is on its guard against request smuggling."""
    asked = made().inputs(BALANCER)

    assert asked["dropInvalidHeaderFields"] is True
    assert asked["desyncMitigationMode"] == "defensive"


def test_deletion_is_refused_until_lifted() -> None:
    """Protection is on by default and lifted by name."""
    assert made().inputs(BALANCER)["enableDeletionProtection"] is True
    lifted = made(deletion_protection=False).inputs(BALANCER)
    assert lifted["enableDeletionProtection"] is False


def test_the_service_waits_for_the_listener() -> None:
    """AWS refuses a service on a target group that no balancer uses."""
    assert f"{LISTENER}::orders-http" in made().only(SERVICE).depends_on


def test_logs_never_stop_the_server() -> None:
    """Lines wait in a buffer, and its stream names say which deployment they are of."""
    options = container(made())["logConfiguration"]["options"]

    assert options["mode"] == "non-blocking"
    assert options["awslogs-stream-prefix"] == "lg-orders-1a2b3c4d"


def test_a_mount_prefix_moves_ok_along() -> None:
    """Health checks, variable and URL speak of the same place."""
    recorder = made(mount_prefix="/agents")
    api = container(recorder)

    assert {"name": "MOUNT_PREFIX", "value": "/agents"} in api["environment"]
    assert recorder.inputs(GROUP)["healthCheck"]["path"] == "/agents/ok"
    assert "GET /agents/ok " in api["healthCheck"]["command"][3]
    assert recorder.component_outputs["byoc:aws:Service::orders"]["url"].endswith("/agents")


def test_a_read_only_root_has_a_place_to_write() -> None:
    """Off by default; with it, /tmp is a volume."""
    assert container(made())["readonlyRootFilesystem"] is False

    recorder = made(read_only_root=True)

    assert container(recorder)["readonlyRootFilesystem"] is True
    assert container(recorder)["mountPoints"] == [{"sourceVolume": "tmp", "containerPath": "/tmp"}]  # noqa: S108
    assert recorder.inputs(TASK)["volumes"] == [{"name": "tmp"}]


def test_certificates_are_there_before_the_server_starts() -> None:
    """With `verify-full` a second container puts them on a volume of the task."""
    recorder = made(database=PostgresConnection(ca_pem="PEM"))
    api, init = json.loads(recorder.inputs(TASK)["containerDefinitions"])

    assert (api["name"], init["name"]) == ("api", "database-ca")
    assert recorder.inputs(TASK)["volumes"] == [{"name": "database-ca"}]


def test_the_architecture_follows_the_image() -> None:
    """Fargate has both."""
    platform = made(architecture="ARM64").inputs(TASK)["runtimePlatform"]

    assert platform == {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"image": "docker.io/agents@sha256:" + "0" * 64}, SpecError, "image: want <account>"),
        ({"image": IMAGE[:-1]}, SpecError, "image: want <account>"),
        ({"cpu": 1024, "memory_mib": 1024}, SpecError, "memory_mib: want with 1024 CPU units"),
        ({"cpu": 1000}, SpecError, "cpu: want one of 256, 512, 1024"),
        ({"environment": {"DATABASE_URI": "x"}}, ReservedName, "environment.DATABASE_URI: want"),
        ({"environment": {"A-B": "x"}}, SpecError, "environment.A-B: want letters"),
        ({"secrets": {"REDIS_URI_CUSTOM": "arn"}}, ReservedName, "secrets.REDIS_URI_CUSTOM: want"),
        ({"environment": {"K": "x"}, "secrets": {"K": "arn"}}, DuplicateName, "secrets.K: want"),
        ({"mount_prefix": "agents"}, SpecError, "mount_prefix: want nothing, or a path"),
        ({"mount_prefix": "/agents/"}, SpecError, "mount_prefix: want nothing, or a path"),
        ({"certificate_arn": "mine"}, SpecError, "certificate_arn: want the ARN of an ACM"),
        (
            {"certificate_arn": CERTIFICATE.replace("eu-west-1", "us-east-1")},
            SpecError,
            "certificate_arn: want a certificate of region eu-west-1",
        ),
        ({"domain": "agents.example.com"}, SpecError, "certificate_arn: want the certificate for"),
        (
            {"domain": "*.example.com", "certificate_arn": CERTIFICATE},
            SpecError,
            "domain: want a host name",
        ),
    ],
)
def test_bad_input_is_refused_by_name(
    changes: dict[str, Any], error: type[ByocError], message: str
) -> None:
    """The message names the field, what is wanted and what was given."""
    with pytest.raises(error) as refused:
        service_args(**changes)

    assert str(refused.value).startswith(message)
