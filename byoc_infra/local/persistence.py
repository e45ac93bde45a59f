"""What the local cloud knows, on disk before an answer is sent, so that a SIGKILL loses nothing.

Each moto backend (one service, account and region) and each part of our own is one pickle under
`state/`; `manifest.json`, replaced in one step, says which pickles belong together. Everything is
written for the page cache: it outlives the process, not the machine.
"""

import io
import json
import logging
import pickle
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from moto.backends import get_backend
from moto.core.base_backend import BaseBackend

__all__ = ["GLOBAL_SERVICES", "Part", "Persistence", "backend_of"]

GLOBAL_SERVICES = frozenset({"iam", "sts", "route53"})
"""Moto keeps these once for an account, in the region `aws`."""
COMPANIONS: dict[str, tuple[str, ...]] = {
    "acm": (),
    "application-autoscaling": ("cloudwatch", "iam"),
    "ec2": (),
    "ecs": ("ec2", "elbv2", "servicediscovery", "logs", "iam"),
    "elbv2": ("ec2", "iam"),
    "rds": ("ec2", "iam", "kms", "secretsmanager"),
    "secretsmanager": ("kms",),
    "servicediscovery": ("route53",),
    "sts": ("iam",),
}
"""What a change in a service may change besides; the referred to before who refers."""
READS = ("Describe", "Get", "List", "Batch", "Filter", "Simulate", "Head", "Lookup", "Test")
SHARED = frozenset({"core", "utilities", "moto_api"})
LOCKS = (type(threading.Lock()), type(threading.RLock()))
NOT_FOR_PICKLE = (*LOCKS, x509.Certificate, RSAPrivateKey, EllipticCurvePrivateKey)
PLAIN: dict[type, bool] = {}
"""What was found out about types of objects: it is asked for each object of each save."""
ATTEMPTS = 5

log = logging.getLogger(__name__)


def backend_of(service: str, account_id: str, region: str) -> Any:  # noqa: ANN401 - moto's own
    """Moto's live objects of one service in one account and region."""
    place = "aws" if service in GLOBAL_SERVICES else region
    return get_backend(service)[account_id][place]  # type: ignore[call-overload]  # a name from a call


@dataclass(frozen=True)
class Part:
    """Something that is not moto's and must survive as well."""

    name: str
    save: Callable[[], Any]
    load: Callable[[Any], None]


class Persistence:
    """The pickles under `directory`."""

    def __init__(self, directory: Path, lock: threading.RLock) -> None:
        self._directory = directory
        self._lock = lock
        self._manifest: dict[str, str] = {}
        self._written: dict[str, bytes] = {}
        self._parts: dict[str, Part] = {}
        self._serial = 0
        directory.mkdir(mode=0o700, exist_ok=True)

    def add(self, part: Part) -> None:
        """From now on, save `part` with every change."""
        self._parts[part.name] = part

    @property
    def found(self) -> bool:
        """Whether an earlier emulator has left its state here."""
        return (self._directory / "manifest.json").exists()

    def changed(self, service: str, operation: str, account_id: str, region: str) -> None:
        """A call has succeeded; if it can have changed something, save what."""
        if not operation.startswith(READS):
            self.save((*COMPANIONS.get(service, ()), service), account_id, region)

    def save(self, services: Iterable[str], account_id: str, region: str) -> None:
        """Write these backends and every part, all together or not at all."""
        with self._lock:
            blobs = {f"part.{name}": _dump(one.save(), None) for name, one in self._parts.items()}
            for service in dict.fromkeys(services):
                backend = backend_of(service, account_id, region)
                key = f"{service}.{account_id}.{backend.region_name}"
                blobs[key] = _dump(_trimmed(service, backend), backend)
            self._commit(blobs)

    def _commit(self, blobs: dict[str, bytes]) -> None:
        fresh = {key: blob for key, blob in blobs.items() if self._written.get(key) != blob}
        if not fresh:
            return
        old = [self._manifest[key] for key in fresh if key in self._manifest]
        self._serial += 1
        for key, blob in fresh.items():
            name = f"{key}.{self._serial}.pickle"
            (self._directory / name).write_bytes(blob)
            self._manifest[key] = name
        beside = self._directory / "manifest.new"
        beside.write_text(json.dumps({"serial": self._serial, "files": self._manifest}))
        beside.replace(self._directory / "manifest.json")
        self._written |= fresh
        for name in old:
            (self._directory / name).unlink(missing_ok=True)

    def load(self) -> None:
        """Take up what an earlier emulator knew, and remove what it had only half written."""
        found = json.loads((self._directory / "manifest.json").read_text())
        self._serial, self._manifest = found["serial"], found["files"]
        loader = _Loader({key: self._directory / name for key, name in self._manifest.items()})
        for key in self._manifest:
            loader.load(key)
        for name, part in self._parts.items():
            if f"part.{name}" in loader.done:
                part.load(loader.done[f"part.{name}"])
        for path in self._directory.glob("*.pickle"):
            if path.name not in self._manifest.values():
                path.unlink()


def _trimmed(service: str, backend: BaseBackend) -> dict[str, Any]:
    """A backend's attributes without what a new backend of this service has by itself."""
    state = dict(vars(backend))
    if service == "iam":
        del state["aws_managed_policies"]
        own = {arn: one for arn, one in state["managed_policies"].items() if not _is_aws(arn)}
        state["managed_policies"] = own
    return {name: value for name, value in state.items() if not isinstance(value, LOCKS)}


