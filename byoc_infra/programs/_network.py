"""The account stack's network: a new one, or one that is there and was looked at first."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from byoc_infra.aws.network_rules import NetworkFacts, check_lists, check_network
from byoc_infra.components._checks import check_own_image
from byoc_infra.components.existing_network import ExistingNetwork, ExistingNetworkArgs
from byoc_infra.components.network import Network, NetworkArgs
from byoc_infra.errors import SpecError
from byoc_infra.naming import AccountNames, Place
from byoc_infra.programs._lookups import two_zones
from byoc_infra.spec import AccountSpec, ExistingNetworkSpec, NetworkSpec

__all__ = ["MadeNetwork", "check_spec", "make"]

ZONES_TO_TRY = ("a", "b")
"""Stand for zones that are not known before AWS is asked."""


@dataclass(frozen=True, kw_only=True)
class MadeNetwork:
    """What the rest of the account stack stands on."""

    network: Network | ExistingNetwork
    cidrs: tuple[pulumi.Input[str], ...]
    """All ranges of the VPC."""


def check_spec(spec: AccountSpec, names: AccountNames, place: Place) -> None:
    """Refuse what cannot work, as far as the spec itself tells."""
    existing = spec.existing_network
    if existing is None:
        new = spec.network or NetworkSpec()
        _new_args(spec, new, names, ZONES_TO_TRY)
        if new.nat == "none":
            check_own_image("redis_image", spec.redis_image, place)
        return
    if spec.network is not None:
        raise SpecError(
            "existing_network",
            wanted="network or existing_network",
            got="both",
            next_step="Leave out network, which is for a new VPC, or existing_network.",
        )
    check_lists(existing, public_ingress=spec.public_ingress)


def make(name: str, spec: AccountSpec, names: AccountNames, place: Place) -> MadeNetwork:
    """The network; one that is there is looked at before anything is made."""
    if spec.existing_network is not None:
        return _adopted(name, spec, spec.existing_network, names, place)
    new = spec.network or NetworkSpec()
    zones = two_zones() if new.zones is None else new.zones
    network = Network(name, _new_args(spec, new, names, zones))
    return MadeNetwork(network=network, cidrs=(network.cidr,))


def _new_args(
    spec: AccountSpec, new: NetworkSpec, names: AccountNames, zones: Sequence[str]
) -> NetworkArgs:
    return NetworkArgs(
        names=names,
        zones=zones if new.zones is None else new.zones,
        cidr=new.cidr,
        private_cidrs=new.private_cidrs,
        public_cidrs=new.public_cidrs,
        nat=new.nat,
        flow_logs=new.flow_logs,
        flow_log_retention_days=new.flow_log_retention_days,
        permissions_boundary_arn=spec.permissions_boundary_arn,
    )


def _adopted(
    name: str, spec: AccountSpec, existing: ExistingNetworkSpec, names: AccountNames, place: Place
) -> MadeNetwork:
    facts = _facts(existing, place)
    internet = check_network(facts, existing, place=place, installation=spec.installation)
    if not internet:
        check_own_image("redis_image", spec.redis_image, place)
    cidrs = facts.vpc.cidrs if facts.vpc else ()
    args = ExistingNetworkArgs(
        names=names,
        vpc_id=existing.vpc_id,
        cidr=cidrs[0],
        private_subnet_ids=existing.private_subnet_ids,
        public_subnet_ids=existing.public_subnet_ids,
    )
    return MadeNetwork(network=ExistingNetwork(name, args), cidrs=cidrs)


def _facts(existing: ExistingNetworkSpec, place: Place) -> NetworkFacts:
    """What AWS says, by the credentials that the provider has too."""
    from byoc_infra.aws import network, session  # noqa: PLC0415 - boto3 loads slowly

    opened = session.ambient(place.region, profile=pulumi.Config("aws").get("profile"))
    try:
        return network.look_at(opened, existing)
    finally:
        opened.close()
