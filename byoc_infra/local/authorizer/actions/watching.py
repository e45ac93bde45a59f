"""CloudWatch and the tagging API: what reading them asks."""

from byoc_infra.local.authorizer.actions._rules import Row, at, needs, reads, values
from byoc_infra.local.wire import Call

__all__ = ["CLOUDWATCH_ROWS", "TAGGING_ROWS"]


def _alarms(call: Call) -> tuple[str, ...]:
    names = call.params.get("AlarmNames") or ["*"]
    base = f"arn:aws:cloudwatch:{call.region}:{call.account_id}:alarm"
    return tuple(f"{base}:{name}" for name in names)


CLOUDWATCH_ROWS: dict[str, Row] = {
    "DescribeAlarms": (needs("cloudwatch:DescribeAlarms", _alarms),),
    "DeleteAlarms": (needs("cloudwatch:DeleteAlarms", _alarms),),
    "PutMetricAlarm": (
        needs("cloudwatch:PutMetricAlarm", at("cloudwatch", "alarm:{AlarmName}"), tagged=True),
    ),
    "ListTagsForResource": (needs("cloudwatch:ListTagsForResource", values("ResourceARN")),),
    **reads(
        "cloudwatch",
        "GetMetricData GetMetricStatistics ListDashboards ListMetrics PutMetricData",
    ),
}

TAGGING_ROWS: dict[str, Row] = reads("tag", "GetResources GetTagKeys GetTagValues")
