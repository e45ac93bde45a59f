"""What a control plane's processes stand on, and what they hand on to each other."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from byoc_infra.control_plane.foundation import _made_once, opened
from byoc_infra.control_plane.settings import Settings
from byoc_infra.errors import SpecError
from byoc_infra.redaction import scrub

KEY = "k" * 32
URL = "postgresql://someone:pass%20word1@db.example:5432/byoc?sslmode=require"


def test_without_a_database_there_is_one_and_a_key_that_stays(place: Path) -> None:
    """The same at every start."""
    settings = Settings.of({"BYOC_DATA_DIR": str(place)})
    with opened(settings, {}) as first:
        with psycopg.connect(first.database_url) as connection:
            connection.execute("SELECT 1")
        assert first.embedded is not None
        key = first.secret_key
    with opened(settings, {}) as second:
        assert second.secret_key == key
        assert second.database_url == first.database_url

    assert stat.S_IMODE((place / "secret.key").stat().st_mode) == 0o600
    assert not (place / "data" / "postmaster.pid").exists()


def test_many_that_start_at_once_make_one_key(tmp_path: Path) -> None:
    """Else each would see its own idempotency keys only."""
    settings = Settings.of({"BYOC_DATA_DIR": str(tmp_path)})

    with ThreadPoolExecutor(8) as pool:
        keys = {
            one.get_secret_value() for one in pool.map(lambda _: _made_once(settings), range(8))
        }

    assert len(keys) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["secret.key"]


def test_with_a_database_the_key_has_to_be_given() -> None:
    """Several machines have to have the same."""
    settings = Settings.of({"BYOC_DATABASE_URL": URL})

    with pytest.raises(SpecError, match="BYOC_SECRET_KEY"), opened(settings, {}):
        pass


def test_another_kind_of_database_is_refused_without_its_address() -> None:
    """It may hold a password."""
    settings = Settings.of({"BYOC_DATABASE_URL": "mysql://u:hunter22@h/d", "BYOC_SECRET_KEY": KEY})

    with pytest.raises(SpecError) as refused, opened(settings, {}):
        pass

    assert refused.value.field == "BYOC_DATABASE_URL"
    assert "hunter22" not in str(refused.value)


def test_other_processes_find_both_in_their_environment() -> None:
    """A worker is told no more than that."""
    settings = Settings.of({"BYOC_DATABASE_URL": URL, "BYOC_SECRET_KEY": KEY})

    with opened(settings, {"PATH": "/bin"}) as foundation:
        assert foundation.env == {
            "PATH": "/bin",
            "BYOC_DATABASE_URL": URL,
            "BYOC_SECRET_KEY": KEY,
        }
        assert Settings.of(foundation.env) == foundation.settings


def test_key_and_password_are_known_as_secrets() -> None:
    """Whatever logs them logs a mark."""
    settings = Settings.of({"BYOC_DATABASE_URL": URL, "BYOC_SECRET_KEY": KEY})

    with opened(settings, {}) as foundation:
        words = scrub(f"{KEY} pass%20word1 pass word1")

    assert words == "… … …"
    assert KEY not in repr(foundation)