def _restore(service: str, backend: BaseBackend, state: dict[str, Any]) -> None:
    if service == "iam":
        built_in = vars(backend)["managed_policies"]
        aws_made = {arn: one for arn, one in built_in.items() if _is_aws(arn)}
        state["managed_policies"] = aws_made | state["managed_policies"]
    vars(backend).update(state)


def _is_aws(arn: str) -> bool:
    return arn.startswith("arn:aws:iam::aws:")


def _dump(value: object, root: BaseBackend | None) -> bytes:
    for attempt in range(ATTEMPTS):
        out = io.BytesIO()
        try:
            _Pickler(out, root).dump(value)
        except RuntimeError:  # a thread of ours changed a dictionary meanwhile
            if attempt == ATTEMPTS - 1:
                raise
            time.sleep(0.01)
        else:
            return out.getvalue()
    raise AssertionError


class _Pickler(pickle.Pickler):
    """Keeps references between backends as references."""

    def __init__(self, out: io.BytesIO, root: BaseBackend | None) -> None:
        super().__init__(out, protocol=5)
        self._root = root
        self._package = type(root).__module__.split(".")[1] if root is not None else ""

    def persistent_id(self, obj: Any) -> tuple[object, ...] | None:  # noqa: ANN401 - pickle's
        """What stands in the pickle for `obj`, or None to pickle it whole."""
        if _is_plain(type(obj)):
            return None
        module = type(obj).__module__
        if not module.startswith("moto."):
            return self._foreign_type(obj)
        if isinstance(obj, BaseBackend):
            return ("backend", module.split(".")[1], obj.account_id, obj.region_name)
        package = module.split(".")[1]
        if package == "iam" and _is_aws(getattr(obj, "arn", None) or ""):
            return ("policy", self._account(), obj.arn, obj.attachment_count)
        if self._root is None or package == self._package or package in SHARED:
            return None
        return self._object(package, obj)

    def _account(self) -> str:
        return self._root.account_id if self._root is not None else ""

    def _foreign_type(self, obj: object) -> tuple[object, ...] | None:
        if isinstance(obj, LOCKS):
            return ("lock",)
        if isinstance(obj, x509.Certificate):
            return ("certificate", obj.public_bytes(Encoding.PEM))
        if isinstance(obj, RSAPrivateKey | EllipticCurvePrivateKey):
            pem = obj.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            return ("key", pem)
        return None

    def _object(self, package: str, obj: object) -> tuple[object, ...] | None:
        """Another service's object, by where it stands in that service's backend."""
        assert self._root is not None  # noqa: S101 - for mypy: the caller has looked
        try:
            owner = backend_of(package, self._root.account_id, self._root.region_name)
        except (ImportError, KeyError):
            return None
        for attribute, held in vars(owner).items():
            steps = _steps_to(obj, held)
            if steps is not None:
                place = (owner.account_id, owner.region_name)
                return ("object", package, *place, attribute, steps)
        return None


def _is_plain(kind: type) -> bool:
    """Whether objects of this type are pickled as they are: by far the most."""
    if (known := PLAIN.get(kind)) is None:
        odd = kind.__module__.startswith("moto.") or issubclass(kind, NOT_FOR_PICKLE)
        known = PLAIN[kind] = not odd
    return known


def _steps_to(obj: object, held: object, depth: int = 2) -> tuple[object, ...] | None:
    if not isinstance(held, dict):
        return None
    for key, value in held.items():
        if value is obj:
            return (key,)
        if depth > 1 and (rest := _steps_to(obj, value, depth - 1)) is not None:
            return (key, *rest)
    return None


class _Loader:
    """Loads each pickle once, and first those that it refers to."""

    def __init__(self, files: dict[str, Path]) -> None:
        self._files = files
        self._begun: set[str] = set()
        self.done: dict[str, Any] = {}

    def load(self, key: str) -> None:
        if key in self._begun or key not in self._files:
            return
        self._begun.add(key)
        with self._files[key].open("rb") as source:
            state = _Unpickler(source, self).load()
        self.done[key] = state
        if not key.startswith("part."):
            service, account_id, region = key.split(".")
            _restore(service, backend_of(service, account_id, region), state)


class _Unpickler(pickle.Unpickler):
    def __init__(self, source: Any, loader: _Loader) -> None:  # noqa: ANN401 - any binary file
        super().__init__(source)
        self._loader = loader

    def persistent_load(self, pid: tuple[Any, ...]) -> Any:  # noqa: ANN401 - pickle's
        """The live thing that `_Pickler` left a reference for."""
        kind, *rest = pid
        return getattr(self, f"_{kind}")(*rest)

    def _backend(self, package: str, account_id: str, region: str) -> object:
        return backend_of(package, account_id, region)

    def _policy(self, account_id: str, arn: str, attachments: int) -> object:
        policy = backend_of("iam", account_id, "aws").managed_policies[arn]
        policy.attachment_count = attachments
        return policy

    def _lock(self) -> object:
        return threading.RLock()

    def _certificate(self, pem: bytes) -> object:
        return x509.load_pem_x509_certificate(pem)

    def _key(self, pem: bytes) -> object:
        return load_pem_private_key(pem, password=None)

    def _object(
        self, package: str, account_id: str, region: str, attribute: str, steps: tuple[object, ...]
    ) -> object:
        self._loader.load(f"{package}.{account_id}.{region}")
        held: Any = getattr(backend_of(package, account_id, region), attribute)
        try:
            for step in steps:
                held = held[step]
        except (
            KeyError
        ):  # deleted since, in its own service; the referrer keeps no copy in AWS either
            log.warning("gone: %s %s %s", package, attribute, steps)
            return None
        return held
