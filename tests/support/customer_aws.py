"""A customer's account as the control plane's requests see it: images and secrets, in memory."""

import json
import threading
from dataclasses import dataclass, field
from typing import Any

from byoc_infra.aws.session import Session

__all__ = ["ACCOUNT", "DIGEST", "REPOSITORY", "CustomerAws", "KeptSecret"]

ACCOUNT = "222222222222"
REPOSITORY = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/agents"
DIGEST = "sha256:" + "a" * 64


@dataclass
class KeptSecret:
    """One secret."""

    arn: str
    tags: dict[str, str]
    policy: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    """By version id."""

    def read(self, version: str) -> dict[str, str]:
        """What a task would get."""
        found: dict[str, str] = json.loads(self.versions[version])
        return found


class CustomerAws(Session):
    """Answers the calls that requests make, and remembers them."""

    def __init__(self) -> None:
        self.tags = {"v1": DIGEST}
        self.secrets: dict[str, KeptSecret] = {}
        self.asked: list[str] = []
        self.broken: dict[str, Exception] = {}
        """By operation: what it fails with."""
        self.region = "eu-west-1"
        self._mutex = threading.Lock()

    def ask(
        self,
        service: str,
        operation: str,
        /,
        *,
        absent: frozenset[str] = frozenset(),
        **params: Any,
    ) -> dict[str, Any]:
        """One call."""
        with self._mutex:
            self.asked.append(operation)
            if operation in self.broken:
                raise self.broken[operation]
            answer: dict[str, Any] = getattr(self, f"_{operation}")(**params)
            return answer

    def close(self) -> None:
        """Nothing to close."""

    def of_revision(self, arn: str) -> KeptSecret:
        """The secret of that ARN."""
        return next(one for one in self.secrets.values() if one.arn == arn)

    def _describe_images(self, **asked: Any) -> dict[str, Any]:
        wanted = asked["imageIds"][0]
        digest = wanted.get("imageDigest") or self.tags.get(wanted["imageTag"])
        return {"imageDetails": [{"imageDigest": digest}] if digest else []}

    def _batch_get_image(self, **_: Any) -> dict[str, Any]:
        platform = {"os": "linux", "architecture": "amd64"}
        manifest = json.dumps({"manifests": [{"platform": platform}]})
        return {"images": [{"imageManifest": manifest}]}

    def _create_secret(self, **asked: Any) -> dict[str, Any]:
        name = asked["Name"]
        if name in self.secrets:
            return {}
        arn = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:{name}-AbCdEf"
        self.secrets[name] = KeptSecret(arn, {one["Key"]: one["Value"] for one in asked["Tags"]})
        return {"ARN": arn}

    def _put_resource_policy(self, **asked: Any) -> dict[str, Any]:
        self._found(asked["SecretId"]).policy = asked["ResourcePolicy"]
        return {}

    def _put_secret_value(self, **asked: Any) -> dict[str, Any]:
        found, version = self._found(asked["SecretId"]), asked["ClientRequestToken"]
        found.versions[version] = asked["SecretString"]
        return {"ARN": found.arn, "VersionId": version}

    def _describe_secret(self, **asked: Any) -> dict[str, Any]:
        return {"ARN": self._found(asked["SecretId"]).arn}

    def _delete_secret(self, **asked: Any) -> dict[str, Any]:
        found = self.secrets.pop(asked["SecretId"], None)
        return {"ARN": found.arn} if found else {}

    def _found(self, name: str) -> KeptSecret:
        return self.secrets.get(name) or self.of_revision(name)
