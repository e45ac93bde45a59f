"""Load balancers and target groups; listeners are in `elbv2_listener.py`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from byoc_infra.local.provider.aws import Client, ProviderError, error_code
from byoc_infra.local.provider.properties import Json, Props
from byoc_infra.local.provider.resource import Resource, params, tag_list, tag_map, unique
from byoc_infra.local.provider.schema import Failure

__all__ = ["Elb", "LoadBalancer", "TargetGroup"]


class Elb(Resource):
    """Everything of Elastic Load Balancing is tagged by ARN, which is the id."""

    @property
    def elb(self) -> Client:
        """The Elastic Load Balancing v2 client."""
        return self.aws.client("elbv2")

    def tags_of(self, arn: str) -> Props:
        """DescribeTags."""
        found = self.elb.describe_tags(ResourceArns=[arn])["TagDescriptions"]
        return tag_map(found[0]["Tags"]) if found else {}

    def tag(self, resource_id: str, state: Props, tags: Mapping[str, str]) -> None:
        """AddTags."""
        self.elb.add_tags(ResourceArns=[resource_id], Tags=tag_list(tags))

    def untag(self, resource_id: str, state: Props, keys: Sequence[str]) -> None:
        """RemoveTags."""
        self.elb.remove_tags(ResourceArns=[resource_id], TagKeys=list(keys))

    def refuse_taken(self, name: str, look: Callable[[], Sequence[Json]]) -> None:
        """A create looks the name up first and fails if it is taken."""
        try:
            taken = look()
        except ClientError as refused:
            if error_code(refused) not in self.gone:
                raise
            taken = []
        if taken:
            text = f"{self.title} ({name}) already exists"
            raise ProviderError(text)


def _text(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _from_attributes(attributes: Sequence[Json], names: Mapping[str, str], prior: Props) -> Props:
    """Attributes as inputs; one that AWS does not list is as the state has it."""
    listed = {each["Key"]: each["Value"] for each in attributes}
    found = {}
    for name, key in names.items():
        if key in listed:
            found[name] = _typed(listed[key])
        elif prior.get(name) is not None:
            found[name] = prior[name]
    return found


def _typed(text: str) -> Json:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.isdigit() else text


class LoadBalancer(Elb):
    """`aws:lb/loadBalancer:LoadBalancer`; elbv2: resourceLoadBalancerCreate, …Read, …Update."""

    type_name = "aws:lb/loadBalancer:LoadBalancer"
    title = "ELBv2 Load Balancer"
    gone = ("LoadBalancerNotFound", "LoadBalancerNotFoundException")
    unmodelled = (
        "accessLogs",
        "connectionLogs",
        "dnsRecordClientRoutingPolicy",
        "enableCrossZoneLoadBalancing",
        "enablePrefixForIpv6SourceNat",
        "enforceSecurityGroupInboundRulesOnPrivateLinkTraffic",
        "healthCheckLogs",
        "ipamPools",
        "loadBalancerType",
        "minimumLoadBalancerCapacity",
        "secondaryIpsAutoAssignedPerSubnet",
        "subnetMappings",
    )
    attributes: ClassVar[dict[str, str]] = {
        "enableDeletionProtection": "deletion_protection.enabled",
        "idleTimeout": "idle_timeout.timeout_seconds",
        "enableHttp2": "routing.http2.enabled",
        "dropInvalidHeaderFields": "routing.http.drop_invalid_header_fields.enabled",
        "preserveHostHeader": "routing.http.preserve_host_header.enabled",
        "enableXffClientPort": "routing.http.xff_client_port.enabled",
        "enableWafFailOpen": "waf.fail_open.enabled",
        "enableTlsVersionAndCipherSuiteHeaders": (
            "routing.http.x_amzn_tls_version_and_cipher_suite.enabled"
        ),
        "desyncMitigationMode": "routing.http.desync_mitigation_mode",
        "xffHeaderProcessingMode": "routing.http.xff_header_processing.mode",
        "clientKeepAlive": "client_keep_alive.seconds",
        "enableZonalShift": "zonal_shift.config.enabled",
    }
    other_types: ClassVar[tuple[str, ...]] = (
        "enableCrossZoneLoadBalancing",
        "dnsRecordClientRoutingPolicy",
    )
    """Attributes of network and gateway balancers, which are not modelled: always the default."""

    def make(self, new: Props) -> str:
        """DescribeLoadBalancers by name, CreateLoadBalancer."""
        name = new.get("name") or unique(new["namePrefix"])
        self.refuse_taken(
            name, lambda: self.elb.describe_load_balancers(Names=[name])["LoadBalancers"]
        )
        answer = self.elb.create_load_balancer(
            Name=name,
            Type=new["loadBalancerType"],
            **({"Scheme": "internal"} if new.get("internal") else {}),
            **params(new, "subnets", "securityGroups", "ipAddressType", "customerOwnedIpv4Pool"),
            **({"Tags": tag_list(new["tagsAll"])} if new.get("tagsAll") else {}),
        )
        arn: str = answer["LoadBalancers"][0]["LoadBalancerArn"]
        return arn

    def settle(self, resource_id: str, new: Props) -> None:
        """Wait for `active`, ModifyLoadBalancerAttributes, wait again."""
        self._wait_active(resource_id)
        logs = [
            {"Key": f"{kind}_logs.s3.enabled", "Value": "false"}
            for kind in ("access", "connection", "health_check")
        ]
        self._modify(resource_id, new, tuple(self.attributes), logs)
        self._wait_active(resource_id)

    def _modify(
        self, resource_id: str, new: Props, names: Sequence[str], more: Sequence[Json] = ()
    ) -> None:
        changes = [
            {"Key": self.attributes[name], "Value": _text(new[name])}
            for name in names
            if name in self.attributes and new.get(name) is not None
        ]
        if changes or more:
            self.elb.modify_load_balancer_attributes(
                LoadBalancerArn=resource_id, Attributes=[*more, *changes]
            )

    def _wait_active(self, resource_id: str) -> None:
        what = f"ELBv2 Load Balancer ({resource_id}) create"
        self.aws.wait(what, lambda: self._active(resource_id))

    def _find(self, resource_id: str) -> Json:
        answer = self.elb.describe_load_balancers(LoadBalancerArns=[resource_id])
        return next(iter(answer["LoadBalancers"]), None)

    def _active(self, resource_id: str) -> Json:
        balancer = self._find(resource_id)
        state = balancer["State"] if balancer else {}
        if state.get("Code") == "failed":
            text = f"state failed: {state.get('Reason')}"
            raise ProviderError(text)
        return balancer if state.get("Code") == "active" else None

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeLoadBalancers, its attributes, its capacity, its tags."""
        balancer = self._find(resource_id)
        if balancer is None:
            return None
        attributes = self.elb.describe_load_balancer_attributes(LoadBalancerArn=resource_id)
        self._capacity(resource_id)
        others = {name: state.get(name, self.rules.defaults[name]) for name in self.other_types}
        return {
            **_from_attributes(attributes["Attributes"], self.attributes, state),
            **others,
            "arn": resource_id,
            "arnSuffix": resource_id.partition(":loadbalancer/")[2],
            "name": balancer["LoadBalancerName"],
            "dnsName": balancer["DNSName"],
            "zoneId": balancer.get("CanonicalHostedZoneId"),
            "vpcId": balancer.get("VpcId"),
            "internal": balancer.get("Scheme") == "internal",
            "loadBalancerType": balancer["Type"],
            "ipAddressType": balancer.get("IpAddressType"),
            "securityGroups": balancer.get("SecurityGroups", []),
            "subnets": [zone["SubnetId"] for zone in balancer["AvailabilityZones"]],
            "tags": self.tags_of(resource_id),
        }

    def _capacity(self, resource_id: str) -> None:
        """Asked for and, where it is not allowed, done without, as the real provider does."""
        try:
            self.elb.describe_capacity_reservation(LoadBalancerArn=resource_id)
        except ClientError as refused:
            if error_code(refused) not in ("AccessDenied", "InvalidAction"):
                raise

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """Attributes, security groups, subnets, address type: one call each."""
        self._modify(resource_id, new, sorted(changed))
        where = {"LoadBalancerArn": resource_id}
        if "securityGroups" in changed:
            groups = new.get("securityGroups") or []
            self.elb.set_security_groups(**where, SecurityGroups=groups)
        if "subnets" in changed:
            self.elb.set_subnets(**where, Subnets=new["subnets"])
        if "ipAddressType" in changed:
            self.elb.set_ip_address_type(**where, IpAddressType=new["ipAddressType"])
        self._wait_active(resource_id)
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """DeleteLoadBalancer, then a look whether its interfaces are gone."""
        self.elb.delete_load_balancer(LoadBalancerArn=resource_id)
        name = resource_id.partition(":loadbalancer/")[2]
        self.aws.client("ec2").describe_network_interfaces(
            Filters=[
                {"Name": "attachment.instance-owner-id", "Values": ["amazon-elb"]},
                {"Name": "description", "Values": [f"ELB {name}"]},
            ]
        )


