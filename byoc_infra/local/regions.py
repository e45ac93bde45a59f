"""The regions of a local cloud: the one that it was started with, and any that is used later."""

from collections.abc import Iterable, Iterator

from moto.ec2.models import ec2_backends

from byoc_infra.local import images
from byoc_infra.local.persistence import GLOBAL_SERVICES, Persistence
from byoc_infra.local.wire import AwsError, Call
from byoc_infra.local.world import CUSTOMER_ACCOUNT, VENDOR_ACCOUNT, World

__all__ = ["Regions"]

FROM_THE_START = ("iam", "sts", "ec2", "rds", "secretsmanager", "kms", "elbv2", "ecs", "logs")
"""Saved at once, so that what moto makes up by itself (a default VPC) stays over a restart."""


class Regions:
    """Which regions there is anything in; each begins as the first one does."""

    def __init__(self, world: World, persistence: Persistence) -> None:
        self._world = world
        self._persistence = persistence
        self._known: set[str] = {world.region}

    def __iter__(self) -> Iterator[str]:
        """The names, the first region's included."""
        return iter(sorted(self._known))

    def restore(self, names: Iterable[str]) -> None:
        """Those that an earlier emulator has known."""
        self._known.update(names)

    def begin(self, region: str) -> str:
        """Save what is there from the start, Redis's image included; gives the image by digest."""
        with self._world.lock:
            self._known.add(region)
            image = images.push_redis(self._world, region=region)
            for account_id in (CUSTOMER_ACCOUNT, VENDOR_ACCOUNT):
                self._persistence.save((*FROM_THE_START, "ecr"), account_id, region)
        return image

    def enter(self, call: Call) -> None:
        """Begin the region of a call, if nobody has been there before."""
        # What knows no regions is signed for one all the same.
        if call.region in self._known or call.service in GLOBAL_SERVICES:
            return
        if call.region not in ec2_backends[call.account_id]:
            raise AwsError("InvalidRegion", f"There is no region {call.region}.", 400)
        self.begin(call.region)
