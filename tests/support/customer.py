"""A customer's account that says what a test wants, in the place of AWS."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from byoc_infra.aws.session import Identity, Session
from byoc_infra.control_plane.caller import Caller
from byoc_infra.control_plane.services.reach import Reach
from byoc_infra.control_plane.store.tables import AccountRow
from byoc_infra.errors import AccessRefused, CloudUnreachable

__all__ = ["Customer"]

DENIED = {"Error": {"Code": "AccessDenied", "Message": "not authorized to perform: sts:AssumeRole"}}


@dataclass
class Customer(Reach):
    """The account's role trusts these ids; what the set-up stack makes is there or not."""

    trusted: set[str] = field(default_factory=set)
    account_id: str = "222222222222"
    lets_in_without: bool = False
    """The trust has no condition."""
    lets_in_any: bool = False
    """The trust only wants that there is an external id."""
    unreachable: bool = False
    vpcs: int = 1
    zones: int = 2
    cluster: bool = True
    tells: dict[str, str] = field(default_factory=dict)
    """Tags that the account's owner put on the cluster."""
    written: dict[str, str] = field(default_factory=dict)
    """The values in Secrets Manager, by name."""
    policies: dict[str, str] = field(default_factory=dict)
    entered: list[str] = field(default_factory=list)
    """The source identities of the sessions."""
    narrowed: list[str | None] = field(default_factory=list)
    """Their session policies."""

    @contextmanager
    def session(
        self,
        account: AccountRow,
        caller: Caller,
        *,
        external_id: str | None = None,
        session_policy: str | None = None,
    ) -> Iterator[Session]:
        """A session if the trust lets us in."""
        self._reachable()
        if not self.opens(external_id or account.external_id):
            raise AccessRefused(
                "role_arn",
                wanted=f"to assume {account.role_arn}",
                got="AccessDenied",
                next_step="Check them with the account's owner.",
            )
        self.entered.append(caller.source_identity)
        self.narrowed.append(session_policy)
        yield _InTheAccount(self)

    @contextmanager
    def own(self, region: str) -> Iterator[Session]:
        """The vendor's own."""
        self._reachable()
        yield _Vendor(self)

    def opens(self, external_id: str | None) -> bool:
        """What the trust says."""
        if external_id is None:
            return self.lets_in_without
        return self.lets_in_without or self.lets_in_any or external_id in self.trusted

    def _reachable(self) -> None:
        if self.unreachable:
            raise CloudUnreachable("sts", wanted="an answer", got="none", next_step="Wait.")


class _Vendor(Session):
    def __init__(self, customer: Customer) -> None:
        self._customer = customer

    def client(self, service: str) -> Any:
        """Only STS is asked."""
        assert service == "sts"
        return self

    def assume_role(self, **asked: Any) -> None:
        """The barest form: what else were asked could be what is refused."""
        assert asked.keys() <= {"RoleArn", "RoleSessionName", "DurationSeconds", "ExternalId"}
        if not self._customer.opens(asked.get("ExternalId")):
            raise ClientError(DENIED, "AssumeRole")  # type: ignore[arg-type]  # a part of it

    def close(self) -> None:
        """Nothing."""


class _InTheAccount(Session):
    def __init__(self, customer: Customer) -> None:
        self.region = "eu-west-1"
        self._customer = customer

    def identity(self) -> Identity:
        """Of the role."""
        return Identity(self._customer.account_id, "arn:aws:sts::222222222222:assumed-role/x/y")

    def ask(
        self,
        service: str,
        operation: str,
        /,
        *,
        absent: frozenset[str] = frozenset(),
        **params: Any,
    ) -> dict[str, Any]:
        """One call."""
        found: dict[str, Any] = getattr(self, operation)(**params)
        return found

    def each(
        self,
        service: str,
        operation: str,
        key: str,
        /,
        *,
        absent: frozenset[str] = frozenset(),
        **params: Any,
    ) -> Iterator[Any]:
        """One listing."""
        yield from getattr(self, operation)(**params)

    def close(self) -> None:
        """Nothing."""

    def describe_vpcs(self, **_: Any) -> list[Any]:
        vpc = {"State": "available", "CidrBlock": "10.40.0.0/16"}
        return [{**vpc, "VpcId": f"vpc-{number}"} for number in range(self._customer.vpcs)]

    def describe_subnets(self, *, Filters: list[dict[str, Any]]) -> list[Any]:  # noqa: N803
        tags = {one["Name"]: one["Values"] for one in Filters}
        if tags["tag:langgraph-cloud-private"] == ["0"]:
            return []
        return [
            {
                "SubnetId": f"subnet-{zone}",
                "AvailabilityZone": f"eu-west-1{'abc'[zone]}",
                "AvailableIpAddressCount": 250,
            }
            for zone in range(self._customer.zones)
        ]

    def describe_security_groups(self, *, Filters: list[dict[str, Any]]) -> list[Any]:  # noqa: N803
        (names,) = (one["Values"] for one in Filters if one["Name"] == "group-name")
        return [{"GroupName": name} for name in names]

    def list_namespaces(self) -> list[Any]:
        return [{"Name": "langgraph-cloud-redis"}]

    def describe_clusters(self, **_: Any) -> dict[str, Any]:
        tags = {"byoc:redis-image": "redis@sha256:0", **self._customer.tells}
        cluster = {
            "status": "ACTIVE",
            "clusterArn": "arn:aws:ecs:eu-west-1:222222222222:cluster/langgraph-cloud-cluster",
            "tags": [{"key": key, "value": value} for key, value in tags.items()],
        }
        return {"clusters": [cluster] if self._customer.cluster else []}

    def create_secret(self, *, Name: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        self._customer.written.setdefault(Name, "")
        return {"ARN": _arn(Name)}

    def put_resource_policy(self, **given: Any) -> dict[str, Any]:
        self._customer.policies[given["SecretId"]] = given["ResourcePolicy"]
        return {"ARN": _arn(given["SecretId"])}

    def put_secret_value(self, *, SecretId: str, SecretString: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        self._customer.written[SecretId] = SecretString
        return {"ARN": _arn(SecretId), "VersionId": str(uuid.uuid4())}

    def describe_secret(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803
        return {"ARN": _arn(SecretId)} if SecretId in self._customer.written else {}

    def delete_secret(self, *, SecretId: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        del self._customer.written[SecretId]
        return {"ARN": _arn(SecretId)}


def _arn(name: str) -> str:
    return f"arn:aws:secretsmanager:eu-west-1:222222222222:secret:{name}-AbCdEf"
