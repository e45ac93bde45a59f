"""How the CLI is come by."""

import os
import stat
import threading
import time
from pathlib import Path

import pytest

from byoc_infra.engine import Progress, Toolchain, obtain, toolchain
from byoc_infra.engine.obtain import GoBuild, Installer, NotObtainedError, Tell
from byoc_infra.errors import ToolMissing


class FakeWay:
    """A way that fills the cache at once, or fails."""

    NAME = "fake"
    OPEN = "always"

    def __init__(self, *, closed: str | None = None, fails: str | None = None) -> None:
        self.closed, self.fails, self.taken = closed, fails, 0

    def blocker(self) -> str | None:
        """Closed or not."""
        return self.closed

    def fill(self, cache: Path, tell: Tell) -> None:
        """Fill or fail."""
        self.taken += 1
        tell("building", 7)
        if self.fails:
            raise NotObtainedError(self.fails)
        time.sleep(0.2)
        _program(cache / "v3.250.0" / "pulumi", "v3.250.0")


def _program(path: Path, version: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, nothing on PATH, and no way that reaches a network."""
    monkeypatch.setenv("BYOC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin") + os.pathsep + "/usr/bin:/bin")
    monkeypatch.setattr(obtain, "WAYS", ())
    return tmp_path / "cache"


def test_a_recent_cli_on_path_is_taken(cache: Path) -> None:
    """Before the cache."""
    _program(cache.parent / "bin" / "pulumi", "v3.260.1")
    _program(cache / "pulumi" / "v3.250.0" / "pulumi", "v3.250.0")

    found = Toolchain.find()

    assert found == Toolchain(path=cache.parent / "bin" / "pulumi", version="v3.260.1", how="PATH")


def test_an_old_cli_on_path_is_passed_over(cache: Path) -> None:
    """The newest in the cache is taken then."""
    _program(cache.parent / "bin" / "pulumi", "v3.100.0")
    for version in ("v3.9.0", "v3.250.0", "v3.99.0"):
        _program(cache / "pulumi" / version / "pulumi", version)

    found = Toolchain.obtain()

    assert (found.version, found.how) == ("v3.250.0", "cache")


def test_what_was_tried_is_listed_when_nothing_works(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each way, and why it did not lead to a CLI."""
    ways = (FakeWay(closed="no network"), FakeWay(fails="disk full"))
    monkeypatch.setattr(obtain, "WAYS", ways)

    with pytest.raises(ToolMissing) as caught:
        Toolchain.obtain()

    assert caught.value.got == (
        f"PATH: no pulumi on PATH; cache: nothing recent in {cache / 'pulumi'}; "
        "fake: no network; fake: disk full"
    )


def test_progress_tells_seconds_and_lines(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build of minutes must not look dead."""
    monkeypatch.setattr(obtain, "WAYS", (FakeWay(),))
    told: list[Progress] = []

    found = Toolchain.obtain(told.append)

    assert (found.how, found.path) == ("fake", cache / "pulumi" / "v3.250.0" / "pulumi")
    assert (told[0].text, told[0].lines) == ("building", 7)


def test_a_long_step_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its figures, and not with every line that a tool says."""
    told: list[str] = []
    monkeypatch.setattr(toolchain, "TOLD_EVERY_S", 1e9)
    tell = toolchain._teller(lambda progress: told.append(str(progress)))
    for line in range(3):
        tell("building", line)
    tell("placing")
    monkeypatch.setattr(toolchain, "TOLD_EVERY_S", 0)
    tell("placing")

    assert told == ["building", "placing", "placing"]
    assert str(Progress(text="building", elapsed_s=61.2, lines=7)) == "building (61 s, 7 lines)"


def test_two_that_need_it_build_it_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits and then finds the cache filled."""
    way = FakeWay()
    monkeypatch.setattr(obtain, "WAYS", (way,))
    found: list[Toolchain] = []
    both = [threading.Thread(target=lambda: found.append(Toolchain.obtain())) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()

    assert way.taken == 1
    assert {tool.path for tool in found} == {cache / "pulumi" / "v3.250.0" / "pulumi"}


def test_a_diagnosis_takes_no_way(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says which ways are open, and why the others are not."""
    way = FakeWay(closed="no network")
    monkeypatch.setattr(obtain, "WAYS", (way, FakeWay()))

    said = Toolchain.diagnose()

    assert [(w.name, w.possible) for w in said] == [
        ("PATH", False),
        ("cache", False),
        ("fake", False),
        ("fake", True),
    ]
    assert said[2].why == "no network"
    assert (way.taken, cache.exists()) == (0, False)


def test_a_failing_build_leaves_nothing_and_shows_its_last_words(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither half a program nor a scratch folder."""
    go = cache.parent / "bin" / "go"
    _program(go, "x")
    go.write_text("#!/bin/sh\necho no space left on device >&2; exit 1\n")
    monkeypatch.setattr(obtain, "WAYS", (GoBuild(),))
    monkeypatch.setattr(GoBuild, "blocker", lambda _: None)

    with pytest.raises(ToolMissing, match="go failed: no space left on device"):
        Toolchain.obtain()

    assert [path.name for path in (cache / "pulumi").iterdir()] == [".lock"]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("go version go1.26.8 linux/amd64", None),
        ("go version go1.25.11 linux/amd64", None),
        ("go version go1.25.9 linux/amd64", "needs 1.25.11"),
        ("go version go1.26rc1 linux/amd64", None),
        ("gccgo", "does not tell its version"),
    ],
)
def test_an_old_go_is_refused_before_the_build(cache: Path, said: str, reason: str | None) -> None:
    """The pinned module needs a certain language version."""
    _program(cache.parent / "bin" / "go", said)

    blocker = GoBuild().blocker()

    assert blocker is None if reason is None else reason in (blocker or "")


def test_an_unreachable_download_host_is_said_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the name look-up hangs."""
    answer = threading.Event()

    def hang(*_: object, **__: object) -> None:
        answer.wait(5)
        raise OSError

    monkeypatch.setattr(obtain, "PROBE_S", -0.9)
    monkeypatch.setattr("urllib.request.urlopen", hang)
    started = time.monotonic()

    said = Installer().blocker()

    answer.set()
    assert said == "get.pulumi.com does not answer (no answer in time)"
    assert time.monotonic() - started < 2


def test_a_cache_that_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the variable that moves it."""
    monkeypatch.setenv("BYOC_CACHE_DIR", "/proc/nowhere")
    monkeypatch.setenv("PATH", "/nonexistent")

    with pytest.raises(ToolMissing) as caught:
        Toolchain.obtain()

    assert caught.value.field == "BYOC_CACHE_DIR"


def test_a_released_cli_has_its_language_host_beside_it(cache: Path) -> None:
    """Then nothing is built."""
    _program(cache.parent / "bin" / "pulumi", "v3.260.1")
    _program(cache.parent / "bin" / obtain.LANGUAGE_HOST, "x")
    found = Toolchain.obtain()

    assert found.language_host() == cache.parent / "bin" / obtain.LANGUAGE_HOST
    assert found.with_language_host() == cache.parent / "bin"
    assert not cache.exists()


def test_a_built_language_host_is_put_beside_the_cli_of_the_cache(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There the CLI looks first; a second time nothing is built."""
    _program(cache / "pulumi" / "v3.250.0" / "pulumi", "v3.250.0")
    built = cache / "built"
    asked: list[Path] = []

    def build(place: Path, _: Tell) -> Path:
        asked.append(place)
        for name in (obtain.LANGUAGE_HOST, f"{obtain.LANGUAGE_HOST}-exec"):
            _program(built / name, "x")
        return built

    monkeypatch.setattr(obtain, "build_language_host", build)
    tool = Toolchain.obtain()
    before = tool.language_host()
    places = [tool.with_language_host() for _ in range(2)]

    assert before is None
    assert places == [cache / "pulumi" / "v3.250.0"] * 2
    assert asked == [cache / obtain.LANGUAGE_HOST]
    assert (places[0] / f"{obtain.LANGUAGE_HOST}-exec").exists()


def test_a_language_host_that_cannot_be_had_is_told(cache: Path) -> None:
    """With the way out."""
    _program(cache.parent / "bin" / "pulumi", "v3.260.1")

    with pytest.raises(ToolMissing, match=r"no go on PATH.*released Pulumi"):
        Toolchain.obtain().with_language_host()
