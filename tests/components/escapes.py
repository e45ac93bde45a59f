"""An account with things of several owners, what the vendor does there, and what it must not do.

`mine` is of the installation `blue`, `others` of another one, `theirs` the customer's own, all
with names that the policies' ARNs let pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from byoc_infra.components._fence import Fence
from byoc_infra.components._task_roles import DEFAULT_ROLES
from byoc_infra.components.service import TLS_POLICY
from byoc_infra.local.authorizer.state import make_service_linked_role
from byoc_infra.local.wire import Call, Principal
from byoc_infra.naming import INSTALLATION_TAG, SECRET_TAG, AccountNames
from tests.local.authorizer.harness import CUSTOMER, REGION, Cloud
from tests.support.recorder import PLACE

__all__ = [
    "FENCE",
    "SERVICE_TAGS",
    "TARGETS",
    "TARGET_TAGS",
    "Things",
    "Try",
    "build",
    "daily",
    "escapes",
    "gaps",
]

NAMES = AccountNames("blue")
SUBNETS = ("subnet-a", "subnet-b")
FENCE = Fence(
    place=PLACE,
    names=NAMES,
    repositories=["agents"],
    task_roles=DEFAULT_ROLES,
    namespace_arn=PLACE.arn("servicediscovery", "namespace/ns-1"),
    task_subnet_ids=SUBNETS,
    balancer_subnet_ids=SUBNETS,
    balancer_group_ids=["sg-lb"],
)
OURS = {INSTALLATION_TAG: "blue"}
FOREIGN = {INSTALLATION_TAG: "green"}
PLATFORM = "langgraph-cloud/blue/platform/LICENSE"
MINE, OTHERS, THEIRS = "lg-mine", "lg-others", "lg-theirs"
OWNERS: Mapping[str, Mapping[str, str]] = {MINE: OURS, OTHERS: FOREIGN, THEIRS: {}}

CLUSTER = PLACE.arn("ecs", f"cluster/{NAMES.cluster}")
DEFINITION = PLACE.arn("ecs", "task-definition/lg-mine-api:1")
BILLING = PLACE.arn("ecs", "task-definition/billing:7")
ROLE = f"arn:aws:iam::{CUSTOMER}:role/"
SECRET = PLACE.arn("secretsmanager", "secret:langgraph-cloud/blue/")
PASSWORD = PLACE.arn("secretsmanager", "secret:rds!db-")


def service(name: str, cluster: str = NAMES.cluster) -> str:
    """An ECS service."""
    return PLACE.arn("ecs", f"service/{cluster}/{name}")


FRESH = "lg-fresh"
"""A service of the installation's that does not scale yet."""
SERVICE_TAGS = {service(name): tags for name, tags in {**OWNERS, FRESH: OURS}.items()}
"""ECS services are not moto's in the local cloud: their ARNs and tags."""


TARGETS = {
    f"service/{NAMES.cluster}/{name}": PLACE.arn(
        "application-autoscaling", f"scalable-target/{name}"
    )
    for name in OWNERS
}
"""What scales, by resource id: neither is that moto's."""
TARGET_TAGS = {TARGETS[f"service/{NAMES.cluster}/{name}"]: tags for name, tags in OWNERS.items()}


@dataclass(frozen=True)
class Try:
    """One API call of the vendor."""

    service: str
    operation: str
    params: Mapping[str, Any] = field(default_factory=dict)
    region: str = REGION

    def but(self, **changes: Any) -> "Try":
        """The same call with other parameters; None leaves one out."""
        params = {**self.params, **changes}
        kept = {name: value for name, value in params.items() if value is not None}
        return Try(self.service, self.operation, kept, self.region)

    def elsewhere(self) -> "Try":
        """The same call in another region."""
        return Try(self.service, self.operation, self.params, "us-east-1")

    def call(self) -> Call:
        """As the authorizer gets it."""
        arn = f"arn:aws:sts::{CUSTOMER}:assumed-role/{NAMES.access_role}/session"
        principal = Principal(arn=arn, account_id=CUSTOMER, role_arn=f"{ROLE}{NAMES.access_role}")
        return Call(
            service=self.service,
            operation=self.operation,
            params=self.params,
            region=self.region,
            principal=principal,
        )


