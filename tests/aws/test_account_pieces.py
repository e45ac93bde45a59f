"""What the account stack has made, as a connection's activation looks for it."""

from collections.abc import Callable
from functools import partial

import pytest

from byoc_infra.aws import account_pieces
from byoc_infra.aws.session import Session
from byoc_infra.errors import AccountNotReady
from byoc_infra.naming import AccountNames

NAMES = AccountNames()
VPC = {"langgraph-cloud-enabled": "1", "byoc:installation": "default"}
PRIVATE = {"langgraph-cloud-enabled": "1", "langgraph-cloud-private": "1"}
PUBLIC = {"langgraph-cloud-enabled": "1", "langgraph-cloud-private": "0"}


def tagged(kind: str, tags: dict[str, str]) -> list[dict[str, object]]:
    """As EC2 takes them."""
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    return [{"ResourceType": kind, "Tags": listed}]


class Stack:
    """What the account stack makes, piece by piece."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def network(self, zones: str = "ab", *, mask: int = 24, groups: int = 4) -> str:
        """A VPC with a private subnet in each zone and a public one in the first."""
        ask = self.session.ask
        specs = tagged("vpc", VPC)
        vpc = ask("ec2", "create_vpc", CidrBlock="10.0.0.0/16", TagSpecifications=specs)["Vpc"]
        for number, zone in enumerate(zones):
            self._subnet(vpc["VpcId"], f"10.0.{number}.0/{mask}", zone, PRIVATE)
        self._subnet(vpc["VpcId"], "10.0.100.0/24", "a", PUBLIC)
        for role in ("app", "cache", "database", "lb-internal")[:groups]:
            ask(
                "ec2",
                "create_security_group",
                GroupName=NAMES.security_group(role),
                Description="x",
                VpcId=vpc["VpcId"],
            )
        return str(vpc["VpcId"])

    def cluster(self, **tags: str) -> None:
        """The cluster and the name space."""
        listed = [{"key": key, "value": value} for key, value in tags.items()]
        self.session.ask("ecs", "create_cluster", clusterName=NAMES.cluster, tags=listed)

    def namespace(self, vpc_id: str) -> None:
        """Of the caches."""
        self.session.ask(
            "servicediscovery", "create_private_dns_namespace", Name=NAMES.namespace, Vpc=vpc_id
        )

    def all(self) -> str:
        """Everything; the VPC's id."""
        vpc_id = self.network()
        self.namespace(vpc_id)
        self.cluster(
            **{
                "byoc:redis-image": "redis@sha256:0",
                "byoc:platform-secrets": "LANGSMITH_API_KEY LANGSMITH_RUNS_ENDPOINTS",
                "byoc:tracing-endpoint": "https://smith.example.com",
            }
        )
        return vpc_id

    def _subnet(self, vpc_id: str, cidr: str, zone: str, tags: dict[str, str]) -> None:
        self.session.ask(
            "ec2",
            "create_subnet",
            VpcId=vpc_id,
            CidrBlock=cidr,
            AvailabilityZone=f"eu-west-1{zone}",
            TagSpecifications=tagged("subnet", tags),
        )


@pytest.fixture
def stack(session: Session) -> Stack:
    """Nothing is made yet."""
    return Stack(session)


def test_what_is_there_is_told(stack: Stack) -> None:
    """Network, zones, cluster, and what the account's owner gives to deployments."""
    vpc_id = stack.all()
    found = account_pieces.find(stack.session, NAMES)

    assert (found.vpc_id, found.cidr) == (vpc_id, "10.0.0.0/16")
    assert found.zones == ("eu-west-1a", "eu-west-1b")
    assert (len(found.private_subnet_ids), len(found.public_subnet_ids)) == (2, 1)
    assert found.cluster_arn.endswith("cluster/langgraph-cloud-cluster")
    assert found.platform_secrets == ("LANGSMITH_API_KEY", "LANGSMITH_RUNS_ENDPOINTS")
    assert found.tracing_endpoint == "https://smith.example.com"


def test_two_networks_are_one_too_many(stack: Stack) -> None:
    """Both are named, so that one can be untagged."""
    ids = {stack.all(), stack.network()}
    with pytest.raises(AccountNotReady, match="exactly one VPC") as raised:
        account_pieces.find(stack.session, NAMES)

    assert set(raised.value.got.split(", ")) == ids


def test_another_installations_network_is_not_this_ones(stack: Stack) -> None:
    """The tag tells them apart."""
    stack.all()
    with pytest.raises(AccountNotReady, match="byoc:installation=green, got none"):
        account_pieces.find(stack.session, AccountNames("green"))


@pytest.mark.parametrize(
    ("zones", "mask", "groups", "words"),
    [
        ("a", 24, 4, "private subnets of .* in 2 zones"),
        ("ab", 28, 4, "16 free addresses"),
        ("ab", 24, 3, "the security groups langgraph-cloud-lb-internal"),
    ],
    ids=["one zone", "full subnets", "a group missing"],
)
def test_a_network_that_does_not_fit_is_refused(
    stack: Stack, zones: str, mask: int, groups: int, words: str
) -> None:
    """With what it lacks."""
    stack.network(zones, mask=mask, groups=groups)
    with pytest.raises(AccountNotReady, match=words):
        account_pieces.find(stack.session, NAMES)


def test_a_stack_that_is_half_made_is_not_ready(stack: Stack) -> None:
    """Piece by piece: no name space, no cluster, a cluster without the Redis image."""
    vpc_id = stack.network()
    missing = []
    steps: list[Callable[[], object]] = [partial(stack.namespace, vpc_id), stack.cluster, dict]
    for make in steps:
        with pytest.raises(AccountNotReady) as raised:
            account_pieces.find(stack.session, NAMES)
        missing.append(raised.value.field)
        make()

    assert missing == ["namespace", "cluster", "cluster"]
