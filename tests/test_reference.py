"""The two reference pages: written from the code, up to date, and without gaps."""

import ast

import pytest

from byoc_infra import components
from scripts import write_components_reference as reference
from scripts import write_settings_reference as settings
from scripts.reference import fields, table

AGAIN = "python -m scripts.write_components_reference"


def test_the_components_page_is_up_to_date() -> None:
    """What the docstrings, the recordings and the tests say now."""
    assert reference.PAGE.read_text() == reference.page(), AGAIN


def test_the_settings_page_is_up_to_date() -> None:
    """What the specs say now."""
    assert settings.PAGE.read_text() == settings.page(), AGAIN


@pytest.mark.parametrize("name", settings.models())
def test_every_setting_says_what_it_is_for(name: str) -> None:
    """A docstring below the field, in spec.py."""
    silent = [one.name for one in settings.texts(name) if not one.words]

    assert silent == []


@pytest.mark.parametrize("name", settings.models())
def test_every_setting_is_on_the_page(name: str) -> None:
    """Also one that a base class brings along."""
    page = settings.PAGE.read_text()
    _, _, section = page.partition(f"`{name}`.\n")
    section = section.partition("\n## ")[0]

    assert set(settings.models()[name].model_fields) == {
        line.split("`")[1] for line in section.splitlines() if line.startswith("| `")
    }


@pytest.mark.parametrize("name", reference.ORDER)
def test_every_input_and_output_says_what_it_is_for(name: str) -> None:
    """A docstring below the field, in the component's module."""
    component = getattr(components, name)
    silent = [
        f"{kind}.{one.name}"
        for kind in (f"{name}Args", name)
        for one in reference.told(component, kind)
        if not one.words
    ]

    assert silent == []


def test_a_field_without_words_is_seen() -> None:
    """The tests above can fail: the string after a field is its own and not another's."""
    (node,) = ast.parse('class A:\n    a: int\n    b: int = 1\n    """Words\n    go on."""').body
    assert isinstance(node, ast.ClassDef)

    assert [(one.name, one.words) for one in fields(node)] == [("a", ""), ("b", "Words go on.")]


def test_a_column_that_says_nothing_is_left_out() -> None:
    """Most components have no number with a unit."""
    assert table(("a", "b"), [("1", ""), ("2", "")]) == "| a |\n| --- |\n| 1 |\n| 2 |"
