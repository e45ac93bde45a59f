"""Which image runs: a tag becomes its digest, and the digest tells the architecture."""

import json
import re
import urllib.request
from dataclasses import dataclass
from typing import Any, Literal

from byoc_infra.aws.session import Session
from byoc_infra.errors import AccessRefused, ByocError, ImageNotFound, SpecError

__all__ = ["Image", "Reference", "parse_reference", "resolve"]

ECR = re.compile(
    r"^(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?"
    r"/(?P<repository>[a-z0-9][a-z0-9._/-]*?)(:(?P<tag>[\w][\w.-]{0,127}))?"
    r"(@(?P<digest>sha256:[0-9a-f]{64}))?$"
)
ABSENT = frozenset({"ImageNotFoundException", "RepositoryNotFoundException"})
INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
LARGEST_CONFIG = 4 * 1024 * 1024
Architecture = Literal["amd64", "arm64"]
PREFERRED: tuple[Architecture, ...] = ("amd64", "arm64")
"""What Fargate runs; the first one that an index offers, in this order."""


@dataclass(frozen=True)
class Reference:
    """An image's URI, taken apart."""

    registry: str
    account_id: str
    region: str
    repository: str
    tag: str | None
    digest: str | None


@dataclass(frozen=True)
class Image:
    """What will run."""

    uri_by_digest: str
    """`<registry>/<repository>@sha256:…`."""
    architecture: Architecture | None
    """`amd64` or `arm64`; None is *unknown*, because the role may not ask."""


def parse_reference(image: str) -> Reference:
    """`image` as a reference into ECR, or a refusal."""
    match = ECR.match(image)
    if match is None or (match["tag"] is None and match["digest"] is None):
        raise SpecError(
            "image",
            wanted="<account>.dkr.ecr.<region>.amazonaws.com/<repository>, with :tag or @sha256:…",
            got=image,
            next_step="Push the image to ECR in the customer's account and give its full URI.",
        )
    return Reference(
        registry=image.split("/", 1)[0],
        account_id=match["account"],
        region=match["region"],
        repository=match["repository"],
        tag=match["tag"],
        digest=match["digest"],
    )


def resolve(session: Session, image: str, *, aws_account_id: str | None = None) -> Image:
    """`image` by digest, after seeing that it is there.

    `aws_account_id` is the account that the image must be in; the session's own when absent.
    """
    reference = parse_reference(image)
    _same_place(session, reference, aws_account_id or session.identity().account_id)
    try:
        digest = _digest(session, reference)
    except AccessRefused:
        if reference.digest is None:
            raise SpecError(
                "image",
                wanted="a digest (@sha256:…), because the role may not ask ECR what a tag means",
                got=image,
                next_step="Give the digest, or allow ecr:DescribeImages on the repository.",
            ) from None
        return Image(f"{reference.registry}/{reference.repository}@{reference.digest}", None)
    return Image(
        uri_by_digest=f"{reference.registry}/{reference.repository}@{digest}",
        architecture=_architecture(image, _offered(session, reference, digest)),
    )


def _same_place(session: Session, reference: Reference, account_id: str) -> None:
    for field, wanted, got in (
        ("account", account_id, reference.account_id),
        ("region", session.region, reference.region),
    ):
        if wanted != got:
            raise SpecError(
                "image",
                wanted=f"an image in {field} {wanted}",
                got=f"{field} {got}",
                next_step="Push the image to ECR in the deployment's own account and region.",
            )


def _digest(session: Session, reference: Reference) -> str:
    wanted = {"imageDigest": reference.digest} if reference.digest else {"imageTag": reference.tag}
    found = session.ask(
        "ecr",
        "describe_images",
        absent=ABSENT,
        registryId=reference.account_id,
        repositoryName=reference.repository,
        imageIds=[wanted],
    )
    details = found.get("imageDetails") or []
    if not details or not details[0].get("imageDigest"):
        raise ImageNotFound(
            "image",
            wanted="an image in its repository",
            got=f"{reference.repository} has no {reference.tag or reference.digest}",
            next_step="Check the name with `aws ecr describe-images`, or push the image.",
        )
    return str(details[0]["imageDigest"])


def _architecture(image: str, offered: tuple[str, ...] | None) -> Architecture | None:
    """What the image runs on; None where that could not be read."""
    if offered is None:
        return None
    found = next((name for name in PREFERRED if f"linux/{name}" in offered), None)
    if found is None:
        raise SpecError(
            "image",
            wanted="an image for " + " or ".join(f"linux/{name}" for name in PREFERRED),
            got=f"{image}, for {', '.join(sorted(offered)) or 'nothing'}",
            next_step="Build it for one of them (`docker buildx build --platform linux/amd64 …`), "
            "and push it again.",
        )
    return found


def _offered(session: Session, reference: Reference, digest: str) -> tuple[str, ...] | None:
    """`linux/amd64` and so on: by the index, else by the image's config; None if unreadable."""
    try:
        manifest = _manifest(session, reference, digest)
        if "manifests" in manifest:
            return _of_index(manifest)
        return _of_config(session, reference, manifest)
    except (ByocError, OSError, ValueError, KeyError, TypeError):
        # the deployment can run without knowing: *unknown* is told to the user
        return None


def _manifest(session: Session, reference: Reference, digest: str) -> dict[str, Any]:
    answer = session.ask(
        "ecr",
        "batch_get_image",
        registryId=reference.account_id,
        repositoryName=reference.repository,
        imageIds=[{"imageDigest": digest}],
        acceptedMediaTypes=[*INDEXES, *MANIFESTS],
    )
    document: dict[str, Any] = json.loads(answer["images"][0]["imageManifest"])
    return document


def _of_index(index: dict[str, Any]) -> tuple[str, ...]:
    """Its platforms; attestations, which are in it as well, are of the platform `unknown`."""
    platforms = [entry["platform"] for entry in index["manifests"] if "platform" in entry]
    return tuple(
        f"{one['os']}/{one['architecture']}" for one in platforms if one["os"] != "unknown"
    )


def _of_config(
    session: Session, reference: Reference, manifest: dict[str, Any]
) -> tuple[str, ...] | None:
    answer = session.ask(
        "ecr",
        "get_download_url_for_layer",
        registryId=reference.account_id,
        repositoryName=reference.repository,
        layerDigest=manifest["config"]["digest"],
    )
    url = answer["downloadUrl"]
    if not url.startswith(("https://", "http://")):
        return None
    with urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310 - scheme checked above
        config = json.loads(reply.read(LARGEST_CONFIG))
    return (f"{config.get('os', 'linux')}/{config['architecture']}",)