class TargetGroup(Elb):
    """`aws:lb/targetGroup:TargetGroup`; elbv2: resourceTargetGroupCreate, …Read, …Update."""

    type_name = "aws:lb/targetGroup:TargetGroup"
    title = "ELBv2 Target Group"
    gone = ("TargetGroupNotFound", "TargetGroupNotFoundException")
    unmodelled = (
        "connectionTermination",
        "lambdaMultiValueHeadersEnabled",
        "preserveClientIp",
        "proxyProtocolV2",
        "stickiness.cookieName",
        "targetControlPort",
        "targetFailovers",
        "targetGroupHealth",
        "targetHealthStates",
    )
    attributes: ClassVar[dict[str, str]] = {
        "deregistrationDelay": "deregistration_delay.timeout_seconds",
        "slowStart": "slow_start.duration_seconds",
        "loadBalancingAlgorithmType": "load_balancing.algorithm.type",
        "loadBalancingAnomalyMitigation": "load_balancing.algorithm.anomaly_mitigation",
        "loadBalancingCrossZoneEnabled": "load_balancing.cross_zone.enabled",
    }
    other_types: ClassVar[tuple[str, ...]] = (
        "proxyProtocolV2",
        "lambdaMultiValueHeadersEnabled",
        "connectionTermination",
        "preserveClientIp",
    )
    check_names: ClassVar[dict[str, str]] = {
        "enabled": "HealthCheckEnabled",
        "interval": "HealthCheckIntervalSeconds",
        "healthyThreshold": "HealthyThresholdCount",
        "unhealthyThreshold": "UnhealthyThresholdCount",
        "timeout": "HealthCheckTimeoutSeconds",
        "path": "HealthCheckPath",
        "port": "HealthCheckPort",
        "protocol": "HealthCheckProtocol",
    }

    @classmethod
    def refuse(cls, inputs: Props) -> list[Failure]:
        """port, protocol and vpcId unless it is of Lambdas; a TCP check has no path."""
        failures = [
            Failure(name, f"'{name}' is required unless targetType is lambda")
            for name in ("port", "protocol", "vpcId")
            if name not in inputs and inputs.get("targetType") != "lambda"
        ]
        check = inputs.get("healthCheck") or {}
        if isinstance(check, dict) and check.get("protocol") == "TCP":
            failures += [
                Failure(f"healthCheck.{name}", f"'{name}' is not for TCP health checks")
                for name in ("path", "matcher")
                if check.get(name)
            ]
        return failures

    def make(self, new: Props) -> str:
        """DescribeTargetGroups by name, CreateTargetGroup."""
        name = new.get("name") or unique(new["namePrefix"])
        self.refuse_taken(
            name, lambda: self.elb.describe_target_groups(Names=[name])["TargetGroups"]
        )
        answer = self.elb.create_target_group(
            Name=name,
            **params(new, "targetType", "port", "protocol", "protocolVersion", "vpcId"),
            **params(new, "ipAddressType"),
            **self._check(new),
            **({"Tags": tag_list(new["tagsAll"])} if new.get("tagsAll") else {}),
        )
        arn: str = answer["TargetGroups"][0]["TargetGroupArn"]
        return arn

    def _check(self, new: Props) -> dict[str, Any]:
        check = new.get("healthCheck")
        if not check:
            return {}
        matcher = {"Matcher": {"HttpCode": check["matcher"]}} if check.get("matcher") else {}
        return {**params(check, **self.check_names), **matcher}

    def settle(self, resource_id: str, new: Props) -> None:
        """ModifyTargetGroupAttributes."""
        self._modify(resource_id, new, tuple(n for n in self.attributes if new.get(n)))

    def _modify(self, resource_id: str, new: Props, names: Sequence[str]) -> None:
        changes = [
            {"Key": self.attributes[name], "Value": _text(new.get(name, ""))}
            for name in names
            if name in self.attributes
        ]
        sticky = new.get("stickiness") if "stickiness" in names or not names else None
        changes += _stickiness(sticky or {})
        if changes:
            self.elb.modify_target_group_attributes(TargetGroupArn=resource_id, Attributes=changes)

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeTargetGroups, its attributes, its tags."""
        answer = self.elb.describe_target_groups(TargetGroupArns=[resource_id])
        group = next(iter(answer["TargetGroups"]), None)
        if group is None:
            return None
        attributes = self.elb.describe_target_group_attributes(TargetGroupArn=resource_id)
        return {
            **_from_attributes(attributes["Attributes"], self.attributes, state),
            **{name: state.get(name) for name in self.other_types},
            "arn": resource_id,
            "arnSuffix": resource_id.rpartition(":")[2],
            "name": group["TargetGroupName"],
            "port": group.get("Port"),
            "protocol": group.get("Protocol"),
            "protocolVersion": group.get("ProtocolVersion"),
            "vpcId": group.get("VpcId"),
            "targetType": group.get("TargetType"),
            "ipAddressType": group.get("IpAddressType"),
            "loadBalancerArns": group.get("LoadBalancerArns", []),
            "healthCheck": self._from_check(group),
            "stickiness": _from_stickiness(attributes["Attributes"]),
            "tags": self.tags_of(resource_id),
        }

    def _from_check(self, group: Json) -> Props:
        found = {name: group[key] for name, key in self.check_names.items() if key in group}
        matcher = (group.get("Matcher") or {}).get("HttpCode")
        return {**found, "matcher": matcher} if matcher else found

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """ModifyTargetGroup for the check, ModifyTargetGroupAttributes for the rest."""
        if "healthCheck" in changed and self._check(new):
            self.elb.modify_target_group(TargetGroupArn=resource_id, **self._check(new))
        rest = sorted(changed - {"healthCheck"})
        if rest:
            self._modify(resource_id, new, rest)
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """DeleteTargetGroup, retried while a listener or rule uses it."""
        self.aws.retry(
            f"deleting ELBv2 Target Group ({resource_id})",
            lambda: self.elb.delete_target_group(TargetGroupArn=resource_id),
            "ResourceInUse",
            timeout_s=20,
        )


def _stickiness(sticky: Props) -> list[dict[str, str]]:
    if not sticky:
        return []
    enabled = {"Key": "stickiness.enabled", "Value": _text(sticky.get("enabled", True))}
    kind = {"Key": "stickiness.type", "Value": sticky["type"]}
    if not sticky.get("enabled", True) or sticky["type"] != "lb_cookie":
        return [enabled, kind]
    seconds = _text(sticky.get("cookieDuration", 86400))
    return [enabled, kind, {"Key": "stickiness.lb_cookie.duration_seconds", "Value": seconds}]


def _from_stickiness(attributes: Sequence[Json]) -> Props | None:
    listed = {each["Key"]: each["Value"] for each in attributes}
    if "stickiness.type" not in listed:
        return None
    return {
        "enabled": listed.get("stickiness.enabled") == "true",
        "type": listed["stickiness.type"],
        "cookieDuration": int(listed.get("stickiness.lb_cookie.duration_seconds", 86400)),
    }
