"""Names and tags of everything that byoc-infra makes; pure.

Names are fixed, not random: a run that was killed is repeated by finding what it made. The
defaults are those of the platform's original set-up module.
"""

import hashlib
import re
from dataclasses import dataclass

__all__ = [
    "DEPLOYMENT_TAG",
    "ENABLED_TAG",
    "INSTALLATION_TAG",
    "PRIVATE_TAG",
    "REDIS_IMAGE_TAG",
    "SECRET_TAG",
    "AccountNames",
    "DeploymentNames",
    "deployment_id",
    "fit",
]

ENABLED_TAG = "langgraph-cloud-enabled"
"""`1` on the VPC and the subnets that deployments may use."""
PRIVATE_TAG = "langgraph-cloud-private"
"""`1` on private subnets, `0` on public ones."""
SECRET_TAG = "langgraph-cloud"  # noqa: S105 - a tag key
"""On every secret that the execution role may read; its value is the installation."""
INSTALLATION_TAG = "byoc:installation"
DEPLOYMENT_TAG = "byoc:deployment"
REDIS_IMAGE_TAG = "byoc:redis-image"
"""On the cluster: the Redis image by digest, as the account's owner chose it."""

BALANCER_NAME_LIMIT = 32
"""Load balancer and target group (Elastic Load Balancing v2 API reference, CreateLoadBalancer)."""
DATABASE_NAME_LIMIT = 63
"""DBInstanceIdentifier (RDS API reference, CreateDBInstance)."""
DISCOVERY_NAME_LIMIT = 63
"""One DNS label (RFC 1035), which is what a Cloud Map service becomes."""


def fit(name: str, suffix: str, limit: int) -> str:
    """`name-suffix` within `limit` characters: the name is cut, the suffix never."""
    room = limit - len(suffix) - 1
    return f"{name[:room].rstrip('-')}-{suffix}"


def deployment_id(aws_account_id: str, region: str, installation: str, name: str) -> str:
    """Eight hex digits that stand for one deployment; the same wherever they are worked out."""
    words = "/".join((aws_account_id, region, installation, name))
    return hashlib.sha256(words.encode()).hexdigest()[:8]


@dataclass(frozen=True)
class AccountNames:
    """What the account stack of one installation is called."""

    installation: str = "default"

    def _named(self, base: str, separator: str = "-") -> str:
        return base if self.installation == "default" else f"{base}{separator}{self.installation}"

    @property
    def access_role(self) -> str:
        return self._named("LangGraphCloudBYOCRole")

    @property
    def execution_role(self) -> str:
        return self._named("LangGraphCloudECSTaskExecutionRole")

    def task_role(self, name: str) -> str:
        """The role of the containers themselves; `default` may do nothing."""
        return self._named(f"LangGraphCloudTaskRole-{name}")

    @property
    def cluster(self) -> str:
        return self._named("langgraph-cloud-cluster")

    @property
    def log_group(self) -> str:
        return self._named("/aws/ecs/langgraph-cloud")

    @property
    def db_subnet_group(self) -> str:
        return self._named("langgraph-cloud-db-subnet-group")

    @property
    def namespace(self) -> str:
        return self._named("langgraph-cloud-redis")

    def security_group(self, role: str) -> str:
        """One of `lb-internal`, `lb-public`, `app`, `cache`, `database`."""
        return self._named(f"langgraph-cloud-{role}")

    def tags(self) -> dict[str, str]:
        """On everything that can carry tags."""
        return {INSTALLATION_TAG: self.installation}


@dataclass(frozen=True)
class DeploymentNames:
    """What one deployment's resources are called; `id` is `deployment_id`'s eight digits."""

    name: str
    id: str
    installation: str = "default"

    def _fit(self, limit: int, role: str = "") -> str:
        suffix = f"{role}-{self.id}" if role else self.id
        return fit(f"lg-{self.name}", suffix, limit)

    @property
    def balancer(self) -> str:
        return self._fit(BALANCER_NAME_LIMIT)

    @property
    def target_group(self) -> str:
        return self._fit(BALANCER_NAME_LIMIT)

    @property
    def database(self) -> str:
        return self._fit(DATABASE_NAME_LIMIT)

    @property
    def parameter_group(self) -> str:
        return self._fit(255)

    @property
    def discovery(self) -> str:
        """The Cloud Map service under which the cache is found."""
        return self._fit(DISCOVERY_NAME_LIMIT)

    def service(self, role: str) -> str:
        """An ECS service or task definition family: `api`, `cache`."""
        return self._fit(255, role)

    def secret(self, name: str) -> str:
        """A Secrets Manager container: `langgraph-cloud/<installation>/<deployment>/<name>`."""
        place = fit(self.name, self.id, 128)
        return (
            f"langgraph-cloud/{self.installation}/{place}/{re.sub(r'[^A-Za-z0-9_.-]', '-', name)}"
        )

    def final_snapshot(self) -> str:
        return self._fit(255, "final")

    def tags(self) -> dict[str, str]:
        """On everything that can carry tags."""
        return {INSTALLATION_TAG: self.installation, DEPLOYMENT_TAG: self.name}
