"""A LangGraph application folder: what it must be, a copy of it, and the packages it asks for."""

import ast
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from typing_extensions import Buffer

from byoc_infra.errors import SpecError
from byoc_infra.local.server import ServerEnvironment

__all__ = ["copy", "install", "layer", "read"]

LEFT_OUT = (
    ".env",
    ".env.*",
    ".git",
    ".venv",
    "venv",
    "node_modules",
    "__pycache__",
    "*.pyc",
    ".langgraph_api",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
)
"""Never part of an image: secrets of the developer's machine, history, caches."""
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"


def read(app: Path) -> dict[str, Any]:
    """The app's `langgraph.json`, checked, or a `SpecError` that names the first wrong field."""
    path = app / "langgraph.json"
    if not path.is_file():
        raise _refused(
            "langgraph.json",
            "a file in the application's folder",
            f"nothing at {path}",
            "Give the folder that holds langgraph.json.",
        )
    try:
        manifest = json.loads(path.read_text())
    except ValueError as broken:
        raise _refused("langgraph.json", "JSON", str(broken), "Correct the file.") from broken
    if not isinstance(manifest, dict):
        raise _refused("langgraph.json", "a JSON object", type(manifest).__name__, "Correct it.")
    _check_graphs(app, manifest.get("graphs"))
    _check_dependencies(app, manifest.get("dependencies", []))
    return manifest


def copy(app: Path, manifest: Mapping[str, Any], place: Path) -> None:
    """Copy the folder without what never belongs in an image.

    An `env` that names a file is dropped from the copy, as the file is: `langgraph build` does
    not put it into an image either.
    """
    shutil.copytree(app, place, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
    if isinstance(manifest.get("env"), str):
        kept = {key: value for key, value in manifest.items() if key != "env"}
        (place / "langgraph.json").write_text(json.dumps(kept, indent=2) + "\n")


def install(
    manifest: Mapping[str, Any],
    app: Path,
    site: Path,
    environment: ServerEnvironment,
    on_progress: Callable[[str], None] | None = None,
) -> list[str]:
    """Install into `site` what the app asks for and the server has not; its exact versions.

    The server's own versions are constraints: an app that needs another one is refused here and
    not when its task starts.
    """
    asked = _asked(app, manifest.get("dependencies", []))
    if not asked:
        return []
    if on_progress:
        on_progress(f"installing the application's dependencies: {' '.join(asked)[:100]}")
    report = site.with_suffix(".report.json")
    constraints = ["--constraint", str(environment.constraints)]
    plan = ["--dry-run", "--quiet", "--report", str(report), *constraints, *asked]
    _pip(environment, plan, asked)
    planned = json.loads(report.read_text())["install"]
    report.unlink()
    pins = sorted(f"{p['metadata']['name']}=={p['metadata']['version']}" for p in planned)
    links = [_requirement(package) for package in planned]
    if links:
        _pip(environment, ["--quiet", "--no-deps", "--target", str(site), *links], asked)
    return pins


def layer(folder: Path) -> dict[str, Any]:
    """The folder as an image layer: a tar whose bytes depend on names, modes and content only."""
    into = _Counter()
    with tarfile.open(fileobj=into, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            entry = tar.gettarinfo(str(path), str(path.relative_to(folder)))
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mtime = 0
            entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
            if entry.isreg():
                with path.open("rb") as content:
                    tar.addfile(entry, content)
            else:
                tar.addfile(entry)
    digest = f"sha256:{into.hash.hexdigest()}"
    return {"mediaType": LAYER_TYPE, "digest": digest, "size": into.size}


class _Counter(io.RawIOBase):
    """A file that keeps only the hash and the length of what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.hash = hashlib.sha256()
        self.size = 0

    def write(self, data: Buffer, /) -> int:
        self.hash.update(data)
        written = memoryview(data).nbytes
        self.size += written
        return written


def _check_graphs(app: Path, graphs: object) -> None:
    if not isinstance(graphs, dict) or not graphs:
        raise _refused(
            "graphs", 'a map such as {"chat": "./graph.py:graph"}', repr(graphs), "Name a graph."
        )
    for name, where in graphs.items():
        path = where.get("path") if isinstance(where, dict) else where
        _check_graph(app, f"graphs.{name}", path)


def _check_graph(app: Path, field: str, where: object) -> None:
    file, _, attribute = where.rpartition(":") if isinstance(where, str) else ("", "", "")
    if not file or not attribute.isidentifier():
        raise _refused(field, "./<file>.py:<attribute>", repr(where), "Name file and attribute.")
    path = (app / file).resolve()
    if path.suffix != ".py" and "/" not in file and "." in file:
        return  # an importable module, which may be in a dependency
    if not path.is_relative_to(app.resolve()) or not path.is_file():
        raise _refused(field, "a Python file in the application's folder", file, "Correct it.")
    try:
        ast.parse(path.read_bytes(), filename=file)
    except SyntaxError as broken:
        got = f"{broken.msg} in {file}, line {broken.lineno}"
        raise _refused(field, "Python that compiles", got, "Correct the file.") from broken


def _check_dependencies(app: Path, dependencies: object) -> None:
    if not isinstance(dependencies, list) or not all(isinstance(d, str) for d in dependencies):
        raise _refused("dependencies", "a list of strings", repr(dependencies), "Correct it.")
    for dependency in dependencies:
        if dependency.startswith(".") and not (app / dependency).is_dir():
            got = f"{dependency}, which is not there"
            raise _refused("dependencies", "folders of the application", got, "Correct it.")


def _asked(app: Path, dependencies: list[str]) -> list[str]:
    """What pip is to install: packages by name, and what local folders say they need."""
    asked: list[str] = []
    for dependency in dependencies:
        folder = app / dependency
        if not dependency.startswith("."):
            asked.append(dependency)
        elif (folder / "pyproject.toml").exists() or (folder / "setup.py").exists():
            asked.append(str(folder))
        elif (folder / "requirements.txt").exists():
            asked += ["--requirement", str(folder / "requirements.txt")]
    return asked


def _requirement(package: Mapping[str, Any]) -> str:
    info, metadata = package["download_info"], package["metadata"]
    if "dir_info" in info:
        return str(info["url"]).removeprefix("file://")
    digest = info.get("archive_info", {}).get("hashes", {}).get("sha256")
    fragment = f"#sha256={digest}" if digest else ""
    return f"{metadata['name']} @ {info['url']}{fragment}"


def _pip(environment: ServerEnvironment, arguments: list[str], asked: list[str]) -> None:
    command = [str(environment.python), "-m", "pip", "install", "--no-input", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        words = [line.strip() for line in done.stderr.splitlines() if "ERROR" in line]
        raise _refused(
            "dependencies",
            "packages that install beside the LangGraph server's own",
            " / ".join(words[-2:]) or " ".join(asked),
            "Correct the dependencies in langgraph.json and push again.",
        )


def _refused(field: str, wanted: str, got: str, next_step: str) -> SpecError:
    return SpecError(field, wanted=wanted, got=got, next_step=next_step)
