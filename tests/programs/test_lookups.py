"""How the programs ask: what they load for it, and whom."""

import pulumi
import pulumi_aws as aws
import pytest

from byoc_infra.aws import secrets
from byoc_infra.programs import DeploymentProgram, _lookups
from byoc_infra.spec import DeploymentSpec, parse
from tests.support.answers import answers
from tests.support.examples import IMAGE
from tests.support.recorder import ACCOUNT, REGION, record

GIVEN = {"name": "orders", "aws_account_id": ACCOUNT, "region": REGION, "image": IMAGE}


class Untouched:
    """A module that nobody may need."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"ec2.{name} loads all of EC2")


def test_a_deployment_loads_nothing_of_ec2s_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would take half a second, with each engine that is started."""
    monkeypatch.setattr(secrets, "ensure_redis_password", lambda arn, host: None)
    monkeypatch.setattr(aws, "ec2", Untouched())

    made = record(DeploymentProgram(parse(DeploymentSpec, GIVEN)), answers())

    assert {token for token, _ in made.lookups} > {
        "aws:ec2/getVpcs:getVpcs",
        "aws:ec2/getSubnets:getSubnets",
        "aws:ec2/getSecurityGroup:getSecurityGroup",
    }


def test_ec2_is_asked_by_the_provider_that_is_asked_for_all_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of another version, or of none, the engine would start one more."""
    asked: dict[str, pulumi.InvokeOptions] = {}

    def invoke(token: str, _: object, opts: pulumi.InvokeOptions, **__: object) -> None:
        asked[token] = opts
        raise LookupError(token)

    monkeypatch.setattr(pulumi.runtime, "invoke", invoke)
    with pytest.raises(LookupError):
        aws.get_region()
    with pytest.raises(LookupError):
        _lookups._ec2("getVpcs", tags={})

    ours, theirs = asked["aws:ec2/getVpcs:getVpcs"], asked["aws:index/getRegion:getRegion"]
    assert ours.version
    assert (ours.version, ours.plugin_download_url) == (theirs.version, theirs.plugin_download_url)
