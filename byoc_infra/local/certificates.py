"""The local cloud's ACM: certificates signed by its own CA, and what a balancer needs of one."""

import ssl
from typing import Any

from cryptography import x509
from moto.acm.models import CertBundle, acm_backends

from byoc_infra.errors import SpecError
from byoc_infra.local.hooks import Hooks
from byoc_infra.local.persistence import Persistence
from byoc_infra.local.tls import Authority, new_key, pem
from byoc_infra.local.wire import AwsError, Call
from byoc_infra.local.world import CUSTOMER_ACCOUNT, World

__all__ = ["Certificates"]

Moto = Any
"""Moto's objects have attributes that nobody declares."""


class Certificates:
    """Makes certificates for whoever asks the emulator, and serves balancers with any of ACM's."""

    def __init__(self, world: World, persistence: Persistence) -> None:
        self._world = world
        self._persistence = persistence
        self._authority = Authority(world.directory)

    def register(self, hooks: Hooks) -> None:
        """Refuse listeners whose certificate is not there or not issued."""
        hooks.before("elbv2", "CreateListener", _check_listener)
        hooks.before("elbv2", "ModifyListener", _check_listener)

    def make(self, *, domain: str, days: float = 365) -> dict[str, Any]:
        """A certificate in the customer's ACM as an import would leave it, `days` before its end.

        With negative days it has ended already, which an import refuses: time makes such ones.
        """
        if not domain or days == 0:
            raise SpecError(
                "domain" if not domain else "days",
                wanted="a host name, and days that are not 0",
                got=f"{domain!r}, {days:g} days",
                next_step="Give `--days -1` for a certificate that has expired.",
            )
        key, region = new_key(), self._world.region
        bundle: Moto = CertBundle(
            CUSTOMER_ACCOUNT, self._authority.issue(domain, key), pem(key), region=region
        )
        bundle.cert = self._authority.issue(domain, key, days=days)
        bundle._cert = x509.load_pem_x509_certificate(bundle.cert)  # noqa: SLF001 - moto's only name
        with self._world.lock:
            _known(CUSTOMER_ACCOUNT, region)[bundle.arn] = bundle
            self._persistence.save(("acm",), CUSTOMER_ACCOUNT, region)
        return {"certificate": bundle.arn}

    def context(self, arn: str) -> ssl.SSLContext | None:
        """A balancer's side of TLS; None for a certificate that ACM does not have."""
        parts = arn.split(":")
        bundle = _known(parts[4], parts[3]).get(arn) if len(parts) > 5 else None
        return None if bundle is None else self._authority.context(bundle.cert + b"\n" + bundle.key)


def _known(account_id: str, region: str) -> dict[str, Moto]:
    backend: Moto = acm_backends[account_id][region]
    found: dict[str, Moto] = backend._certificates  # noqa: SLF001 - moto's only name for them
    return found


def _check_listener(call: Call) -> None:
    for one in call.params.get("Certificates") or ():
        arn = str(one.get("CertificateArn"))
        bundle = _known(call.account_id, call.region).get(arn)
        if bundle is None:
            raise AwsError("CertificateNotFound", f"Certificate '{arn}' not found")
        bundle.check()
        if bundle.status == "PENDING_VALIDATION":
            raise AwsError(
                "UnsupportedCertificate",
                f"The certificate '{arn}' must have a fully-qualified domain name, a supported "
                "signature, and a supported key size.",
            )
