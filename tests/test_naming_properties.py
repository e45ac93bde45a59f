"""What holds of every name, whatever people call things: AWS takes it, and it is used once."""

import re
from collections.abc import Callable
from string import ascii_letters, ascii_lowercase, digits

from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as some

from byoc_infra.naming import AccountNames, DeploymentNames, deployment_id
from byoc_infra.spec import AccountSpec, DeploymentSpec

quick = settings(deadline=None, max_examples=60, phases=[Phase.explicit, Phase.generate])
REGIONS = some.sampled_from(["eu-west-1", "us-east-1", "ap-southeast-2", "us-gov-west-1"])
ACCOUNTS = some.integers(0, 10**12 - 1).map("{:012}".format)


def taken_by(spec: type, field: str, texts: some.SearchStrategy[str]) -> some.SearchStrategy[str]:
    """Those of the texts that the field of a spec accepts."""
    (pattern,) = (
        one.pattern
        for one in spec.model_fields[field].metadata  # type: ignore[attr-defined]  # a spec
        if getattr(one, "pattern", None)
    )
    return texts.filter(lambda text: re.fullmatch(pattern, text) is not None)


# Texts that are filtered: Hypothesis's own of a pattern take it several times as long.
PLAIN = f"{ascii_lowercase}{digits}"
NAMES = taken_by(
    DeploymentSpec,
    "name",
    some.one_of(
        some.text(PLAIN, min_size=1, max_size=90),
        some.text(PLAIN, min_size=40, max_size=90),
        some.text("a0 ", max_size=90).map(lambda text: "-".join(text.split())),
    ),
)
INSTALLATIONS = taken_by(
    AccountSpec,
    "installation",
    some.one_of(
        some.just("default"),
        some.text(PLAIN, min_size=1, max_size=20),
        some.text("a0-", max_size=19).map(lambda text: f"a{text}".rstrip("-")),
    ),
)
VARIABLES = some.builds(
    "{}{}".format,
    some.sampled_from(f"{ascii_letters}_"),
    some.text(f"{ascii_letters}{digits}_", max_size=60),
)
LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
SINGLE_HYPHENS = r"[a-z](-?[a-z0-9])*"
WORDS = r"[A-Za-z0-9_-]+"

OF_A_DEPLOYMENT: dict[str, tuple[Callable[[DeploymentNames], str], int, str]] = {
    "load balancer": (lambda n: n.balancer, 32, rf"(?!internal-){LABEL}"),
    "target group": (lambda n: n.target_group, 32, LABEL),
    "database": (lambda n: n.database, 63, SINGLE_HYPHENS),
    "parameter group": (lambda n: n.parameter_group, 255, SINGLE_HYPHENS),
    "snapshot": (lambda n: n.final_snapshot(), 255, SINGLE_HYPHENS),
    "Cloud Map service": (lambda n: n.discovery, 63, LABEL),
    "API service": (lambda n: n.service("api"), 255, WORDS),
    "queue service": (lambda n: n.service("queue"), 255, WORDS),
    "cache service": (lambda n: n.service("cache"), 255, WORDS),
    "log stream": (lambda n: n.log_prefix, 255, r"[^:*]+"),
    "secret": (lambda n: n.secret("API_TOKEN"), 512, r"[A-Za-z0-9/_+=.@-]+"),
}
"""By what it is: the name, and the longest and the form that AWS takes (API references: Elastic
Load Balancing v2, RDS, Cloud Map, ECS, CloudWatch Logs, Secrets Manager)."""

OF_AN_ACCOUNT: dict[str, tuple[Callable[[AccountNames], str], int, str]] = {
    "cluster": (lambda n: n.cluster, 255, WORDS),
    "log group": (lambda n: n.log_group, 512, r"[A-Za-z0-9_./#-]+"),
    "subnet group": (lambda n: n.db_subnet_group, 255, r"[a-z0-9 ._-]+"),
    "namespace": (lambda n: n.namespace, 253, LABEL),
    "access role": (lambda n: n.access_role, 64, r"[\w+=,.@-]+"),
    "execution role": (lambda n: n.execution_role, 64, r"[\w+=,.@-]+"),
    "task role": (lambda n: n.task_role("default"), 64, r"[\w+=,.@-]+"),
    "access policy": (lambda n: n.access_policy("compute"), 128, r"[\w+=,.@-]+"),
    "security group": (
        lambda n: n.security_group("lb-internal"),
        255,
        r"(?!sg-)[\w ._:/()#,@+=&-]+",
    ),
}
"""The same for what the account stack makes (API references: the above, IAM, EC2)."""


