"""Load balancers that really listen, check, stream and drain."""

import errno
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from byoc_infra.local.balancer import Balancer
from byoc_infra.local.balancing.targets import (
    CHECKING,
    HEALTHY,
    CheckSettings,
    Health,
    Target,
    matches,
)
from tests.local.compute import fakes
from tests.local.compute.fakes import client
from tests.support.waiting import until

NETWORK = 97
DEADLINE_S = 5.0


class Handler(BaseHTTPRequestHandler):
    """A task's server."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    release = threading.Event()

    def do_GET(self) -> None:  # noqa: D102 - http.server's own name
        if self.path.startswith("/slow"):
            self.release.wait(DEADLINE_S)
        body = f"{self.headers['X-Forwarded-For']} {self.headers['X-Forwarded-Port']}".encode()
        self.send_response(503 if self.path == "/bad" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:  # noqa: D102 - http.server's own name
        said = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in (said, b"later"):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.flush()
            if part == said:
                self.release.wait(DEADLINE_S)
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:  # noqa: D102 - http.server's own name
        pass


@dataclass
class Front:
    """A balancer with one listener, one group and one task."""

    balancer: Balancer
    group: str
    url: str
    task: str

    def state(self) -> dict[str, Any]:
        """What DescribeTargetHealth says of the task."""
        asked = [{"Id": self.task, "Port": 8000}]
        answer = client("elbv2").describe_target_health(TargetGroupArn=self.group, Targets=asked)
        found: dict[str, Any] = answer["TargetHealthDescriptions"][0]["TargetHealth"]
        return found

    def register(self) -> None:
        """RegisterTargets, and wait until the task is healthy."""
        asked = [{"Id": self.task, "Port": 8000}]
        client("elbv2").register_targets(TargetGroupArn=self.group, Targets=asked)
        until(lambda: self.state()["State"] == "healthy")

    def deregister(self) -> None:
        """DeregisterTargets."""
        asked = [{"Id": self.task, "Port": 8000}]
        client("elbv2").deregister_targets(TargetGroupArn=self.group, Targets=asked)


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    """A client that asks nothing of the environment."""
    with httpx.Client(trust_env=False, timeout=DEADLINE_S) as made:
        yield made


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    """A balancer on an address of its own, and one server behind it."""
    Handler.release.clear()
    with fakes.lab(tmp_path) as lab:
        lab.world.addresses.network = NETWORK
        task = lab.world.addresses.take()
        server = ThreadingHTTPServer((task, 8000), Handler)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        balancer = Balancer(lab.world)
        group, name = _balanced()
        balancer.start()
        until(lambda: bool(balancer.urls()))
        url = next(iter(balancer.urls().values()))
        address = lab.world.hosts.get(name)
        yield Front(balancer, group, url.replace(name, str(address)), task)
        Handler.release.set()
        balancer.stop()
        lab.world.shared_loop.stop()
        server.shutdown()
        server.server_close()


def _balanced() -> tuple[str, str]:
    ec2, elb = client("ec2"), client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.1.{n}.0/24")["Subnet"]["SubnetId"]
        for n in range(2)
    ]
    made = elb.create_load_balancer(Name="lb", Subnets=subnets)["LoadBalancers"][0]
    group = elb.create_target_group(
        Name="tg", Protocol="HTTP", Port=8000, VpcId=vpc, TargetType="ip", HealthCheckPath="/ok"
    )["TargetGroups"][0]["TargetGroupArn"]
    forward = {"Type": "forward", "TargetGroupArn": group}
    elb.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"], Port=80, Protocol="HTTP", DefaultActions=[forward]
    )
    return str(group), str(made["DNSName"])


def test_a_request_reaches_a_healthy_target_with_the_forwarding_headers(
    front: Front, http: httpx.Client
) -> None:
    """X-Forwarded-For and -Port as an ALB adds them."""
    front.register()

    answer = http.get(front.url, headers={"X-Forwarded-For": "1.2.3.4"})
    assert (answer.status_code, answer.text) == (200, "1.2.3.4, 127.0.0.1 80")


def test_a_port_that_may_not_be_bound_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names of ports are kept as long as the listener is there."""

    class Refusing(socket.socket):
        def bind(self, place: Any, /) -> None:
            if place[1] < 1024:
                raise PermissionError(errno.EACCES, "Permission denied")
            super().bind(place)

    monkeypatch.setattr(socket, "socket", Refusing)
    with fakes.lab(tmp_path) as lab:
        lab.world.addresses.network = NETWORK
        balancer = Balancer(lab.world)
        _, name = _balanced()
        balancer.start()
        try:
            until(lambda: bool(balancer.urls()))
            address = lab.world.hosts.get(name)
            until(lambda: lab.world.hosts.get(f"{name}:80") == f"{address}:8080")
            (listener,) = balancer.urls()
            client("elbv2").delete_listener(ListenerArn=listener)
            until(lambda: lab.world.hosts.get(f"{name}:80") is None)
        finally:
            balancer.stop()
            lab.world.shared_loop.stop()


