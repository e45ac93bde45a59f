"""The two ways that fill the cache with a Pulumi CLI: the vendor's installer, and Go."""

import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path
from time import monotonic
from typing import Protocol

__all__ = ["WAYS", "NotObtainedError", "Tell", "build_language_host", "put_beside"]

CLI_VERSION = "v3.250.0"
"""The release that `pulumi_cli/go.mod` pins: later ones are not served as a Go module."""
GO_NEEDED = (1, 25, 11)
CLI_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
LANGUAGE_HOST = "pulumi-language-python"
LANGUAGE_MODULE = "github.com/pulumi/pulumi/sdk/v3"
LANGUAGE_VERSION = "v3.60.0"
INSTALLER_URL = "https://get.pulumi.com/install.sh"
PROBE_S = 4.0
INSTALL_S = 300.0
BUILD_S = 1800.0
TAIL = 5


class Tell(Protocol):
    """Takes progress: what is being done, and how many lines the tool has said so far."""

    def __call__(self, text: str, lines: int = 0) -> None:
        """Show it."""


class NotObtainedError(Exception):
    """This way did not lead to a CLI; the text says why."""


class Way(Protocol):
    """A way to fill the cache."""

    NAME: str
    OPEN: str

    def blocker(self) -> str | None:
        """Why this way is closed on this machine, or None."""

    def fill(self, cache: Path, tell: Tell) -> None:
        """Put `v<version>/pulumi` into the cache, whole or not at all."""


class Installer:
    """Pulumi's own installer, as `PulumiCommand.install()` runs it."""

    NAME = "installer"
    OPEN = "the download host answers"

    def blocker(self) -> str | None:
        """The installer downloads from the vendor's host: offline it is closed, and said fast."""
        reasons = ["no answer in time"]

        def probe() -> None:
            try:
                with urllib.request.urlopen(INSTALLER_URL, timeout=PROBE_S):
                    reasons.clear()
            except (OSError, ValueError) as error:
                reasons[0] = str(getattr(error, "reason", error))

        # A name look-up knows no timeout of its own.
        thread = threading.Thread(target=probe, daemon=True)
        thread.start()
        thread.join(timeout=PROBE_S + 1)
        return f"get.pulumi.com does not answer ({reasons[0]})" if reasons else None

    def fill(self, cache: Path, tell: Tell) -> None:
        """Install into a scratch folder, then move the programs into their place."""
        tell("downloading the Pulumi CLI")
        with _scratch(cache) as scratch:
            script = (
                "import sys; from pulumi.automation import PulumiCommand as P; "
                "print(P.install(root=sys.argv[1]).version)"
            )
            said = _run(
                [sys.executable, "-c", script, str(scratch / "root")],
                env={"TMPDIR": str(scratch), "PULUMI_SKIP_UPDATE_CHECK": "true"},
                cwd=scratch,
                limit_s=INSTALL_S,
                tell=lambda lines: tell("downloading the Pulumi CLI", lines),
            )
            found = [line for line in said if re.fullmatch(r"\d+\.\d+\.\d+\S*", line)]
            if not found:
                raise NotObtainedError("the installer did not say which version it installed")
            _place(scratch / "root" / "bin", cache / f"v{found[-1]}", "pulumi")


class GoBuild:
    """Built from the published Go module, pinned by the bundled `go.mod` and `go.sum`."""

    NAME = "go build"
    OPEN = f"go is recent enough; builds {CLI_VERSION} in a few minutes"

    def blocker(self) -> str | None:
        """Go must be there and recent enough for the pinned module."""
        go = shutil.which("go")
        if go is None:
            return "no go on PATH"
        said = subprocess.run([go, "version"], capture_output=True, text=True, check=False).stdout
        found = re.search(r"go(\d+)\.(\d+)(?:\.(\d+))?", said)
        if not found:
            return f"{go} does not tell its version"
        version = (int(found[1]), int(found[2]), int(found[3] or 0))
        if version < GO_NEEDED:
            return f"{go} is {_dotted(version)}, needs {_dotted(GO_NEEDED)}"
        return None

    def fill(self, cache: Path, tell: Tell) -> None:
        """Build in a scratch folder beside the cache, so that the last step is a rename."""
        text = f"building the Pulumi CLI {CLI_VERSION} with Go (once; it is kept in {cache})"
        tell(text)
        with _scratch(cache) as scratch:
            flags = f"-s -w -X {VERSION_VARIABLE}={CLI_VERSION}"
            _go_build(scratch, "pulumi_cli", CLI_PACKAGE, flags, lambda lines: tell(text, lines))
            _place(scratch / "bin", cache / CLI_VERSION, "pulumi")


