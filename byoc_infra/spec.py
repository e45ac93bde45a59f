"""The words that all layers share: what an account and a deployment are asked to be.

Models are frozen and refuse unknown keys. `parse` turns pydantic's complaints into the project's
own errors, so that every refusal names field, wanted, got and the next step.
"""

import difflib
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from byoc_infra.errors import DuplicateName, SpecError

__all__ = [
    "AccessSpec",
    "AccountSpec",
    "DeploymentSpec",
    "ExistingNetworkSpec",
    "ExternalDatabaseSpec",
    "NetworkSpec",
    "PlatformSecret",
    "SecretReference",
    "TaskRoleSpec",
    "TlsMode",
    "TracingSpec",
    "parse",
    "unknown",
]

Spec = TypeVar("Spec", bound="_Spec")

MAY_BE_SECRET = (("secrets",), ("environment",), ("license_key",), ("database_ca_pem",))
"""Fields whose wrong values are never repeated."""

AwsAccountId = Annotated[str, Field(pattern=r"^\d{12}$")]
SubnetId = Annotated[str, Field(pattern=r"^subnet-[0-9a-f]{8,17}$")]
PlatformSecret = Literal[
    "LANGGRAPH_CLOUD_LICENSE_KEY",
    "LANGSMITH_API_KEY",
    "LANGSMITH_CONTROL_PLANE_API_KEY",
    "LANGSMITH_RUNS_ENDPOINTS",
]
"""What an account's owner may give to all deployments, by environment name."""
TlsMode = Literal["require", "verify-full"]
"""`require` encrypts and trusts whoever answers; `verify-full` checks certificate and name."""
Installation = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$")]


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class NetworkSpec(_Spec):
    """The VPC that the account stack makes."""

    cidr: str = "10.40.0.0/16"
    """Private (RFC 1918), /16 to /24."""
    zones: tuple[str, ...] | None = None
    """Names of availability zones; two of the region's when absent."""
    private_cidrs: tuple[str, ...] | None = None
    """One a zone, where the arithmetic's own choice does not fit."""
    public_cidrs: tuple[str, ...] | None = None
    """The same for the subnets of the NAT gateway and internet-facing balancers."""
    nat: Literal["none", "one", "per_zone"] = "one"
    """How private subnets reach the internet; with none, AWS's services by VPC endpoints only."""
    flow_logs: bool = True
    """A record of every connection, in CloudWatch Logs."""
    flow_log_retention_days: int = 90
    """How long they are kept."""


class ExistingNetworkSpec(_Spec):
    """A VPC that is there; the account stack puts tags on it and nothing else."""

    vpc_id: str = Field(pattern=r"^vpc-[0-9a-f]{8,17}$")
    """Of the account and region, with DNS support and DNS host names on."""
    private_subnet_ids: tuple[SubnetId, ...] = Field(min_length=2, max_length=6)
    """One a zone, two zones or more: for tasks, databases and internal balancers."""
    public_subnet_ids: tuple[SubnetId, ...] = Field(default=(), max_length=6)
    """One a zone, for internet-facing balancers; only `public_ingress` needs them."""


class ExternalDatabaseSpec(_Spec):
    """Where a PostgreSQL is that is not of this project."""

    cidr: str
    """IPv4; as narrow as its servers' addresses allow."""
    port: int = 5432
    """On which it takes connections."""


class TaskRoleSpec(_Spec):
    """What applications may do that run with one task role: nothing unless said here."""

    managed_policy_arns: tuple[str, ...] = ()
    """AWS's policies, or the customer's own."""
    policy: dict[str, Any] | None = None
    """An IAM policy document."""
    path: Literal["/langgraph-cloud/", "/"] = "/langgraph-cloud/"
    """`/` only for a role without rights that an earlier version made there."""


class TracingSpec(_Spec):
    """Where the deployments' traces go: to a LangSmith of the customer's own."""

    endpoint: str
    """Its API, such as `https://smith.example.com/api/v1`; the key is the platform secret
    LANGSMITH_API_KEY."""


