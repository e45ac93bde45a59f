"""Application folders as images: what is refused, what the digest says, what is left out."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from byoc_infra.errors import DuplicateName, SpecError
from byoc_infra.local import images
from byoc_infra.local.compute.downloads import Downloads
from byoc_infra.local.hooks import Hooks
from byoc_infra.local.server import ServerEnvironment
from byoc_infra.local.wire import AwsError, Call
from byoc_infra.local.world import World
from tests.local.compute import fakes
from tests.local.compute.fakes import ACCOUNT, ADMIN, REGION, client

EXAMPLE = Path(__file__).parents[2] / "examples" / "chat-memory"
GRAPH = {"chat": "./graph.py:graph"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A cloud whose ECR is empty."""
    with fakes.lab(tmp_path) as lab:
        yield lab.world


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A copy of the example that a test may change."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "app"))


def push(world: World, app: Path, tag: str = "v1") -> str:
    """Push an app that needs no packages."""
    environment = ServerEnvironment(Path("/server/py3.11-abc"))
    return images.push(world, app, "acme/chat", tag, environment=environment, account_id=ACCOUNT)


def config(uri: str) -> str:
    """The digest of an image's config blob."""
    digest = uri.partition("@")[2]
    answer = client("ecr").batch_get_image(
        repositoryName="acme/chat", imageIds=[{"imageDigest": digest}]
    )
    return str(json.loads(answer["images"][0]["imageManifest"])["config"]["digest"])


def test_the_digest_is_the_sha256_of_the_manifest(world: World, app: Path) -> None:
    """As in every OCI registry, and ECR tells it for the tag."""
    uri = push(world, app)
    held = client("ecr").batch_get_image(repositoryName="acme/chat", imageIds=[{"imageTag": "v1"}])[
        "images"
    ][0]

    digest = f"sha256:{hashlib.sha256(held['imageManifest'].encode()).hexdigest()}"
    assert uri == f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/acme/chat@{digest}"
    assert held["imageId"]["imageDigest"] == digest


def test_the_same_content_is_the_same_image(world: World, app: Path) -> None:
    """Whatever the files' dates, and however often it is pushed."""
    first = push(world, app)
    (app / "graph.py").touch()
    (app / "__pycache__").mkdir()
    (app / "__pycache__" / "graph.pyc").write_bytes(b"x")

    assert push(world, app) == first
    assert push(world, app, "v1-again") == first


def test_other_content_is_another_image_and_needs_another_tag(world: World, app: Path) -> None:
    """Tags are immutable."""
    first = push(world, app)
    (app / "VERSION").write_text("v2\n")

    with pytest.raises(DuplicateName, match="got v1"):
        push(world, app)
    assert push(world, app, "v2") != first


def test_secrets_of_the_developers_machine_stay_there(world: World, app: Path) -> None:
    """No .env in an image, and no pointer to one."""
    (app / ".env").write_text("KEY=hidden")
    (app / ".git").mkdir()
    (app / "langgraph.json").write_text(
        json.dumps({"dependencies": ["."], "graphs": GRAPH, "env": ".env"})
    )
    found = images.locate(world, push(world, app))

    assert found is not None
    assert sorted(path.name for path in found[2].app.iterdir()) == [
        "README.md",
        "VERSION",
        "graph.py",
        "langgraph.json",
    ]
    assert "env" not in json.loads((found[2].app / "langgraph.json").read_text())


def test_an_image_is_found_by_digest_and_by_tag(world: World, app: Path) -> None:
    """And not when ECR has forgotten it."""
    uri = push(world, app)
    tagged = uri.partition("@")[0] + ":v1"

    assert images.locate(world, uri) == images.locate(world, tagged)
    client("ecr").delete_repository(repositoryName="acme/chat", force=True)
    assert images.locate(world, uri) is None


def test_redis_is_an_image_too(world: World) -> None:
    """Pushed twice, it is the same."""
    uri = images.push_redis(world, account_id=ACCOUNT)
    found = images.locate(world, uri)

    assert images.push_redis(world, account_id=ACCOUNT) == uri
    assert found is not None
    assert found[2].kind == "redis"


@pytest.mark.parametrize(
    ("content", "field", "got"),
    [
        ("{", "langgraph.json", "Expecting property name"),
        ("[]", "langgraph.json", "list"),
        ('{"graphs": {}}', "graphs", "{}"),
        ('{"graphs": {"chat": "graph.py"}}', "graphs.chat", "'graph.py'"),
        ('{"graphs": {"chat": "./none.py:graph"}}', "graphs.chat", "none.py"),
        ('{"graphs": {"chat": "../x.py:graph"}}', "graphs.chat", "x.py"),
        ('{"graphs": {"chat": "./bad.py:graph"}}', "graphs.chat", "line 1"),
        (
            '{"graphs": {"chat": "./graph.py:graph"}, "dependencies": ["./lib"]}',
            "dependencies",
            "./lib",
        ),
    ],
)
def test_a_folder_that_is_no_app_is_refused_by_field(
    world: World, app: Path, content: str, field: str, got: str
) -> None:
    """Before anything is in ECR."""
    (app / "langgraph.json").write_text(content)
    (app / "bad.py").write_text("def (:\n")

    with pytest.raises(SpecError) as refused:
        push(world, app)
    assert refused.value.field == field
    assert got in refused.value.got
    assert client("ecr").describe_repositories()["repositories"] == []


@pytest.mark.parametrize(("repository", "tag"), [("Acme", "v1"), ("a", "v1"), ("acme/chat", ":")])
def test_a_name_that_ecr_does_not_take_is_refused(
    world: World, app: Path, repository: str, tag: str
) -> None:
    """Repository and tag."""
    environment = ServerEnvironment(Path("/server/x"))

    with pytest.raises(SpecError):
        images.push(world, app, repository, tag, environment=environment)


def test_the_config_blob_names_the_architecture_and_its_link_is_signed(
    world: World, app: Path
) -> None:
    """GetDownloadUrlForLayer, as an image check uses it."""
    blob = config(push(world, app))
    hooks, downloads = Hooks(), Downloads(world)
    downloads.register(hooks)
    downloads.start()
    try:
        link = ask(hooks, blob)["downloadUrl"]

        assert json.loads(fetch(link)[1])["architecture"] in ("amd64", "arm64")
        assert fetch(link + "0")[0] == 403
        with pytest.raises(AwsError, match="LayersNotFoundException"):
            ask(hooks, "sha256:" + "0" * 64)
    finally:
        downloads.stop()
        world.shared_loop.stop()


def ask(hooks: Hooks, digest: str) -> dict[str, Any]:
    """GetDownloadUrlForLayer."""
    params = {"repositoryName": "acme/chat", "layerDigest": digest}
    call = Call(
        service="ecr",
        operation="GetDownloadUrlForLayer",
        params=params,
        region=REGION,
        principal=ADMIN,
    )
    handler = hooks.handler(call)
    assert handler is not None
    return handler(call)


def fetch(link: str) -> tuple[int, bytes]:
    """Status and content of a link."""
    answer = httpx.get(link, trust_env=False)
    return answer.status_code, answer.content