def upper(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """As most services write tags."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def lower(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """As ECS writes them."""
    return [{"key": key, "value": value} for key, value in tags.items()]


@dataclass(frozen=True)
class Things:
    """Ids that AWS makes up."""

    balancers: Mapping[str, str]
    listener: str
    """Of my balancer."""
    secrets: Mapping[str, str]
    discovery: Mapping[str, str]
    vpc: str


def build(cloud: Cloud) -> Things:
    """Make everything of every owner."""
    for owner in ("ecs", "ecs.application-autoscaling", "elasticloadbalancing", "rds"):
        make_service_linked_role(CUSTOMER, f"{owner}.amazonaws.com")
    ec2 = cloud.client("ec2", "admin")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    _databases(cloud)
    balancers = _balancers(cloud, vpc)
    return Things(
        balancers=balancers,
        listener=_made_listener(cloud, balancers[MINE]),
        secrets=_secrets(cloud),
        discovery=_discovery(cloud, vpc),
        vpc=vpc,
    )


def _databases(cloud: Cloud) -> None:
    rds = cloud.client("rds", "admin")
    for name, tags in OWNERS.items():
        rds.create_db_parameter_group(
            DBParameterGroupName=name,
            DBParameterGroupFamily="postgres16",
            Description="d",
            Tags=upper(tags),
        )
        rds.create_db_instance(
            DBInstanceIdentifier=name,
            DBInstanceClass="db.t4g.micro",
            Engine="postgres",
            AllocatedStorage=20,
            MasterUsername="langgraph",
            ManageMasterUserPassword=True,
            Tags=upper(tags),
        )


def _balancers(cloud: Cloud, vpc: str) -> dict[str, str]:
    elb, ec2 = cloud.client("elbv2", "admin"), cloud.client("ec2", "admin")
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{place}.0/24", AvailabilityZone=zone)
        for place, zone in enumerate((f"{REGION}a", f"{REGION}b"))
    ]
    ids = [made["Subnet"]["SubnetId"] for made in subnets]
    return {
        name: elb.create_load_balancer(Name=name, Subnets=ids, Tags=upper(tags) or OTHER_TAG)[
            "LoadBalancers"
        ][0]["LoadBalancerArn"]
        for name, tags in OWNERS.items()
    }


def _made_listener(cloud: Cloud, balancer: str) -> str:
    made = cloud.client("elbv2", "admin").create_listener(
        LoadBalancerArn=balancer,
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
        Tags=upper(OURS),
    )
    return str(made["Listeners"][0]["ListenerArn"])


OTHER_TAG = [{"Key": "team", "Value": "billing"}]


def _secrets(cloud: Cloud) -> dict[str, str]:
    client = cloud.client("secretsmanager", "admin")
    wanted = {f"langgraph-cloud/blue/{name}-1a2b3c4d/KEY": tags for name, tags in OWNERS.items()}
    outside = {
        "team/theirs": {},
        PLATFORM: OURS,
        "rds!db-mine": {SECRET_TAG: "blue"},
        "rds!db-theirs": {SECRET_TAG: "green"},
    }
    return {
        name: client.create_secret(Name=name, SecretString="x", Tags=upper(tags))["ARN"]
        for name, tags in {**wanted, **outside}.items()
    }


def _discovery(cloud: Cloud, vpc: str) -> dict[str, str]:
    client = cloud.client("servicediscovery", "admin")
    operation = client.create_private_dns_namespace(Name="n", Vpc=vpc)["OperationId"]
    space = client.get_operation(OperationId=operation)["Operation"]["Targets"]["NAMESPACE"]
    return {
        name: client.create_service(Name=name, NamespaceId=space, Tags=upper(tags) or OTHER_TAG)[
            "Service"
        ]["Id"]
        for name, tags in OWNERS.items()
    }


def _service_call(operation: str, **params: Any) -> Try:
    network = {"subnets": list(SUBNETS), "assignPublicIp": "DISABLED"}
    base = {
        "cluster": NAMES.cluster,
        "taskDefinition": DEFINITION,
        "networkConfiguration": {"awsvpcConfiguration": network},
        "enableExecuteCommand": False,
    }
    return Try("ecs", operation, {**base, **params})


def _network(**changes: Any) -> dict[str, Any]:
    base = {"subnets": list(SUBNETS), "assignPublicIp": "DISABLED"}
    return {"awsvpcConfiguration": {**base, **changes}}


MAKE_SERVICE = _service_call("CreateService", serviceName="lg-new", tags=lower(OURS))
CHANGE_SERVICE = _service_call("UpdateService", service=MINE)
REGISTER = Try(
    "ecs",
    "RegisterTaskDefinition",
    {
        "family": "lg-new-api",
        "requiresCompatibilities": ["FARGATE"],
        "executionRoleArn": ROLE + NAMES.execution_role,
        "taskRoleArn": ROLE + NAMES.task_role("default"),
        "tags": lower(OURS),
    },
)
TAG_SERVICE = Try(
    "ecs", "TagResource", {"resourceArn": service(MINE), "tags": lower({"team": "x"})}
)
UNTAG_SERVICE = Try("ecs", "UntagResource", {"resourceArn": service(MINE), "tagKeys": ["team"]})
IN_CLUSTER = {"cluster": NAMES.cluster}
COMPUTE: Mapping[str, Try] = {
    "make a service": MAKE_SERVICE,
    "change a service": CHANGE_SERVICE,
    "scale a service": Try("ecs", "UpdateService", {**IN_CLUSTER, "service": MINE}),
    "remove a service": Try("ecs", "DeleteService", {**IN_CLUSTER, "service": MINE}),
    "register a definition": REGISTER,
    "tag a service": TAG_SERVICE,
    "untag a service": UNTAG_SERVICE,
    "see a service": Try("ecs", "DescribeServices", {**IN_CLUSTER, "services": [MINE]}),
    "list tasks": Try("ecs", "ListTasks", IN_CLUSTER),
    "see a definition": Try("ecs", "DescribeTaskDefinition", {"taskDefinition": DEFINITION}),
    "read logs": Try("logs", "FilterLogEvents", {"logGroupName": NAMES.log_group}),
    "see an image": Try("ecr", "DescribeImages", {"repositoryName": "agents"}),
}
COMPUTE_ESCAPES: Mapping[str, Try] = {
    "service with a public address": MAKE_SERVICE.but(
        networkConfiguration=_network(assignPublicIp="ENABLED")
    ),
    "service with a shell": MAKE_SERVICE.but(enableExecuteCommand=True),
    "service in a foreign subnet": MAKE_SERVICE.but(
        networkConfiguration=_network(subnets=["subnet-a", "subnet-z"])
    ),
    "service in no subnet": MAKE_SERVICE.but(networkConfiguration=None),
    "service in a foreign cluster": MAKE_SERVICE.but(cluster="theirs"),
    "service with another's definition": MAKE_SERVICE.but(taskDefinition=BILLING),
    "service without a tag": MAKE_SERVICE.but(tags=None),
    "service of another installation": MAKE_SERVICE.but(tags=lower(FOREIGN)),
    "service of another name": MAKE_SERVICE.but(serviceName="billing"),
    "give a service a public address": CHANGE_SERVICE.but(
        networkConfiguration=_network(assignPublicIp="ENABLED")
    ),
    "give a service a shell": CHANGE_SERVICE.but(enableExecuteCommand=True),
    "move a service to a foreign subnet": CHANGE_SERVICE.but(
        networkConfiguration=_network(subnets=["subnet-z"])
    ),
    "run another's definition in a service": CHANGE_SERVICE.but(taskDefinition=BILLING),
    "change the customer's service": CHANGE_SERVICE.but(service=THEIRS),
    "change another installation's service": CHANGE_SERVICE.but(service=OTHERS),
    "remove the customer's service": Try("ecs", "DeleteService", {**IN_CLUSTER, "service": THEIRS}),
    "adopt the customer's service": TAG_SERVICE.but(resourceArn=service(THEIRS), tags=lower(OURS)),
    "give a service away": TAG_SERVICE.but(tags=lower(FOREIGN)),
    "take a service's fence off": UNTAG_SERVICE.but(tagKeys=["team", INSTALLATION_TAG]),
    "definition for other hosts": REGISTER.but(requiresCompatibilities=["FARGATE", "EXTERNAL"]),
    "definition for any host": REGISTER.but(requiresCompatibilities=None),
    "definition without a tag": REGISTER.but(tags=None),
    "definition of another family": REGISTER.but(family="billing"),
    "definition with another role": REGISTER.but(taskRoleArn=ROLE + "Billing"),
    "start a task": Try("ecs", "RunTask", {**IN_CLUSTER, "taskDefinition": DEFINITION}),
    "enter a container": Try("ecs", "ExecuteCommand", {**IN_CLUSTER, "task": "t"}),
    "list another cluster's tasks": Try("ecs", "ListTasks", {"cluster": "theirs"}),
    "see a definition elsewhere": COMPUTE["see a definition"].elsewhere(),
    "read other logs": Try("logs", "FilterLogEvents", {"logGroupName": "/billing"}),
    "see another image": Try("ecr", "DescribeImages", {"repositoryName": "billing"}),
}

SCALE = Try(
    "application-autoscaling",
    "RegisterScalableTarget",
    {
        "ServiceNamespace": "ecs",
        "ScalableDimension": "ecs:service:DesiredCount",
        "ResourceId": f"service/{NAMES.cluster}/{FRESH}",
        "Tags": OURS,
    },
)


def _scaling_tags(operation: str, name: str, **params: Any) -> Try:
    arn = TARGETS[f"service/{NAMES.cluster}/{name}"]
    return Try("application-autoscaling", operation, {"ResourceARN": arn, **params})


def _changed(name: str) -> Try:
    target = {"ResourceId": f"service/{NAMES.cluster}/{name}", "Tags": None}
    changed = SCALE.but(**target)
    return Try(changed.service, "PutScalingPolicy", changed.params)


SCALING: Mapping[str, Try] = {
    "scale a service by load": SCALE,
    "change scaling": _changed(MINE),
    "see scaling": Try("application-autoscaling", "DescribeScalableTargets"),
    "see scaling's tags": _scaling_tags("ListTagsForResource", MINE),
}
SCALING_ESCAPES: Mapping[str, Try] = {
    "scale databases": SCALE.but(ServiceNamespace="rds"),
    "scale something else": SCALE.but(ScalableDimension="ecs:service:Other"),
    "scaling without a tag": SCALE.but(Tags=None),
    "change the customer's scaling": _changed(THEIRS),
    "change scaling of databases": _changed(MINE).but(ServiceNamespace="rds"),
    "change scaling of something else": _changed(MINE).but(ScalableDimension="other"),
    "adopt another installation's scaling": _scaling_tags("TagResource", OTHERS, Tags=OURS),
    "tag the customer's scaling": _scaling_tags("TagResource", THEIRS, Tags={"team": "x"}),
    "see the customer's scaling tags": _scaling_tags("ListTagsForResource", THEIRS),
    "take scaling's fence off": _scaling_tags("UntagResource", MINE, TagKeys=[INSTALLATION_TAG]),
    "see scaling elsewhere": SCALING["see scaling"].elsewhere(),
    "keep alarms": Try("cloudwatch", "PutMetricAlarm", {"AlarmName": "x"}),
}

BALANCER = Try(
    "elbv2",
    "CreateLoadBalancer",
    {
        "Name": "lg-new",
        "Scheme": "internal",
        "Subnets": list(SUBNETS),
        "SecurityGroups": ["sg-lb"],
        "Tags": upper(OURS),
    },
)


def _listener(balancer: str) -> Try:
    params = {"Protocol": "HTTPS", "SslPolicy": TLS_POLICY, "Tags": upper(OURS)}
    return Try("elbv2", "CreateListener", {"LoadBalancerArn": balancer, **params})


def _traffic(things: Things) -> dict[str, Try]:
    mine = things.balancers[MINE]
    return {
        "make a balancer": BALANCER,
        "make a target group": Try(
            "elbv2", "CreateTargetGroup", {"Name": "lg-new", "Tags": upper(OURS)}
        ),
        "make a listener": _listener(mine),
        "make a plain listener": _listener(mine).but(Protocol="HTTP", SslPolicy=None),
        "tag a balancer": Try(
            "elbv2", "AddTags", {"ResourceArns": [mine], "Tags": upper({"team": "x"})}
        ),
        "move a balancer": Try(
            "elbv2", "SetSubnets", {"LoadBalancerArn": mine, "Subnets": ["subnet-a"]}
        ),
        "remove a balancer": Try("elbv2", "DeleteLoadBalancer", {"LoadBalancerArn": mine}),
        "change a listener": Try("elbv2", "ModifyListener", {"ListenerArn": things.listener}),
        "see balancers": Try("elbv2", "DescribeLoadBalancers"),
        "see listeners": Try("elbv2", "DescribeListeners", {"ListenerArns": [things.listener]}),
    }


def _traffic_escapes(things: Things) -> dict[str, Try]:
    mine, theirs = things.balancers[MINE], things.balancers[THEIRS]
    daily = _traffic(things)
    untag = Try("elbv2", "RemoveTags", {"ResourceArns": [mine], "TagKeys": [INSTALLATION_TAG]})
    return {
        "balancer on the internet": BALANCER.but(Scheme="internet-facing"),
        "balancer of AWS's default scheme": BALANCER.but(Scheme=None),
        "balancer in a foreign subnet": BALANCER.but(Subnets=["subnet-a", "subnet-z"]),
        "balancer in no subnet": BALANCER.but(Subnets=None),
        "balancer in a foreign group": BALANCER.but(SecurityGroups=["sg-lb", "sg-z"]),
        "balancer in the default group": BALANCER.but(SecurityGroups=None),
        "balancer without a tag": BALANCER.but(Tags=None),
        "balancer of another name": BALANCER.but(Name="billing"),
        "network balancer": BALANCER.but(Type="network"),
        "target group without a tag": daily["make a target group"].but(Tags=None),
        "listener on the customer's balancer": _listener(theirs),
        "listener with old TLS": _listener(mine).but(SslPolicy="ELBSecurityPolicy-2016-08"),
        "weaken a listener": daily["change a listener"].but(SslPolicy="ELBSecurityPolicy-2016-08"),
        "listener without a tag": _listener(mine).but(Tags=None),
        "adopt the customer's balancer": Try(
            "elbv2", "AddTags", {"ResourceArns": [theirs], "Tags": upper(OURS)}
        ),
        "give a balancer away": daily["tag a balancer"].but(Tags=upper(FOREIGN)),
        "take a balancer's fence off": untag,
        "move a balancer away": daily["move a balancer"].but(Subnets=["subnet-z"]),
        "open a balancer": Try(
            "elbv2", "SetSecurityGroups", {"LoadBalancerArn": mine, "SecurityGroups": ["sg-z"]}
        ),
        "remove the customer's balancer": Try(
            "elbv2", "DeleteLoadBalancer", {"LoadBalancerArn": theirs}
        ),
        "see balancers elsewhere": daily["see balancers"].elsewhere(),
    }


DATABASE = Try(
    "rds",
    "CreateDBInstance",
    {
        "DBInstanceIdentifier": "lg-new",
        "DBInstanceClass": "db.t4g.micro",
        "Engine": "postgres",
        "EngineVersion": "16.4",
        "StorageEncrypted": True,
        "PubliclyAccessible": False,
        "ManageMasterUserPassword": True,
        "DBSubnetGroupName": NAMES.db_subnet_group,
        "DBParameterGroupName": MINE,
        "Tags": upper({**OURS, SECRET_TAG: "blue"}),
    },
)
CHANGE_DATABASE = Try("rds", "ModifyDBInstance", {"DBInstanceIdentifier": MINE})
SNAPSHOT = Try(
    "rds", "CreateDBSnapshot", {"DBInstanceIdentifier": MINE, "DBSnapshotIdentifier": "lg-s"}
)


def _rds_tags(name: str, **tags: str) -> Try:
    given = {key.replace("_", ":"): value for key, value in tags.items()}
    params = {"ResourceName": PLACE.arn("rds", name), "Tags": upper(given)}
    return Try("rds", "AddTagsToResource", params)


def _rds_untag(name: str, *keys: str) -> Try:
    params = {"ResourceName": PLACE.arn("rds", name), "TagKeys": list(keys)}
    return Try("rds", "RemoveTagsFromResource", params)


PARAMETERS = Try(
    "rds", "CreateDBParameterGroup", {"DBParameterGroupName": "lg-new", "Tags": upper(OURS)}
)
DATABASES: Mapping[str, Try] = {
    "make a database": DATABASE,
    "make a parameter group": PARAMETERS,
    "change a database": CHANGE_DATABASE,
    "remove a database": Try(
        "rds",
        "DeleteDBInstance",
        {"DBInstanceIdentifier": MINE, "FinalDBSnapshotIdentifier": "lg-mine-final"},
    ),
    "snapshot a database": SNAPSHOT,
    "tag a database": _rds_tags(f"db:{MINE}", team="x"),
    "untag a database": _rds_untag(f"db:{MINE}", "team"),
    "see databases": Try("rds", "DescribeDBInstances"),
}
DATABASE_ESCAPES: Mapping[str, Try] = {
    "public database": DATABASE.but(PubliclyAccessible=True),
    "database as public as its subnets": DATABASE.but(PubliclyAccessible=None),
    "unencrypted database": DATABASE.but(StorageEncrypted=False),
    "database of AWS's default encryption": DATABASE.but(StorageEncrypted=None),
    "database with the vendor's password": DATABASE.but(ManageMasterUserPassword=None),
    "database of another engine": DATABASE.but(
        Engine="mysql", OptionGroupName="default:postgres-16"
    ),
    "role for RDS": DATABASE.but(MonitoringRoleArn=ROLE + NAMES.execution_role),
    "database in foreign subnets": DATABASE.but(DBSubnetGroupName="theirs"),
    "database in default subnets": DATABASE.but(DBSubnetGroupName=None),
    "database with another's settings": DATABASE.but(DBParameterGroupName="billing"),
    "database with other options": DATABASE.but(OptionGroupName="billing"),
    "database without a tag": DATABASE.but(Tags=None),
    "database of another installation": DATABASE.but(Tags=upper(FOREIGN)),
    "parameter group without a tag": PARAMETERS.but(Tags=None),
    "take over a database's password": CHANGE_DATABASE.but(ManageMasterUserPassword=False),
    "move a database": CHANGE_DATABASE.but(DBSubnetGroupName="theirs"),
    "change the customer's database": CHANGE_DATABASE.but(DBInstanceIdentifier=THEIRS),
    "change another installation's database": CHANGE_DATABASE.but(DBInstanceIdentifier=OTHERS),
    "adopt another installation's database": _rds_tags(f"db:{OTHERS}", byoc_installation="blue"),
    "adopt a database of another name": _rds_tags("db:billing", byoc_installation="blue"),
    "tag the customer's database": _rds_tags(f"db:{THEIRS}", team="x"),
    "give a database away": _rds_tags(f"db:{MINE}", byoc_installation="green"),
    "take a database's fence off": _rds_untag(f"db:{MINE}", INSTALLATION_TAG),
    "snapshot the customer's database": SNAPSHOT.but(DBInstanceIdentifier=THEIRS),
    "snapshot under another name": SNAPSHOT.but(DBSnapshotIdentifier="billing"),
    "tag a snapshot": _rds_tags("snapshot:lg-s", byoc_installation="blue"),
    "share a snapshot": Try("rds", "ModifyDBSnapshotAttribute", {"DBSnapshotIdentifier": "lg-s"}),
    "remove a snapshot": Try("rds", "DeleteDBSnapshot", {"DBSnapshotIdentifier": "lg-s"}),
    "see another's settings": Try(
        "rds", "DescribeDBParameters", {"DBParameterGroupName": "billing"}
    ),
    "see keys": Try("kms", "DescribeKey", {"KeyId": "1"}),
}


def _secret(owner: str) -> str:
    return f"langgraph-cloud/blue/{owner}-1a2b3c4d/KEY"


NEW_SECRET = Try("secretsmanager", "CreateSecret", {"Name": _secret("new"), "Tags": upper(OURS)})
GUARD = {"ResourcePolicy": "{}", "BlockPublicPolicy": True}


def _on_secret(operation: str, name: str, **params: Any) -> Try:
    return Try("secretsmanager", operation, {"SecretId": name, **params})


SECRETS: Mapping[str, Try] = {
    "make a secret": NEW_SECRET,
    "put a value": _on_secret("PutSecretValue", _secret(MINE)),
    "guard a secret": _on_secret("PutResourcePolicy", _secret(MINE), **GUARD),
    "tag a secret": _on_secret("TagResource", _secret(MINE), Tags=upper(OURS)),
    "untag a secret": _on_secret("UntagResource", _secret(MINE), TagKeys=["team"]),
    "remove a secret": _on_secret("DeleteSecret", _secret(MINE)),
    "see a secret": _on_secret("DescribeSecret", _secret(MINE)),
    "schedule a password": _on_secret("RotateSecret", "rds!db-mine", RotateImmediately=False),
}
SECRET_ESCAPES: Mapping[str, Try] = {
    "secret in another region too": NEW_SECRET.but(AddReplicaRegions=[{"Region": "us-east-1"}]),
    "secret of another name": NEW_SECRET.but(Name="team/new"),
    "secret of another installation": NEW_SECRET.but(Name="langgraph-cloud/green/x-1a2b3c4d/K"),
    "secret without a tag": NEW_SECRET.but(Tags=None),
    "password's secret": NEW_SECRET.but(Name="rds!db-new"),
    "read a value": _on_secret("GetSecretValue", _secret(MINE)),
    "put a value into the customer's secret": _on_secret("PutSecretValue", _secret(THEIRS)),
    "adopt the customer's secret": _on_secret("TagResource", "team/theirs", Tags=upper(OURS)),
    "adopt a password's secret": _on_secret(
        "TagResource", "rds!db-theirs", Tags=upper({SECRET_TAG: "blue"})
    ),
    "adopt another installation's secret": _on_secret(
        "TagResource", _secret(OTHERS), Tags=upper(OURS)
    ),
    "tag the customer's secret": _on_secret(
        "TagResource", _secret(THEIRS), Tags=upper({SECRET_TAG: "blue"})
    ),
    "give a secret away": _on_secret("TagResource", _secret(MINE), Tags=upper(FOREIGN)),
    "take a secret's fence off": _on_secret(
        "UntagResource", _secret(MINE), TagKeys=[INSTALLATION_TAG]
    ),
    "open a secret": _on_secret(
        "PutResourcePolicy", _secret(MINE), ResourcePolicy="{}", BlockPublicPolicy=False
    ),
    "maybe open a secret": _on_secret("PutResourcePolicy", _secret(MINE), ResourcePolicy="{}"),
    "guard the customer's secret": _on_secret("PutResourcePolicy", _secret(THEIRS), **GUARD),
    "put a value into a platform secret": _on_secret("PutSecretValue", PLATFORM),
    "make a platform secret": NEW_SECRET.but(Name=PLATFORM),
    "read a platform secret": _on_secret("GetSecretValue", PLATFORM),
    "see the customer's secret": _on_secret("DescribeSecret", "team/theirs"),
    "schedule another's password": _on_secret("RotateSecret", "rds!db-theirs"),
    "rotate by a function": _on_secret(
        "RotateSecret", "rds!db-mine", RotationLambdaARN="arn:aws:lambda:x"
    ),
}


def _network_calls(things: Things) -> dict[str, Try]:
    mine = things.discovery[MINE]
    return {
        "make discovery": Try(
            "servicediscovery", "CreateService", {"NamespaceId": "ns-1", "Tags": upper(OURS)}
        ),
        "see discovery": Try("servicediscovery", "GetService", {"Id": mine}),
        "list discovery": Try("servicediscovery", "ListServices"),
        "remove discovery": Try("servicediscovery", "DeleteService", {"Id": mine}),
        "see networks": Try("ec2", "DescribeVpcs"),
    }


def _network_escapes(things: Things) -> dict[str, Try]:
    daily, arn = _network_calls(things), PLACE.arn("servicediscovery", "service/x")
    tag = Try("servicediscovery", "TagResource", {"ResourceARN": arn, "Tags": upper(OURS)})
    theirs = things.discovery[THEIRS]
    return {
        "discovery in a foreign namespace": daily["make discovery"].but(NamespaceId="ns-2"),
        "discovery without a tag": daily["make discovery"].but(Tags=None),
        "remove the customer's discovery": daily["remove discovery"].but(Id=theirs),
        "tag discovery otherwise": tag.but(Tags=upper({"byoc:deployment": "x"})),
        "tag discovery with other keys": tag.but(Tags=upper({**OURS, "team": "x"})),
        "tag discovery elsewhere": tag.elsewhere(),
        "take discovery's fence off": Try(
            "servicediscovery",
            "UntagResource",
            {"ResourceARN": arn, "TagKeys": [INSTALLATION_TAG]},
        ),
        "list discovery elsewhere": daily["list discovery"].elsewhere(),
        "see networks elsewhere": daily["see networks"].elsewhere(),
        "see a network's settings": Try("ec2", "DescribeVpcAttribute", {"VpcId": things.vpc}),
    }


def daily(things: Things) -> dict[str, Try]:
    """What the life of a deployment asks: next to each escape lies one of these."""
    return {
        **COMPUTE,
        **SCALING,
        **_traffic(things),
        **DATABASES,
        **SECRETS,
        **_network_calls(things),
    }


def escapes(things: Things) -> dict[str, Try]:
    """What the vendor must not be able to do."""
    return {
        **COMPUTE_ESCAPES,
        **SCALING_ESCAPES,
        **_traffic_escapes(things),
        **DATABASE_ESCAPES,
        **SECRET_ESCAPES,
        **_network_escapes(things),
    }


def gaps(things: Things) -> dict[str, Try]:
    """What no condition key of AWS's can deny; the permissions page names each."""
    arn = PLACE.arn("servicediscovery", f"service/{things.discovery[THEIRS]}")
    return {
        "adopt the customer's database": _rds_tags(f"db:{THEIRS}", byoc_installation="blue"),
        "adopt the customer's discovery": Try(
            "servicediscovery", "TagResource", {"ResourceARN": arn, "Tags": upper(OURS)}
        ),
        "adopt the customer's scaling": _scaling_tags("TagResource", THEIRS, Tags=OURS),
        "make a database public": CHANGE_DATABASE.but(PubliclyAccessible=True),
    }