def test_without_a_target_the_answer_is_503(front: Front, http: httpx.Client) -> None:
    """A plain page, as the ALB's own."""
    answer = http.get(front.url)

    assert (answer.status_code, answer.headers["server"]) == (503, "awselb/2.0")


def test_an_answer_is_passed_on_while_it_is_made(front: Front, http: httpx.Client) -> None:
    """The first part is there before the second exists."""
    front.register()
    with http.stream("POST", front.url, content=b"now") as answer:
        parts = answer.iter_raw()
        first = next(parts)
        Handler.release.set()

        assert (answer.status_code, first, b"".join(parts)) == (201, b"now", b"later")


def test_a_draining_target_ends_what_it_has_and_gets_nothing_new(
    front: Front, http: httpx.Client
) -> None:
    """And is drained as soon as nothing is in flight."""
    front.register()
    got: list[int] = []
    slow = threading.Thread(
        target=lambda: got.append(httpx.get(f"{front.url}/slow", trust_env=False).status_code)
    )
    slow.start()
    target = next(iter(front.balancer._targets[front.group].values()))
    until(lambda: target.in_flight == 1)
    front.deregister()
    until(lambda: front.state()["State"] == "draining")

    assert http.get(front.url).status_code == 503
    assert not front.balancer.drained(front.group, front.task, 8000)
    Handler.release.set()
    slow.join()
    until(lambda: front.balancer.drained(front.group, front.task, 8000))
    assert got == [200]
    assert front.state()["Reason"] == "Target.NotRegistered"


def test_a_target_that_is_gone_is_a_502(front: Front, http: httpx.Client) -> None:
    """The balancer says so itself."""
    front.register()
    known = front.balancer._targets[front.group]
    next(iter(known.values())).port = 8001

    assert http.get(front.url).status_code == 502


SETTINGS = CheckSettings("/ok", None, 10.0, 5.0, healthy=2, unhealthy=2, codes="200")
FAILED = Health("unhealthy", "Target.FailedHealthChecks")


def test_a_new_target_needs_one_success_and_a_failed_one_two() -> None:
    """HealthyThreshold holds only on the way back."""
    target = Target("127.0.0.1", 8000)
    target.note(None, SETTINGS)
    assert target.health == HEALTHY
    target.note(FAILED, SETTINGS)
    assert target.health == HEALTHY
    target.note(FAILED, SETTINGS)
    assert target.health == FAILED
    target.note(None, SETTINGS)
    assert target.health == FAILED
    target.note(None, SETTINGS)
    assert target.health == HEALTHY


def test_quick_checks_do_not_make_a_slow_starter_unhealthy() -> None:
    """It is initial for as long as AWS's own pace would leave it so."""
    target = Target("127.0.0.1", 8000)
    for _ in range(10):
        target.note(FAILED, SETTINGS)
    assert target.health == CHECKING
    target.registered_at -= 20

    target.note(FAILED, SETTINGS)
    assert target.health == FAILED


@pytest.mark.parametrize(
    ("codes", "status", "wanted"),
    [("200", 200, True), ("200,202", 202, True), ("200-299", 250, True), ("200-299", 300, False)],
)
def test_a_matcher_takes_lists_and_ranges(codes: str, status: int, *, wanted: bool) -> None:
    """ELB's matcher syntax."""
    assert matches(codes, status) is wanted
