"""CloudWatch Logs: what each operation asks.

IAM sees a log group as `log-group:<name>:log-stream:` in all operations on groups and streams, so
a policy must name it with `:*` at the end; the tagging operations take it without.
"""

from byoc_infra.local.authorizer.actions._rules import (
    Resources,
    Row,
    asked_tags,
    needs,
    reads,
    removed_tags,
)
from byoc_infra.local.wire import Call

__all__ = ["ROWS"]


def _name(call: Call) -> str:
    """The group, which newer operations also take as an ARN."""
    value = str(call.params.get("logGroupName") or call.params.get("logGroupIdentifier") or "*")
    return value.split(":")[6] if value.startswith("arn:") and value.count(":") > 5 else value


def _plain(call: Call) -> tuple[str, ...]:
    return (f"arn:aws:logs:{call.region}:{call.account_id}:log-group:{_name(call)}",)


def _group(call: Call) -> tuple[str, ...]:
    return (f"{_plain(call)[0]}:log-stream:",)


def _stream(call: Call) -> tuple[str, ...]:
    return (f"{_plain(call)[0]}:log-stream:{call.params.get('logStreamName', '*')}",)


def _tagged_arn(call: Call) -> tuple[str, ...]:
    return (str(call.params.get("resourceArn", "*")).removesuffix(":*"),)


def _each(resources: Resources, operations: str) -> dict[str, Row]:
    return {name: (needs(f"logs:{name}", resources),) for name in operations.split()}


ROWS: dict[str, Row] = {
    "CreateLogGroup": (
        needs("logs:CreateLogGroup", _group, tagged=True),
        needs("logs:TagResource", _plain, tagged=True, when=lambda call: bool(asked_tags(call))),
    ),
    **_each(
        _group,
        "DeleteLogGroup PutRetentionPolicy DeleteRetentionPolicy AssociateKmsKey "
        "DisassociateKmsKey DescribeLogStreams FilterLogEvents DescribeMetricFilters "
        "DescribeSubscriptionFilters",
    ),
    **_each(_stream, "CreateLogStream DeleteLogStream PutLogEvents GetLogEvents"),
    "TagResource": (needs("logs:TagResource", _tagged_arn, tagged=True),),
    "UntagResource": (
        needs("logs:UntagResource", _tagged_arn, keys={"aws:TagKeys": removed_tags}),
    ),
    **_each(_tagged_arn, "ListTagsForResource"),
    "ListTagsLogGroup": (needs("logs:ListTagsLogGroup", _plain),),
    **reads("logs", "DescribeLogGroups DescribeResourcePolicies"),
}