class AccountSpec(_Spec):
    """What the customer decides when they run the account stack."""

    aws_account_id: AwsAccountId
    """The account to set up; credentials that lead to another one are refused."""
    region: str
    """The region of everything in the stack, such as `eu-west-1`."""
    installation: Installation = "default"
    """Tells several set-ups in one account apart; part of every name but `default`'s."""
    first_region: str | None = None
    """Where the installation was set up first, for the same installation in a second region: names
    in IAM, which is global, get this region's name there. This region when absent."""
    vendor_principal_arn: str
    """The one principal that may assume the role."""
    external_ids: tuple[str, ...] = Field(min_length=1, max_length=2)
    """Made by the control plane; two while one is being replaced."""
    permissions: Literal["least_privilege", "managed"] = "least_privilege"
    """What the role may do: a fenced document of this project, or five AWS policies."""
    permissions_boundary_arn: str | None = None
    """An IAM policy of yours that limits every role made here, whatever else it may do."""
    network: NetworkSpec | None = None
    """The new VPC, or …"""
    existing_network: ExistingNetworkSpec | None = None
    """… one that is there; with neither, a new one with the defaults."""
    redis_image: str
    """By digest (`…@sha256:…`), as the account's owner decides what runs; `byoc account up` takes a
    tag of the account's ECR as well and resolves it."""
    repositories: tuple[str, ...] = Field(min_length=1)
    """Names of the ECR repositories that deployments may run images from."""
    task_roles: dict[str, TaskRoleSpec] = Field(default={}, validate_default=True)
    """By name: what applications may run with. `default` is always there and may do nothing. A
    list of names, as earlier versions took it, means roles without rights at the path `/`."""
    platform_secrets: tuple[PlatformSecret, ...] = ()
    """Which secrets all deployments get; `byoc account secrets put` gives the values."""
    tracing: TracingSpec | None = None
    """No trace leaves without this or the platform secret LANGSMITH_RUNS_ENDPOINTS, unless a
    deployment itself sets LANGSMITH_TRACING."""
    ingress_cidrs: tuple[str, ...] | None = None
    """Who may reach internal load balancers; the VPC's own range when absent."""
    public_ingress: bool = False
    """Let deployments have internet-facing load balancers."""
    egress_ports: tuple[int, ...] = (443,)
    """TCP ports on which the applications may reach the internet."""
    external_databases: tuple[ExternalDatabaseSpec, ...] = ()
    """PostgreSQL servers of your own that the applications may reach; all else stays closed."""
    max_session_s: int = Field(default=3600, ge=3600, le=43200)
    """The longest session of the role."""
    log_retention_days: int = 30
    """How long the deployments' log lines are kept."""
    create_service_linked_roles: tuple[str, ...] = (
        *("elasticloadbalancing", "rds", "ecs"),
        "ecs.application-autoscaling",
    )
    """Those that the account does not have yet; AWS makes each once, and they stay."""

    @field_validator("task_roles", mode="before")
    @classmethod
    def _with_default(cls, given: object) -> object:
        """The list of earlier versions as a mapping; `default` at the path it always had."""
        plain = {"path": "/"}
        if isinstance(given, list | tuple):
            if twice := next((name for name in given if given.count(name) > 1), None):
                raise DuplicateName(
                    "task_roles",
                    wanted="each name once",
                    got=f"{twice!r} twice",
                    next_step="Remove one.",
                )
            given = dict.fromkeys(given, plain)
        if not isinstance(given, dict):
            return given
        default = given.get("default") or {}
        if isinstance(default, TaskRoleSpec):
            default = default.model_dump()
        if isinstance(default, dict):
            default = {**default, **plain}
        return {
            "default": default,
            **{key: role for key, role in given.items() if key != "default"},
        }


class SecretReference(_Spec):
    """An existing Secrets Manager secret, or one key of it."""

    arn: str
    """In the deployment's account and region, tagged `langgraph-cloud` = installation."""
    json_key: str | None = None
    """Which key, where the secret holds JSON; the whole value when absent."""
    version_id: str | None = None
    """Which version; the current one when absent."""


