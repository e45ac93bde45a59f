"""From a tag to a digest and an architecture."""

import hashlib
import io
import json
import urllib.request
from typing import Any

import pytest

from byoc_infra.aws import images
from byoc_infra.aws.session import Session
from byoc_infra.errors import AccessRefused, ImageNotFound, SpecError

REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def push(session: Session, manifest: dict[str, Any], tag: str = "v1") -> str:
    """Put a manifest into the repository `agents`; its digest."""
    ecr = session.client("ecr")
    if not ecr.describe_repositories()["repositories"]:
        ecr.create_repository(repositoryName="agents")
    text = json.dumps(manifest)
    digest = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    ecr.put_image(
        repositoryName="agents",
        imageManifest=text,
        imageManifestMediaType=manifest["mediaType"],
        imageTag=tag,
        imageDigest=digest,
    )
    return digest


def plain_image() -> dict[str, Any]:
    """An image of one architecture, which its config blob tells."""
    return {
        "schemaVersion": 2,
        "mediaType": OCI,
        "config": {"mediaType": "c", "size": 1, "digest": "sha256:" + "c" * 64},
        "layers": [{"mediaType": "l", "size": 1, "digest": "sha256:" + "d" * 64}],
    }


def index(*architectures: str) -> dict[str, Any]:
    """An image of several."""
    return {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [
            {
                "mediaType": OCI,
                "size": 1,
                "digest": "sha256:" + str(number) * 64,
                "platform": {"os": "linux", "architecture": architecture},
            }
            for number, architecture in enumerate(architectures)
        ],
    }


def serve_config(monkeypatch: pytest.MonkeyPatch, session: Session, document: object) -> None:
    """Where GetDownloadUrlForLayer points at; moto has no such operation."""
    monkeypatch.setattr(
        session.client("ecr"),
        "get_download_url_for_layer",
        lambda **_: {"downloadUrl": "https://layers.example/config"},
        raising=False,
    )
    monkeypatch.setattr(
        urllib.request, "urlopen", lambda *_a, **_k: io.BytesIO(json.dumps(document).encode())
    )


def deny(monkeypatch: pytest.MonkeyPatch, *operations: str) -> None:
    """The role may not call these."""
    ask = Session.ask

    def refusing(self: Session, service: str, operation: str, **params: Any) -> dict[str, Any]:
        if operation in operations:
            raise AccessRefused(operation, wanted="permission", got="denied", next_step="-")
        return ask(self, service, operation, **params)

    monkeypatch.setattr(Session, "ask", refusing)


def test_a_tag_becomes_the_digest_it_means(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What runs is pinned, whatever happens to the tag."""
    digest = push(session, plain_image())
    serve_config(monkeypatch, session, {"architecture": "arm64"})

    found = images.resolve(session, f"{REGISTRY}/agents:v1")

    assert found.uri_by_digest == f"{REGISTRY}/agents@{digest}"
    assert found.architecture == "arm64"


def test_a_digest_is_seen_to_be_there(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what is pinned already has to exist."""
    digest = push(session, plain_image())
    serve_config(monkeypatch, session, {"architecture": "amd64"})

    found = images.resolve(session, f"{REGISTRY}/agents@{digest}")

    assert (found.uri_by_digest, found.architecture) == (f"{REGISTRY}/agents@{digest}", "amd64")


@pytest.mark.parametrize(
    ("offered", "taken"), [(("arm64",), "arm64"), (("arm64", "amd64", "s390x"), "amd64")]
)
def test_an_index_tells_its_architectures(
    session: Session, offered: tuple[str, ...], taken: str
) -> None:
    """The platform's images are amd64 first."""
    push(session, index(*offered))

    assert images.resolve(session, f"{REGISTRY}/agents:v1").architecture == taken


def test_an_index_of_other_architectures_is_refused(session: Session) -> None:
    """Fargate has none of them; what there is, and how to build another, is told."""
    push(session, index("s390x", "ppc64le"))

    with pytest.raises(SpecError) as refused:
        images.resolve(session, f"{REGISTRY}/agents:v1")

    assert refused.value.wanted == "an image for linux/amd64 or linux/arm64"
    assert refused.value.got == f"{REGISTRY}/agents:v1, for linux/ppc64le, linux/s390x"
    assert "docker buildx" in refused.value.next_step


@pytest.mark.parametrize(
    "config",
    [{"architecture": "386", "os": "linux"}, {"architecture": "amd64", "os": "windows"}],
)
def test_an_image_for_something_else_is_refused(
    session: Session, monkeypatch: pytest.MonkeyPatch, config: dict[str, str]
) -> None:
    """By its own config; no task of it would start."""
    push(session, plain_image())
    serve_config(monkeypatch, session, config)

    with pytest.raises(SpecError, match=f"for {config['os']}/{config['architecture']}"):
        images.resolve(session, f"{REGISTRY}/agents:v1")


@pytest.mark.parametrize("operation", ["batch_get_image", "get_download_url_for_layer"])
def test_an_unreadable_config_leaves_the_architecture_unknown(
    session: Session, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    """The deployment goes on; the user is told *unknown*."""
    push(session, plain_image())
    deny(monkeypatch, operation)

    assert images.resolve(session, f"{REGISTRY}/agents:v1").architecture is None


def test_without_the_right_to_ask_a_digest_must_be_given(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tag cannot be pinned unseen."""
    deny(monkeypatch, "describe_images")

    with pytest.raises(SpecError, match="a digest"):
        images.resolve(session, f"{REGISTRY}/agents:v1")


def test_without_the_right_to_ask_a_digest_is_taken_as_given(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then nothing is known of it."""
    deny(monkeypatch, "describe_images")
    uri = f"{REGISTRY}/agents@sha256:{'a' * 64}"

    found = images.resolve(session, uri)

    assert (found.uri_by_digest, found.architecture) == (uri, None)


@pytest.mark.parametrize("name", ["agents:v9", f"agents@sha256:{'9' * 64}", "other:v1"])
def test_an_image_that_is_not_there_is_refused(session: Session, name: str) -> None:
    """Before anything is made."""
    push(session, plain_image())

    with pytest.raises(ImageNotFound):
        images.resolve(session, f"{REGISTRY}/{name}")


@pytest.mark.parametrize(
    "image",
    ["agents:v1", "docker.io/library/redis:7", f"{REGISTRY}/agents", "", f"{REGISTRY}/UP:v1"],
)
def test_what_is_no_ecr_image_is_refused(session: Session, image: str) -> None:
    """The whole URI with tag or digest is wanted."""
    with pytest.raises(SpecError, match="image: want"):
        images.resolve(session, image)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("999999999999.dkr.ecr.eu-west-1.amazonaws.com/agents:v1", "account 123456789012"),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com/agents:v1", "region eu-west-1"),
    ],
)
def test_an_image_elsewhere_is_refused(session: Session, image: str, words: str) -> None:
    """Tasks could not pull it, and the customer's data stays in the customer's account."""
    with pytest.raises(SpecError, match=words):
        images.resolve(session, image)
