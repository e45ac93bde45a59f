"""Where moto's own objects are wrong and nothing in front of them can help.

Each repair says in one line which behaviour of AWS it restores. They change moto in this process
only, and can be taken back.
"""

import hashlib
import json
import secrets
import string
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.models.route_tables import Route
from moto.elbv2.models import ELBv2Backend
from moto.iam.models import IAMBackend
from moto.kms.models import KmsBackend
from moto.rds.models import DBInstance, MasterUserSecret, RDSBackend
from moto.secretsmanager.models import FakeSecret, SecretsManagerBackend
from moto.servicediscovery.exceptions import ConflictingDomainExists
from moto.servicediscovery.models import ServiceDiscoveryBackend

from byoc_infra.local.wire import AwsError

__all__ = ["SERVICE_LINKED_ROLES", "applied", "apply", "master_password"]

SERVICE_LINKED_ROLES = {
    "ecs.amazonaws.com": "AWSServiceRoleForECS",
    "rds.amazonaws.com": "AWSServiceRoleForRDS",
    "elasticloadbalancing.amazonaws.com": "AWSServiceRoleForElasticLoadBalancing",
    "ecs.application-autoscaling.amazonaws.com": (
        "AWSServiceRoleForApplicationAutoScaling_ECSService"
    ),
}
"""Service to role name, as each service's own guide has it."""
PASSWORD_LENGTH = 28
"""Of a master password that RDS makes in Secrets Manager."""
ODD = "".join(one for one in string.punctuation if one not in "/'\"@")
"""RDS user guide, constraints of a master password: printable ASCII without these and a space."""
ROTATION_DAYS = 7
"""RDS rotates a managed master password this often unless told otherwise."""

Moto = Any
"""Moto's objects have attributes that nobody declares."""
Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]
REPAIRS: list[tuple[type, str, Any]] = []


def apply() -> None:
    """Repair moto for the life of this process."""
    for owner, name, repaired in REPAIRS:
        setattr(owner, name, repaired)


@contextmanager
def applied() -> Iterator[None]:
    """Repair moto for a while."""
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in REPAIRS]
    apply()
    try:
        yield
    finally:
        for owner, name, original in before:
            setattr(owner, name, original)


def master_password() -> str:
    """A password as RDS makes them: always with characters that a careless URL breaks on."""
    alphabet = string.ascii_letters + string.digits + ODD
    rest = [secrets.choice(alphabet) for _ in range(PASSWORD_LENGTH - 4)]
    some = [secrets.choice("%#?&"), secrets.choice("\\$`!"), secrets.choice(":;=+"), "a"]
    return "".join((rest[0], *some, *rest[1:]))


def _wraps(owner: type, name: str) -> Callable[[Wrap], Wrap]:
    """Make a repair of a function from the original one."""

    def note(wrap: Wrap) -> Wrap:
        REPAIRS.append((owner, name, wrap(getattr(owner, name))))
        return wrap

    return note