def build_language_host(cache: Path, tell: Tell) -> Path:
    """The folder with Pulumi's Python language host, for `pulumi up` by hand.

    A released Pulumi ships it; a CLI that Go built has none. The newest that is published as a Go
    module is old, and runs today's programs when the virtual environment comes first on PATH.
    """
    final = cache / LANGUAGE_VERSION
    if (final / LANGUAGE_HOST).exists():
        return final
    if reason := GoBuild().blocker():
        raise NotObtainedError(reason)
    text = "building Pulumi's Python language host with Go"
    tell(text)
    cache.mkdir(parents=True, exist_ok=True)
    with _scratch(cache) as scratch:
        package = f"{LANGUAGE_MODULE}/python/cmd/{LANGUAGE_HOST}"
        module = "pulumi_language_python"
        _go_build(scratch, module, package, "-s -w", lambda lines: tell(text, lines))
        where = ["go", "list", "-m", "-f", "{{.Dir}}", LANGUAGE_MODULE]
        (source,) = _run(where, cwd=scratch, limit_s=BUILD_S, tell=lambda _: None)[:1]
        script = scratch / "bin" / f"{LANGUAGE_HOST}-exec"
        shutil.copyfile(Path(source) / "python" / "cmd" / script.name, script)
        script.chmod(0o755)
        _place(scratch / "bin", final, LANGUAGE_HOST)
    return final


def put_beside(program: Path, folder: Path) -> Path:
    """The program's own folder, with links to what is in `folder`."""
    for made in folder.iterdir():
        with suppress(FileExistsError):
            (program.parent / made.name).symlink_to(made)
    return program.parent


def _go_build(
    scratch: Path, module: str, package: str, flags: str, tell: Callable[[int], None]
) -> None:
    """Build `package` of a bundled module into `scratch/bin`."""
    for name in ("go.mod", "go.sum"):
        source = resources.files("byoc_infra.engine").joinpath(module, name)
        (scratch / name).write_text(source.read_text())
    (scratch / "bin").mkdir()
    output = str(scratch / "bin" / package.rsplit("/", 1)[-1])
    command = ["go", "build", "-v", "-mod=readonly", "-ldflags", flags, "-o", output, package]
    _run(command, env={"GOWORK": "off"}, cwd=scratch, limit_s=BUILD_S, tell=tell)


WAYS: tuple[Way, ...] = (Installer(), GoBuild())


@contextmanager
def _scratch(cache: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=".new-", dir=cache) as folder:
        yield Path(folder)


def _place(made: Path, final: Path, program: str) -> None:
    """The folder appears whole under its name; one that somebody else placed first stays."""
    if not os.access(made / program, os.X_OK):
        raise NotObtainedError(f"no program came out in {made}")
    if final.exists() and not (final / program).exists():
        shutil.rmtree(final)
    with suppress(OSError):  # somebody else was first
        made.rename(final)
    if not (final / program).exists():
        raise NotObtainedError(f"{final} could not be written")


def _run(
    command: list[str],
    *,
    cwd: Path,
    limit_s: float,
    tell: Callable[[int], None],
    env: Mapping[str, str] | None = None,
) -> list[str]:
    """What the command said, line by line; its end is waited for at most `limit_s`."""
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    lines: list[str] = []
    try:
        for line in _lines(process, monotonic() + limit_s):
            if line is not None:
                lines.append(line)
            tell(len(lines))
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    if process.wait() != 0:
        raise NotObtainedError(f"{command[0]} failed: {_tail(lines)}")
    return lines


def _lines(process: subprocess.Popen[bytes], until: float) -> Iterator[str | None]:
    """Each line as it comes, and None once a second while nothing comes."""
    assert process.stdout is not None  # noqa: S101  # a pipe was asked for
    pipe = process.stdout
    os.set_blocking(pipe.fileno(), False)
    rest = b""
    with selectors.DefaultSelector() as selector, pipe:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if monotonic() > until:
                raise NotObtainedError("it took longer than it may")
            if not selector.select(timeout=1.0):
                yield None
                continue
            block = os.read(pipe.fileno(), 65536)
            *whole, rest = (rest + block).split(b"\n")
            yield from (line.decode(errors="replace") for line in whole)
            if not block:
                yield rest.decode(errors="replace")
                return


def _tail(lines: Iterable[str]) -> str:
    return " / ".join([line.strip() for line in lines if line.strip()][-TAIL:]) or "without a word"


def _dotted(version: Iterable[int]) -> str:
    return ".".join(str(part) for part in version)
