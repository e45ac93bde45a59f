"""Settings come from the environment, and what is wrong with one is said by its name."""

import json
import os
import re
from pathlib import Path

import pytest

from byoc_infra.control_plane.settings import Settings
from byoc_infra.errors import SpecError


def test_without_any_variable_everything_has_a_value() -> None:
    """`byoc server` needs no set-up."""
    settings = Settings.of({})

    assert settings.database_url is None
    assert (settings.host, settings.port) == ("127.0.0.1", 8400)
    assert settings.data_dir.name == "control-plane"


def test_variables_are_read(tmp_path: Path) -> None:
    """Each is `BYOC_` and the field's name."""
    settings = Settings.of(
        {"BYOC_PORT": "0", "BYOC_DATA_DIR": str(tmp_path), "BYOC_BEHIND_PROXY": "true", "PORT": "1"}
    )

    assert (settings.port, settings.data_dir, settings.behind_proxy) == (0, tmp_path, True)


def test_an_empty_variable_is_one_that_is_not_there() -> None:
    """As Compose files and shells leave them."""
    assert Settings.of({"BYOC_PORT": ""}).port == 8400


@pytest.mark.parametrize(
    ("name", "value"),
    [("BYOC_PORT", "65536"), ("BYOC_SECRET_KEY", "hunter22"), ("BYOC_LEASE_S", "1")],
)
def test_a_bad_value_is_refused_by_name_and_not_repeated(name: str, value: str) -> None:
    """It may be a password."""
    with pytest.raises(SpecError) as refused:
        Settings.of({name: value})

    assert refused.value.field == name
    assert value not in refused.value.got
    assert "hunter22" not in str(refused.value)


def test_roots_data_is_where_postgresqls_user_may_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root's home is closed to it."""
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert Settings.of({}).data_dir == Path("/var/lib/byoc-infra/control-plane")
    monkeypatch.setattr(os, "getuid", lambda: 1000)

    assert Settings.of({}).data_dir.is_relative_to(Path.home())


def test_every_setting_is_on_its_page_with_its_default() -> None:
    """And the page has no other."""
    page = (Path(__file__).parents[2] / "docs" / "control-plane.md").read_text()
    section = page.partition("## Settings")[2].partition("Read as well")[0]
    documented = dict(re.findall(r"^\| `BYOC_(\w+)` \| ([^|]+) \|", section, re.MULTILINE))
    defaults = {
        name.upper(): json.dumps(field.default)
        for name, field in Settings.model_fields.items()
        if field.default is not None and field.default_factory is None
    }

    assert set(documented) == {name.upper() for name in Settings.model_fields}
    for name, default in defaults.items():
        assert documented[name] == f"`{default.strip(chr(34))}`"
