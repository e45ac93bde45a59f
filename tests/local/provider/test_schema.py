"""The property table is that of the installed pulumi_aws."""

import json

import pytest

from byoc_infra.local.provider import generate_schema
from byoc_infra.local.provider.rules import rules_of
from byoc_infra.local.provider.schema import known_types, schema_of


def test_the_table_is_what_pulumi_aws_says() -> None:
    """After an upgrade of pulumi_aws the table is generated anew, or this fails."""
    table = json.loads(generate_schema.FILE.read_text())

    assert table == json.loads(generate_schema.render(generate_schema.generate()))


@pytest.mark.parametrize("token", known_types())
def test_rules_name_only_inputs_that_exist(token: str) -> None:
    """A misspelt path in the rule table would silently do nothing."""
    schema, rules = schema_of(token), rules_of(token)
    paths = {
        *(*rules.replace, *rules.defaults, *rules.computed, *rules.sets, *rules.meaning),
        *(*rules.kept, *rules.ranges, *rules.choices, *rules.patterns, *rules.on_import),
        *(name for group in (*rules.conflicts, *rules.one_of) for name in group),
    }

    for path in paths:
        fields = schema.inputs
        for part in path.removesuffix("[]").split("."):
            assert part in fields, path
            shape = fields[part]
            while isinstance(shape, dict) and "list" in shape:
                shape = shape["list"]
            if isinstance(shape, dict) and "object" in shape:
                fields = schema.objects[shape["object"]]["properties"]
