"""Names and tags of everything that byoc-infra makes; pure.

Names are fixed, not random: a run that was killed is repeated by finding what it made. The
defaults are those of the platform's original set-up module.
"""

import hashlib
import re
from dataclasses import dataclass

__all__ = [
    "DEPLOYMENT_PREFIX",
    "DEPLOYMENT_TAG",
    "ENABLED_TAG",
    "FARGATE_SERVICES",
    "INSTALLATION_TAG",
    "PLATFORM_SECRETS_TAG",
    "PRIVATE_TAG",
    "REDIS_IMAGE_TAG",
    "ROLE_SUFFIX_TAG",
    "SECRET_TAG",
    "TASK_ROLES_TAG",
    "TASK_ROLE_PATH",
    "TRACING_TAG",
    "AccountNames",
    "DeploymentNames",
    "Place",
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
PLATFORM_SECRETS_TAG = "byoc:platform-secrets"
"""On the cluster: which secrets every deployment gets, by environment name, space between."""
TRACING_TAG = "byoc:tracing-endpoint"
"""On the cluster: where deployments send their traces."""
TASK_ROLES_TAG = "byoc:task-roles"
"""On the cluster: the task roles by name, space between; one with a slash is at the path `/`."""
ROLE_SUFFIX_TAG = "byoc:role-suffix"
"""On the cluster: what the names of the installation's roles end with; absent in its first
region."""

TASK_ROLE_PATH = "/langgraph-cloud/"
"""The IAM path of every task role but `default`."""

DEPLOYMENT_PREFIX = "lg-"
"""What the names of everything of a deployment begin with; the access role is fenced by it."""

FARGATE_SERVICES = ("s3", "ecr.api", "ecr.dkr", "logs", "secretsmanager")
"""AWS's names of what Fargate calls before a task runs; S3 is where ECR keeps the layers (ECR
user guide, interface VPC endpoints; Secrets Manager and Logs for what our tasks ask of it)."""

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
class Place:
    """An AWS account and a region: what ARNs are made of."""

    aws_account_id: str
    region: str

    @property
    def partition(self) -> str:
        """`aws`, or that of China's or the US government's regions."""
        if self.region.startswith("cn-"):
            return "aws-cn"
        return "aws-us-gov" if self.region.startswith("us-gov-") else "aws"

    @property
    def dns_suffix(self) -> str:
        """What the names of AWS's own hosts end with."""
        return "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"

    def arn(self, service: str, resource: str) -> str:
        """The ARN of something regional in this account."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.aws_account_id}:{resource}"

    def role_arn(self, name: str, path: str = "/") -> str:
        """The ARN of a role; IAM is global."""
        return f"arn:{self.partition}:iam::{self.aws_account_id}:role{path}{name}"


@dataclass(frozen=True)
class AccountNames:
    """What the account stack of one installation is called."""

    installation: str = "default"
    role_suffix: str = ""
    """What names in IAM end with outside the installation's first region: IAM is global."""

    @classmethod
    def of(cls, installation: str, region: str, first_region: str | None = None) -> "AccountNames":
        """The names in `region`, where the installation began in `first_region` (None: here)."""
        elsewhere = first_region is not None and first_region != region
        return cls(installation, f"-{region}" if elsewhere else "")

    def _named(self, base: str, separator: str = "-") -> str:
        return base if self.installation == "default" else f"{base}{separator}{self.installation}"

    def _in_iam(self, base: str) -> str:
        return self._named(base) + self.role_suffix

    @property
    def access_role(self) -> str:
        """What the control plane assumes."""
        return self._in_iam("LangGraphCloudBYOCRole")

    @property
    def execution_role(self) -> str:
        """What ECS starts tasks with."""
        return self._in_iam("LangGraphCloudECSTaskExecutionRole")

    def task_role(self, name: str) -> str:
        """The role of the containers themselves; `default` may do nothing."""
        return self._in_iam(f"LangGraphCloudTaskRole-{name}")

    @property
    def task_boundary(self) -> str:
        """The policy that bounds task roles, where the account's owner has given none."""
        return self._in_iam("LangGraphCloudTaskBoundary")

    def access_policy(self, surface: str) -> str:
        """One of the policies of the access role, such as `compute` or `data`."""
        return f"{self.access_role}-{surface}"

    @property
    def cluster(self) -> str:
        """The ECS cluster."""
        return self._named("langgraph-cloud-cluster")

    @property
    def log_group(self) -> str:
        """Where all deployments log."""
        return self._named("/aws/ecs/langgraph-cloud")

    @property
    def db_subnet_group(self) -> str:
        """Where databases lie."""
        return self._named("langgraph-cloud-db-subnet-group")

    @property
    def namespace(self) -> str:
        """The private DNS name space of the caches."""
        return self._named("langgraph-cloud-redis")

    @property
    def secrets(self) -> str:
        """What the names of all secret containers of the installation begin with."""
        return f"langgraph-cloud/{self.installation}/"

    def platform_secret(self, name: str) -> str:
        """The container of a secret that every deployment of the installation gets."""
        return f"{self.secrets}platform/{name}"

    @property
    def flow_log_group(self) -> str:
        """Where the network's flow logs are."""
        return self._named("/aws/vpc/langgraph-cloud")

    @property
    def flow_log_role(self) -> str:
        """What VPC flow logs write with."""
        return self._in_iam("LangGraphCloudFlowLogRole")

    def security_group(self, role: str) -> str:
        """One of `lb-internal`, `lb-public`, `app`, `cache`, `database`, `endpoints`."""
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
        return fit(f"{DEPLOYMENT_PREFIX}{self.name}", suffix, limit)

    @property
    def balancer(self) -> str:
        """The load balancer."""
        return self._fit(BALANCER_NAME_LIMIT)

    @property
    def target_group(self) -> str:
        """The target group of the API service."""
        return self._fit(BALANCER_NAME_LIMIT)

    @property
    def database(self) -> str:
        """The RDS instance."""
        return self._fit(DATABASE_NAME_LIMIT)

    @property
    def parameter_group(self) -> str:
        """Its settings."""
        return self._fit(255)

    @property
    def discovery(self) -> str:
        """The Cloud Map service under which the cache is found."""
        return self._fit(DISCOVERY_NAME_LIMIT)

    def service(self, role: str) -> str:
        """An ECS service or task definition family: `api`, `cache`."""
        return self._fit(255, role)

    @property
    def log_prefix(self) -> str:
        """What the names of its log streams begin with: `<prefix>/<container>/<task>`."""
        return self._fit(128)

    def secret(self, name: str) -> str:
        """A Secrets Manager container: `langgraph-cloud/<installation>/<deployment>/<name>`."""
        place = AccountNames(self.installation).secrets + fit(self.name, self.id, 128)
        return f"{place}/{re.sub(r'[^A-Za-z0-9_.-]', '-', name)}"

    def final_snapshot(self) -> str:
        """The last snapshot of the database."""
        return self._fit(255, "final")

    def tags(self) -> dict[str, str]:
        """On everything that can carry tags."""
        return {INSTALLATION_TAG: self.installation, DEPLOYMENT_TAG: self.name}