def _replaces(
    owner: type, name: str, kind: Callable[..., Any] = lambda function: function
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a repair of a whole function, or of a property."""

    def note(function: Callable[..., Any]) -> Callable[..., Any]:
        REPAIRS.append((owner, name, kind(function)))
        return function

    return note


@_wraps(DBInstance, "__init__")
def _instance(original: Callable[..., Any]) -> Callable[..., Any]:
    """Its own identity and key, and a life that begins with `creating`."""

    def init(self: Moto, *args: Moto, **kwargs: Moto) -> None:
        original(self, *args, **kwargs)
        self.dbi_resource_id = "db-" + secrets.token_hex(13).upper()
        if self.kms_key_id == "default_kms_key_id":
            self.kms_key_id = self.backend.kms.describe_key("alias/aws/rds").arn
        self.status = "creating"

    return init


@_replaces(DBInstance, "address", property)
def _address(self: Moto) -> str:
    """A name under a zone that is one for an account and region."""
    place = hashlib.sha256(f"{self.account_id}/{self.region}".encode()).hexdigest()[:11]
    return f"{self.db_instance_identifier}.c{place}.{self.region}.rds.amazonaws.com"


@_replaces(DBInstance, "endpoint", property)
def _endpoint(self: Moto) -> dict[str, Any] | None:
    """None before the instance can be reached."""
    if self.status in {"creating", "failed"}:
        return None
    return {"Address": self.address, "Port": self.port}


@_replaces(MasterUserSecret, "_generate_secret_string")
def _secret_string(self: Moto) -> str:
    """The user that was asked for, with a password that nobody knows."""
    user = self.resource.master_username
    return json.dumps({"username": user, "password": master_password()})


@_replaces(MasterUserSecret, "_generate_secret_tags")
def _secret_tags(self: Moto) -> list[dict[str, str]]:
    """RDS copies the instance's tags to the secret when it makes it."""
    kind = type(self.resource).__name__
    own = {"Key": f"aws:rds:primary{kind}Arn", "Value": self.resource.arn}
    return [own, *(dict(tag) for tag in self.resource.tags)]


@_wraps(MasterUserSecret, "_create_secret")
def _scheduled(original: Callable[..., Any]) -> Callable[..., Any]:
    """RDS rotates it from the start."""

    def create(self: Moto, kms_key_id: str | None) -> FakeSecret:
        secret: FakeSecret = original(self, kms_key_id)
        secret.rotation_requested = secret.rotation_enabled = True
        secret.auto_rotate_after_days = ROTATION_DAYS
        return secret

    return create


@_wraps(FakeSecret, "to_dict")
def _described(original: Callable[..., Any]) -> Callable[..., Any]:
    """The whole schedule, and no function where there is none."""

    def to_dict(self: Moto) -> dict[str, Any]:
        described: dict[str, Any] = original(self)
        if not described.get("RotationLambdaARN", "set"):
            del described["RotationLambdaARN"]
        if rules := getattr(self, "rotation_rules", None):
            described["RotationRules"] = rules
        return described

    return to_dict


@_wraps(SecretsManagerBackend, "cancel_rotate_secret")
def _cancel(original: Callable[..., Any]) -> Callable[..., Any]:
    """AWS's own rotation has no Lambda function, and can be cancelled all the same."""

    def cancel(self: SecretsManagerBackend, secret_id: str) -> object:
        secret = self.secrets.get(secret_id)
        if isinstance(secret, FakeSecret) and secret.owning_service:
            secret.rotation_enabled = False
            return secret.to_short_dict()
        return original(self, secret_id)

    return cancel


@_replaces(RDSBackend, "modify_db_subnet_group")
def _modify_subnet_group(
    self: RDSBackend, subnet_name: str, description: str | None, subnets: list[Any]
) -> object:
    """It stays; moto forgets it."""
    group = self.describe_db_subnet_groups(subnet_name)[0]
    group.subnets = subnets
    if description is not None:
        group.description = description
    return group


@_replaces(IAMBackend, "create_service_linked_role")
def _service_linked_role(
    self: IAMBackend, service_name: str, description: str, suffix: str | None
) -> object:
    """AWS's names, and its refusal of a second one."""
    if service_name not in SERVICE_LINKED_ROLES:
        raise AwsError(
            "NotModelled", f"The local cloud has no service-linked role for {service_name}.", 501
        )
    name = SERVICE_LINKED_ROLES[service_name] + (f"_{suffix}" if suffix else "")
    if any(role.name == name for role in self.roles.values()):
        raise AwsError(
            "InvalidInput",
            f"Service role name {name} has been taken in this account, "
            "please try a different suffix.",
        )
    statement = {
        "Action": ["sts:AssumeRole"],
        "Effect": "Allow",
        "Principal": {"Service": [service_name]},
    }
    return self.create_role(
        name,
        json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        f"/aws-service-role/{service_name}/",
        permissions_boundary=None,
        description=description,
        tags=[],
        max_session_duration="3600",
        linked_service=service_name,
    )


@_replaces(EC2Backend, "delete_nat_gateway")
def _delete_nat_gateway(self: EC2Backend, nat_gateway_id: str) -> object:
    """It gives back its address and its network interface."""
    gateway = self.nat_gateways[nat_gateway_id]
    if gateway.state != "deleted":
        gateway.state = "deleted"
        interface = gateway._eni  # noqa: SLF001 - moto has no other name for it
        for address in self.addresses:
            if address.eni is interface:
                address.eni = address.association_id = None
        self.enis.pop(interface.id, None)
    return gateway


@_replaces(Route, "state", property)
def _route_state(self: Moto) -> str:
    """A route whose target is gone leads nowhere (VPC user guide, route table concepts)."""
    ec2, vpc_id = self.route_table.ec2_backend, self.route_table.vpc_id
    alive = (
        self.nat_gateway is None or self.nat_gateway.state == "available",
        self.vpc_pcx is None or self.vpc_pcx.status["Code"] == "active",
        self.transit_gateway is None or self.transit_gateway.id in ec2.transit_gateways,
        self.interface is None or self.interface.id in ec2.enis,
        self.gateway is None or _serves(self.gateway, vpc_id),
    )
    return "active" if all(alive) else "blackhole"


def _serves(gateway: Moto, vpc_id: str) -> bool:
    """An internet gateway, virtual gateway or endpoint, as it is now."""
    if gateway.id.startswith("igw-"):
        return gateway.vpc is not None and gateway.vpc.id == vpc_id
    if gateway.id.startswith("vgw-"):
        held = gateway.attachments.get(vpc_id)
        return held is not None and held.state == "attached"
    return bool(gateway.state != "deleted")


@_wraps(ELBv2Backend, "create_load_balancer")
def _create_balancer(original: Callable[..., Any]) -> Callable[..., Any]:
    """The same name with the same settings is the same balancer (a rule refuses other settings)."""

    def create(self: ELBv2Backend, name: str, *args: Moto, **kwargs: Moto) -> object:
        for one in self.load_balancers.values():
            if one.name == name:
                return one
        kwargs["scheme"] = kwargs.get("scheme") or "internet-facing"
        return original(self, name, *args, **kwargs)

    return create


@_wraps(ServiceDiscoveryBackend, "create_private_dns_namespace")
def _create_namespace(original: Callable[..., Any]) -> Callable[..., Any]:
    """A VPC has one namespace of a name; moto lets it have one in all."""

    def create(self: ServiceDiscoveryBackend, name: str, *args: Moto, **kwargs: Moto) -> object:
        vpc = kwargs["vpc"]
        held = self.namespaces
        if any(one.vpc == vpc and one.name == name for one in held.values()):
            raise ConflictingDomainExists(vpc)
        self.namespaces = {key: one for key, one in held.items() if one.vpc != vpc}
        try:
            return original(self, name, *args, **kwargs)
        finally:
            self.namespaces = held | self.namespaces

    return create


@_wraps(ServiceDiscoveryBackend, "create_service")
def _create_service(original: Callable[..., Any]) -> Callable[..., Any]:
    """A service's namespace may be named in its DNS settings alone."""

    def create_service(self: Moto, **kwargs: Moto) -> Moto:
        within = (kwargs.get("dns_config") or {}).get("NamespaceId")
        return original(self, **{**kwargs, "namespace_id": kwargs["namespace_id"] or within})

    return create_service


@_wraps(KmsBackend, "_generate_default_keys")
def _default_keys(original: Callable[..., Any]) -> Callable[..., Any]:
    """The keys behind `alias/aws/…` are AWS's own, not the customer's."""

    def generate(self: Moto, alias_name: str) -> Moto:
        key_id = original(self, alias_name)
        if key_id is not None:
            self.keys[key_id].key_manager = "AWS"
        return key_id

    return generate


@_wraps(EC2Backend, "delete_vpc")
def _delete_vpc(original: Callable[..., Any]) -> Callable[..., Any]:
    """A VPC's default network ACL goes with it."""

    def delete_vpc(self: Moto, vpc_id: str) -> Moto:
        gone = original(self, vpc_id)
        for acl in [one for one in self.network_acls.values() if one.vpc_id == vpc_id]:
            del self.network_acls[acl.id]
        return gone

    return delete_vpc