class DeploymentSpec(_Spec):
    """One LangGraph deployment, as a person or the control plane asks for it."""

    name: str = Field(min_length=1, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    """Lower-case letters, digits and single hyphens; part of every name of the deployment."""
    aws_account_id: AwsAccountId
    """The customer's account; credentials that lead to another one are refused."""
    region: str
    """Where the account stack has been run, such as `eu-west-1`."""
    installation: Installation = "default"
    """Which set-up of the account to use."""
    image: str
    """Repository URI with tag or digest; a tag is resolved to its digest before anything runs."""
    environment: dict[str, str] = {}
    """Variables of the containers, readable by whoever may describe tasks; no secrets."""
    secrets: dict[str, SecretReference | None] = {}
    """By environment name: a reference, or null for a container that `byoc secrets put` fills.
    With POSTGRES_URI_CUSTOM there is no RDS instance: its value is the address of your own."""
    size: Literal["development", "production"] = "development"
    """`production`: API and queue service of 2 to 10 containers each, a database in two zones."""
    cpu: int | None = None
    """Of a task, such as 1024; the size class's when absent."""
    memory_mib: int | None = None
    """Memory of a task, one that Fargate has for its CPU; the size class's when absent."""
    min_scale: int | None = None
    """Containers of the API service; the size class's when absent."""
    max_scale: int | None = None
    """The most of them."""
    queue_min_scale: int | None = None
    """Containers of the queue service; `production` only, as all that begins with `queue_`."""
    queue_max_scale: int | None = None
    """The most of them."""
    queue_cpu: int | None = None
    """CPU units; the API service's when absent."""
    queue_memory_mib: int | None = None
    """Memory of a task of the queue service; the API service's when absent."""
    task_role: str = "default"
    """What the application may do in AWS: one of the account's `task_roles`."""
    public: bool = False
    """An internet-facing load balancer; needs `public_ingress` in the account."""
    deletion_protection: bool = True
    """Refuse to delete database and load balancer until `byoc deployment destroy` lifts it."""
    final_snapshot: bool = True
    """Keep a last snapshot of the database when the deployment is removed."""
    password_rotation_days: int = Field(default=90, ge=1, le=1000)
    """How often AWS makes a new database password."""
    mount_prefix: str = ""
    """Where the server is mounted, such as `/agents`; `/ok` moves along."""
    postgres_version: str | None = None
    """Of RDS: a major version, whose minor one RDS keeps up to date, or an exact one; 16 when
    absent. It is chosen once."""
    database_instance_class: str | None = None
    """What RDS runs on, such as `db.m7g.xlarge`; the size class's when absent."""
    database_storage_gib: int | None = None
    """What RDS begins with; it never shrinks. The size class's when absent."""
    database_tls: TlsMode = "require"
    """`require` encrypts; `verify-full` also checks the server's certificate and name."""
    database_ca_pem: str | None = None
    """With `verify-full`: the CA's public certificates. For RDS the region's own when absent."""
    database_max_connections: int | None = None
    """Of an external PostgreSQL: how many this deployment may use; the size class's when absent."""
    license_key: SecretReference | None = None
    """Becomes LANGGRAPH_CLOUD_LICENSE_KEY, which the vendor's image wants."""
    certificate_arn: str | None = None
    """An ACM certificate of the account and region: HTTPS on 443; a public deployment needs one."""
    domain: str | None = None
    """The host name that the certificate is for; you point it at the balancer."""


class AccessSpec(_Spec):
    """How the control plane reaches an account; never part of a stack's inputs."""

    role_arn: str = Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$")
    """The role that the account stack has made; worked out from the installation when absent."""
    external_id: str
    """What the role's trust asks for: one of the account file's `external_ids`."""
    source_identity: str = Field(min_length=2, max_length=64)
    """Who asked; CloudTrail shows it with every call (STS API reference, AssumeRole)."""
    session_policy: str | None = None
    """A JSON policy that narrows each session further."""
    duration_s: int = Field(default=3600, ge=900, le=43200)
    """How long a session lasts before it is renewed; no longer than `max_session_s`."""


def parse(kind: type[Spec], values: dict[str, Any]) -> Spec:
    """`values` as a `kind`, or a `SpecError` that names the first wrong field."""
    try:
        return kind.model_validate(values)
    except ValidationError as refused:
        errors = refused.errors(include_url=False)
        # A misspelt name is one error and the field that is missing for it another.
        first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
        if first["type"] == "extra_forbidden":
            *above, name = first["loc"]
            place = "".join(f"{part}." for part in above)
            raise unknown(place, str(name), _fields_at(kind, above)) from refused
        raise SpecError(
            ".".join(str(part) for part in first["loc"]) or kind.__name__,
            wanted=first["msg"],
            got=_got(first["loc"], first["input"]),
            next_step=f"Correct it; {len(errors)} field(s) need a change.",
        ) from refused


def unknown(place: str, name: str, known: Iterable[str]) -> SpecError:
    """The refusal of a key that nobody reads, with the known one that it may have meant."""
    choices = sorted(known)
    near = difflib.get_close_matches(name, choices, n=1)
    return SpecError(
        f"{place}{name}",
        wanted="a known key",
        got="one that nothing reads",
        next_step=f"Did you mean {place}{near[0]}?" if near else f"Known: {', '.join(choices)}.",
    )


def _fields_at(kind: type[BaseModel], place: Sequence[int | str]) -> set[str]:
    """The field names where `place` leads; indices and names of entries lead on."""
    kinds = [kind]
    for part in place:
        found = [one.model_fields[str(part)] for one in kinds if str(part) in one.model_fields]
        if found:
            kinds = [one for field in found for one in _models(field.annotation)]
    return {name for one in kinds for name in one.model_fields}


def _models(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [one for part in get_args(annotation) for one in _models(part)]


def _got(place: tuple[int | str, ...], given: object) -> str:
    """What was given, unless it may be a secret that somebody wrote where a reference belongs."""
    if isinstance(given, dict):
        return "nothing"
    return f"a {type(given).__name__}" if place[:1] in MAY_BE_SECRET else repr(given)
