"""ECR's GetDownloadUrlForLayer: the config blob of an image, over a link that runs out."""

import hashlib
import hmac
import secrets
import time
from typing import Any
from urllib.parse import parse_qs

from moto.ecr.models import ecr_backends

from byoc_infra.local import images
from byoc_infra.local.balancing.web import Message, Server, serve
from byoc_infra.local.hooks import Hooks
from byoc_infra.local.wire import AwsError, Call
from byoc_infra.local.world import World

__all__ = ["Downloads"]

VALID_S = 3600
PORT = 8070


class Downloads:
    """Serves config blobs; the content of layers is not kept, so no link leads to one."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._key = secrets.token_bytes(32)
        self._server: Server | None = None
        self._paths: dict[str, str] = {}

    def register(self, hooks: Hooks) -> None:
        """Answer the operation, which moto has not."""
        hooks.handle("ecr", "GetDownloadUrlForLayer", self.get_download_url)

    def start(self) -> None:
        """Listen on an address of its own."""
        address = self.world.addresses.take()
        self._server = self.world.shared_loop.run(serve(self._answer, address, PORT))

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self.world.shared_loop.run(self._server.close())

    def get_download_url(self, call: Call) -> dict[str, Any]:
        """GetDownloadUrlForLayer."""
        name, digest = call.params["repositoryName"], call.params["layerDigest"]
        account_id = call.params.get("registryId") or call.account_id
        if name not in ecr_backends[account_id][call.region].repositories:
            raise AwsError(
                "RepositoryNotFoundException",
                f"The repository with name '{name}' does not exist in the registry with id "
                f"'{account_id}'",
            )
        path = images.config_blob(self.world, account_id, call.region, name, digest)
        if not path.exists() or self._server is None:
            raise AwsError(
                "LayersNotFoundException",
                f"The layer with digest '{digest}' does not exist in the repository with name "
                f"'{name}' in the registry with id '{account_id}'",
            )
        self._paths[digest] = str(path)
        ends = int(time.time()) + VALID_S
        where = f"http://{self._server.address}:{self._server.port}/{digest}"
        return {
            "downloadUrl": f"{where}?Expires={ends}&Signature={self._sign(digest, ends)}",
            "layerDigest": digest,
        }

    def _sign(self, digest: str, ends: int) -> str:
        return hmac.new(self._key, f"{digest} {ends}".encode(), hashlib.sha256).hexdigest()

    async def _answer(self, scope: Message, _receive: Any, send: Any) -> None:  # noqa: ANN401
        digest = scope["path"].lstrip("/")
        asked = parse_qs(scope["query_string"].decode())
        ends = int(asked.get("Expires", ["0"])[0])
        signature = asked.get("Signature", [""])[0]
        valid = hmac.compare_digest(signature, self._sign(digest, ends)) and ends > time.time()
        body = b"<Error><Code>AccessDenied</Code></Error>"
        if valid:
            with open(self._paths[digest], "rb") as blob:
                body = blob.read()
        headers = [(b"content-type", b"application/octet-stream")]
        headers.append((b"content-length", str(len(body)).encode()))
        status = 200 if valid else 403
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