@given(name=NAMES, installation=INSTALLATIONS, account=ACCOUNTS, region=REGIONS)
@quick
def test_aws_takes_every_name_of_a_deployment(
    name: str, installation: str, account: str, region: str
) -> None:
    """Whatever name, installation, account and region the specs accept."""
    id_ = deployment_id(account, region, installation, name)
    names = DeploymentNames(name, id_, installation)

    for what, (named, longest, form) in OF_A_DEPLOYMENT.items():
        assert len(named(names)) <= longest, what
        assert re.fullmatch(form, named(names)), f"{what}: {named(names)}"


@given(installation=INSTALLATIONS)
@quick
def test_aws_takes_every_name_of_an_account(installation: str) -> None:
    """Of an installation in its first region; elsewhere roles carry the region as well."""
    for what, (named, longest, form) in OF_AN_ACCOUNT.items():
        text = named(AccountNames(installation))
        assert len(text) <= longest, what
        assert re.fullmatch(form, text), f"{what}: {text}"


@given(name=NAMES, installation=INSTALLATIONS, account=ACCOUNTS, region=REGIONS)
@quick
def test_names_are_worked_out_and_not_remembered(
    name: str, installation: str, account: str, region: str
) -> None:
    """A run that knows nothing of an earlier one finds what that one made."""
    first, again = (
        DeploymentNames(name, deployment_id(account, region, installation, name), installation)
        for _ in range(2)
    )

    assert all(named(first) == named(again) for named, _, _ in OF_A_DEPLOYMENT.values())


@given(
    one=some.tuples(ACCOUNTS, REGIONS, INSTALLATIONS, NAMES),
    other=some.tuples(ACCOUNTS, REGIONS, INSTALLATIONS, NAMES),
)
@quick
def test_two_deployments_share_no_name(
    one: tuple[str, str, str, str], other: tuple[str, str, str, str]
) -> None:
    """Also where one name begins with the other, or is the other in another installation."""
    assume(one != other)
    mine, others = (
        DeploymentNames(name, deployment_id(account, region, installation, name), installation)
        for account, region, installation, name in (one, other)
    )

    assert _all_of(mine) & _all_of(others) == set()


@given(one=INSTALLATIONS, other=INSTALLATIONS)
@quick
def test_two_installations_share_no_name(one: str, other: str) -> None:
    """They live in one account, and each is fenced by its names."""
    assume(one != other)
    mine, others = (
        {named(AccountNames(installation)) for named, _, _ in OF_AN_ACCOUNT.values()}
        for installation in (one, other)
    )

    assert mine & others == set()


@given(name=NAMES, one=VARIABLES, other=VARIABLES)
@quick
def test_two_variables_share_no_secret(name: str, one: str, other: str) -> None:
    """Nor one that the installation keeps for all its deployments."""
    assume(one != other)
    names = DeploymentNames(name, "1a2b3c4d")

    assert names.secret(one) != names.secret(other)
    assert not names.secret(one).startswith(AccountNames().platform_secret(""))


@given(installation=INSTALLATIONS, roles=some.lists(VARIABLES, min_size=2, max_size=2, unique=True))
@quick
def test_two_task_roles_share_no_name(installation: str, roles: list[str]) -> None:
    """Nor do they have the name of a role that the stack keeps for itself."""
    names = AccountNames(installation)
    first, second = (names.task_role(role) for role in roles)

    assert first != second
    assert {first, second} & {names.access_role, names.execution_role} == set()


def _all_of(names: DeploymentNames) -> set[str]:
    return {named(names) for named, _, _ in OF_A_DEPLOYMENT.values()}
