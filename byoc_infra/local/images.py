"""Images of the local cloud: a LangGraph application folder, or Redis, pinned by digest in ECR.

What ECR holds is true to the registry's rules: an OCI manifest whose SHA-256 is the digest, and a
config blob that names the architecture. What a task runs is not unpacked from layers but lies
beside it, under `images/<digest>/`: the app's folder, and the packages it asks for.
"""

import hashlib
import json
import platform
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from moto.ecr.exceptions import ImageAlreadyExistsException
from moto.ecr.models import ecr_backends

from byoc_infra.errors import DuplicateName, SpecError
from byoc_infra.local import apps
from byoc_infra.local.server import ServerEnvironment
from byoc_infra.local.world import CUSTOMER_ACCOUNT, World

__all__ = ["REDIS_REPOSITORY", "Image", "config_blob", "find", "locate", "push", "push_redis"]

REDIS_REPOSITORY = "byoc/redis"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
REPOSITORY_PATTERN = re.compile(r"(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*")
"""ECR API reference, CreateRepository, repositoryName."""
TAG_PATTERN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
URI_PATTERN = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/"
    r"(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)

Kind = Literal["langgraph", "redis"]


@dataclass(frozen=True)
class Image:
    """Something that a task can run."""

    digest: str
    kind: Kind
    folder: Path
    architecture: str
    """As in an image's config: `amd64` or `arm64`."""

    @property
    def app(self) -> Path:
        """The application's folder."""
        return self.folder / "app"

    @property
    def site(self) -> Path:
        """The packages that the application asked for."""
        return self.folder / "site"


def push(
    world: World,
    app: Path,
    repository: str,
    tag: str,
    *,
    environment: ServerEnvironment,
    account_id: str = CUSTOMER_ACCOUNT,
    region: str | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> str:
    """Put the LangGraph app in the folder `app` into ECR, of the first region unless told; its URI
    by digest.

    The repository is made when it is absent, with immutable tags: a tag that already names other
    content is refused.
    """
    _check_names(repository, tag)
    manifest = apps.read(app)
    work = _work_folder(world)
    try:
        apps.copy(app, manifest, work / "app")
        pins = apps.install(manifest, work / "app", work / "site", environment, on_progress)
        layers = [apps.layer(work / "app"), _layer("\n".join(pins).encode())]
        labels = {"byoc.kind": "langgraph", "byoc.server": environment.key}
        place = _Place(account_id, region or world.region, repository, tag)
        return _register(world, work, place, layers, labels)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def push_redis(
    world: World,
    *,
    account_id: str = CUSTOMER_ACCOUNT,
    region: str | None = None,
    tag: str = "local",
) -> str:
    """Put the Redis of this machine into ECR as `byoc/redis`; its URI by digest."""
    work = _work_folder(world)
    try:
        labels = {"byoc.kind": "redis"}
        layers = [_layer(b"redis")]
        place = _Place(account_id, region or world.region, REDIS_REPOSITORY, tag)
        return _register(world, work, place, layers, labels)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def find(world: World, digest: str) -> Image | None:
    """What runs for this digest, if it was ever pushed here."""
    folder = world.directory / "images" / digest.removeprefix("sha256:")
    if not (folder / "config.json").exists():
        return None
    config = json.loads((folder / "config.json").read_text())
    kind: Kind = config["config"]["Labels"]["byoc.kind"]
    return Image(digest, kind, folder, config["architecture"])


def locate(world: World, uri: str) -> tuple[str, str, Image] | None:
    """Account, repository and image of an ECR URI by tag or digest; None when ECR has it not."""
    parts = URI_PATTERN.fullmatch(uri)
    if parts is None:
        return None
    backend = ecr_backends[parts["account"]][parts["region"]]
    repository = backend.repositories.get(parts["repository"])
    for held in repository.images if repository else ():
        digest = held.get_image_digest()
        wanted = parts["digest"] or parts["tag"] or "latest"
        if wanted == digest or (not parts["digest"] and wanted in held.image_tags):
            image = find(world, digest)
            return (parts["account"], parts["repository"], image) if image else None
    return None


def config_blob(world: World, account_id: str, region: str, repository: str, digest: str) -> Path:
    """The file of an image's config blob, for whoever asks ECR to download it; may not exist."""
    found = ecr_backends[account_id][region].repositories.get(repository)
    for held in found.images if found else ():
        if json.loads(held.image_manifest).get("config", {}).get("digest") == digest:
            hexadecimal = held.get_image_digest().removeprefix("sha256:")
            return world.directory / "images" / hexadecimal / "config.json"
    return world.directory / "images" / "none"


def _check_names(repository: str, tag: str) -> None:
    if not REPOSITORY_PATTERN.fullmatch(repository) or not 2 <= len(repository) <= 256:
        raise SpecError(
            "repository",
            wanted="2 to 256 characters of a-z, 0-9 and . _ - / between them",
            got=repr(repository),
            next_step="Give a name that ECR takes.",
        )
    if not TAG_PATTERN.fullmatch(tag):
        raise SpecError(
            "tag",
            wanted="at most 128 characters of A-Z, a-z, 0-9, _ . -",
            got=repr(tag),
            next_step="Give a tag that ECR takes.",
        )


def _work_folder(world: World) -> Path:
    images = world.directory / "images"
    images.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=".push-", dir=images))


def _layer(content: bytes) -> dict[str, Any]:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return {"mediaType": LAYER_TYPE, "digest": digest, "size": len(content)}


def _architecture() -> str:
    machine = platform.machine().lower()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


@dataclass(frozen=True)
class _Place:
    account_id: str
    region: str
    repository: str
    tag: str


def _register(
    world: World,
    work: Path,
    place: _Place,
    layers: list[dict[str, Any]],
    labels: Mapping[str, str],
) -> str:
    config = _bytes(
        {
            "architecture": _architecture(),
            "os": "linux",
            "config": {"Labels": dict(labels)},
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
        }
    )
    manifest = _bytes(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {**_layer(config), "mediaType": CONFIG_TYPE},
            "layers": layers,
        }
    )
    digest = hashlib.sha256(manifest).hexdigest()
    (work / "config.json").write_bytes(config)
    folder = work.parent / digest
    if not folder.exists():
        work.chmod(0o755)
        work.replace(folder)
    with world.lock:
        _put(place, manifest.decode(), f"sha256:{digest}")
    registry = f"{place.account_id}.dkr.ecr.{place.region}.amazonaws.com"
    return f"{registry}/{place.repository}@sha256:{digest}"


def _put(place: _Place, manifest: str, digest: str) -> None:
    backend = ecr_backends[place.account_id][place.region]
    repository, tag = place.repository, place.tag
    if repository not in backend.repositories:
        backend.create_repository(
            repository_name=repository,
            registry_id=None,
            encryption_config={"encryptionType": "AES256"},
            image_scan_config=None,
            image_tag_mutability="IMMUTABLE",
            tags=[],
        )
    held = backend.repositories[repository].images
    if any(tag in one.image_tags and one.get_image_digest() == digest for one in held):
        return
    try:
        backend.put_image(repository, manifest, tag, MANIFEST_TYPE, digest)
    except ImageAlreadyExistsException as taken:
        raise DuplicateName(
            "tag",
            wanted=f"a tag that is free in {repository} (its tags are immutable)",
            got=tag,
            next_step="Push under another tag.",
        ) from taken


def _bytes(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
