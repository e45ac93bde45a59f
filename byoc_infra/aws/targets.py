"""Whether the balancer's targets are healthy: asked target by target, or by CloudWatch's count."""

import datetime
from dataclasses import dataclass

from byoc_infra.aws.session import Session
from byoc_infra.errors import AccessRefused

__all__ = ["TargetTruth", "target_truth"]

LEAVING = frozenset({"draining", "unused"})
MINUTES_BACK = 5


@dataclass(frozen=True)
class TargetTruth:
    """How many targets may get requests, and how that is known."""

    healthy: int | None
    """None is *unknown*: the role may ask neither way."""
    sick: tuple[str, ...] = ()
    how: str = "DescribeTargetHealth"

    def problem(self, wanted: int) -> str | None:
        """What is wrong when `wanted` targets should be healthy; nothing for *unknown*."""
        if self.healthy is None:
            return None
        if self.sick:
            return "; ".join(self.sick)
        if self.healthy < max(wanted, 1):
            return f"{self.healthy} of {max(wanted, 1)} targets are healthy"
        return None


def target_truth(session: Session, target_group: str, addresses: set[str]) -> TargetTruth:
    """The targets of `target_group`; with `addresses`, those of the running tasks only."""
    try:
        found = session.ask("elbv2", "describe_target_health", TargetGroupArn=target_group)
    except AccessRefused:
        return _counted(session, target_group)
    healthy = 0
    sick = []
    for one in found.get("TargetHealthDescriptions", []):
        address, health = one["Target"]["Id"], one["TargetHealth"]
        if health["State"] in LEAVING or (addresses and address not in addresses):
            continue
        if health["State"] == "healthy":
            healthy += 1
        else:
            reason = health.get("Description") or health.get("Reason") or "no reason given"
            sick.append(f"target {address} is {health['State']}: {reason}")
    return TargetTruth(healthy, tuple(sick))


def _counted(session: Session, target_group: str) -> TargetTruth:
    """HealthyHostCount, for a role that may not ask the balancer itself."""
    try:
        balancer = _balancer(session, target_group)
        now = datetime.datetime.now(datetime.UTC)
        found = session.ask(
            "cloudwatch",
            "get_metric_statistics",
            Namespace="AWS/ApplicationELB",
            MetricName="HealthyHostCount",
            Dimensions=[
                {"Name": "TargetGroup", "Value": target_group.split(":", 5)[5]},
                {"Name": "LoadBalancer", "Value": balancer},
            ],
            StartTime=now - datetime.timedelta(minutes=MINUTES_BACK),
            EndTime=now,
            Period=60,
            Statistics=["Minimum"],
        )
    except AccessRefused:
        return TargetTruth(None, how="not allowed to ask")
    points = sorted(found.get("Datapoints", []), key=lambda point: point["Timestamp"])
    if not points:
        return TargetTruth(None, how="HealthyHostCount has no data")
    return TargetTruth(int(points[-1]["Minimum"]), how="HealthyHostCount")


def _balancer(session: Session, target_group: str) -> str:
    found = session.ask("elbv2", "describe_target_groups", TargetGroupArns=[target_group])
    groups = found.get("TargetGroups", [])
    arns = groups[0].get("LoadBalancerArns", []) if groups else []
    return str(arns[0]).split(":loadbalancer/", 1)[-1] if arns else ""
