"""The examples without AWS: their programs run, and read the keys that they explain."""

import json
import re
from typing import Any

import pytest

from tests.support.certificates import ca_pem
from tests.support.example_program import EXAMPLES, Example, examples
from tests.support.examples import EXECUTION_ROLE, IMAGE, REDIS_IMAGE
from tests.support.recorder import ACCOUNT, PLACE, REGION, Recorder, record

READ = re.compile(r'config\.require\w*\(\s*"(\w+)"')
SUBNETS = ["subnet-1", "subnet-2"]
TOLD: dict[str, Any] = {
    "aws_account_id": ACCOUNT,
    "balancer_security_group_ids": ["sg-1"],
    "balancer_subnet_ids": SUBNETS,
    "cluster_arn": PLACE.arn("ecs", "cluster/theirs"),
    "create_service_linked_roles": [],
    "database_ca_pem": ca_pem(),
    "database_cidr": "10.99.0.0/28",
    "database_secret_arn": PLACE.arn("secretsmanager", "secret:theirs-AbCdEf"),
    "deletion_protection": "true",
    "execution_role_arn": EXECUTION_ROLE,
    "image": IMAGE,
    "log_group": "/theirs",
    "private_subnet_ids": SUBNETS,
    "redis_image": REDIS_IMAGE,
    "redis_secret_arn": PLACE.arn("secretsmanager", "secret:redis-AbCdEf"),
    "security_group_ids": ["sg-2"],
    "subnet_ids": SUBNETS,
    "task_role_arn": EXECUTION_ROLE,
    "vpc_cidr": "10.80.0.0/16",
    "vpc_id": "vpc-1",
}
SERVICES = {"new-vpc-production": 3, "existing-vpc-external-postgres": 2, "service-only": 1}
"""How many ECS services each one makes."""

each = pytest.mark.parametrize("name", examples())


def _recorded(name: str) -> Recorder:
    example = Example(name)
    project = example.project["name"]
    config = {
        f"{project}:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in TOLD.items()
        if key in example.project["config"]
    }
    config["aws:region"] = REGION
    return record(example, config=config, project=project, preview=True)


@each
def test_an_example_makes_what_it_says(name: str) -> None:
    """From the values that its keys ask for."""
    recorder = _recorded(name)

    assert len(recorder.of_type("aws:ecs/service:Service")) == SERVICES[name]
    assert len(recorder.of_type("aws:rds/instance:Instance")) == (name == "new-vpc-production")
    assert len(recorder.of_type("aws:ec2/vpc:Vpc")) == (name == "new-vpc-production")


@each
def test_an_example_explains_every_key_that_it_reads(name: str) -> None:
    """And no other."""
    folder = EXAMPLES / name
    explained = Example(name).project["config"]

    assert set(READ.findall((folder / "__main__.py").read_text())) == set(explained)
    assert all(told.get("description") for told in explained.values())


@each
def test_an_example_has_a_page_of_one_screen(name: str) -> None:
    """It is on the list of examples."""
    assert len((EXAMPLES / name / "README.md").read_text().splitlines()) <= 45
    assert f"({name})" in (EXAMPLES / "README.md").read_text()
