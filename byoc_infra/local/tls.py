"""The local cloud's certificate authority: one key, known to this directory only."""

import datetime
import ipaddress
import os
import secrets
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["Authority", "new_key", "pem"]

VALID_DAYS = 365
COMMON_NAME_LIMIT = 64
"""ub-common-name of RFC 5280."""


class Authority:
    """Issues server certificates that whoever trusts `ca.pem` accepts."""

    def __init__(self, directory: Path) -> None:
        self.certificate_path = directory / "ca.pem"
        self._keys = directory / "state" / "tls"
        self._keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        key_path = self._keys / "ca.key"
        if not (key_path.exists() and self.certificate_path.exists()):
            self._make(key_path)
        key = load_pem_private_key(key_path.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(type(key))
        self._key = key
        self._certificate = x509.load_pem_x509_certificate(self.certificate_path.read_bytes())

    def server_context(self, name: str, address: str) -> ssl.SSLContext:
        """What a server that is `name` at `address` needs to speak TLS."""
        key = new_key()
        names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address(address))]
        return self.context(self._sign(key, name, names) + pem(key))

    def issue(
        self, domain: str, key: ec.EllipticCurvePrivateKey, *, days: float = VALID_DAYS
    ) -> bytes:
        """A certificate of `domain` that ends in so many days; ended, where they are negative."""
        return self._sign(key, domain, [x509.DNSName(domain)], days)

    def context(self, chain: bytes) -> ssl.SSLContext:
        """A server's side of TLS with this key and these certificates, in PEM."""
        path = self._keys / f"{secrets.token_hex(8)}.pem"
        _write_secret(path, chain)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(path)
        finally:
            path.unlink()
        return context

    def _sign(
        self,
        key: ec.EllipticCurvePrivateKey,
        name: str,
        names: list[x509.GeneralName],
        days: float = VALID_DAYS,
    ) -> bytes:
        return (
            _builder(name, self._certificate.subject, key, days)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
            .sign(self._key, hashes.SHA256())
            .public_bytes(Encoding.PEM)
        )

    def _make(self, key_path: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "byoc local cloud CA")])
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            _builder("byoc local cloud CA", name, key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)  # noqa: FBT003 - the library's positional "critical"
            .sign(key, hashes.SHA256())
        )
        _write_secret(key_path, pem(key))
        self.certificate_path.write_bytes(certificate.public_bytes(Encoding.PEM))
        self.certificate_path.chmod(0o644)


def new_key() -> ec.EllipticCurvePrivateKey:
    """A key of a kind that load balancers take."""
    return ec.generate_private_key(ec.SECP256R1())


def _builder(
    name: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: float = VALID_DAYS
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    end = now + datetime.timedelta(days=days)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:COMMON_NAME_LIMIT])])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, end) - datetime.timedelta(days=1))
        .not_valid_after(end)
    )


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The key as text."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write_secret(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(content)
