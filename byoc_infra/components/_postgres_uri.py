"""Whether the address of somebody else's PostgreSQL can work and is safe to use; pure.

The parts are found as libpq finds them (PostgreSQL manual, "Connection URIs"); what libpq and
other clients would read differently is refused. No error repeats any part of the value: it holds
a password, and a wrong one may hold it anywhere.
"""

import ipaddress
import re
from typing import NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

from byoc_infra.errors import SpecError
from byoc_infra.spec import TlsMode

__all__ = ["check_postgres_uri"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

SCHEMES = ("postgresql", "postgres")
FORM = "postgresql://<user>:<password>@<host>:<port>/<database>?sslmode=require"
ENCODE = "Write it as that; percent-encode what is special in user and password (`@` is %40)."
UNSAFE = frozenset(' #\\"<>^`{|}')
"""Never part of a URI (RFC 3986), and `#`, after which some clients read nothing."""
ELSEWHERE = frozenset({"host", "hostaddr", "port", "dbname", "service", "servicefile"})
"""Parameters that would win over what stands before the question mark."""
ENCRYPTED = frozenset({"require", "verify-ca", "verify-full"})
LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
NAME = re.compile(rf"{LABEL}(\.{LABEL})*")
NUMBER = re.compile(r"\d+|0[xX][0-9A-Fa-f]*")
"""As a name's last part: an IPv4 address in one of the forms that only resolvers know."""
HERE = frozenset({"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"})
PRIVATE_SUFFIXES = (
    ".internal",
    ".local",
    ".localdomain",
    ".lan",
    ".corp",
    ".private",
    ".intranet",
    ".home.arpa",
)
"""Names that no public server has (RFC 6762, RFC 8375, ICANN's reserved `.internal`) or that are
used inside only; a name of one part is one that the VPC's own resolver completes."""
AWS_LINK_LOCAL = ipaddress.IPv6Network("fd00:ec2::/32")
"""The instance metadata service and its neighbours (EC2 user guide)."""
THIS_NETWORK = ipaddress.IPv4Network("0.0.0.0/8")
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def check_postgres_uri(
    field: str, uri: str, *, allow_loopback: bool = False, tls: TlsMode = "require"
) -> None:
    """Refuse an address that cannot work from a task, or that would send rows in plain text
    over the internet.

    `allow_loopback` is for callers that know they speak to a local cloud. `tls` is what the
    deployment asks for: the address may not ask for less than `verify-full` then.
    """
    hosts, query = _parts(field, uri)
    public = False
    for number, host in enumerate(hosts, start=1):
        which = "a host" if len(hosts) == 1 else f"host {number} of {len(hosts)}"
        public |= _check_host(field, which, host, allow_loopback=allow_loopback)
    mode = query.get("sslmode")
    if public and mode not in ENCRYPTED:
        _refuse(
            field,
            "sslmode=require or stricter for a host that may be public",
            "no sslmode" if mode is None else "a weaker sslmode",
            "Add `?sslmode=require` to the address, or verify-full with database_tls.",
        )
    if tls == "verify-full" and mode not in (None, "verify-full"):
        _refuse(
            field,
            "sslmode=verify-full, as database_tls asks for, or no sslmode",
            "another sslmode",
            "Take the parameter out of the address: it wins over what the deployment sets.",
        )


def _parts(field: str, uri: str) -> tuple[list[str], dict[str, str]]:
    """The hosts and the query of a well-formed address."""
    if uri != uri.strip():
        _refuse(
            field,
            "an address and nothing around it",
            "white space before or after it",
            "Remove it; a file is taken as it is, with the end of its last line.",
        )
    scheme, separator, rest = uri.partition("://")
    if not separator or scheme not in SCHEMES:
        _refuse(field, "an address that begins with postgresql://", "another beginning", ENCODE)
    if not uri.isascii() or not uri.isprintable() or set(uri) & UNSAFE:
        _malformed(field, "a character that an address has only percent-encoded")
    if re.search(r"%(?![0-9A-Fa-f]{2})|%00", uri):
        _malformed(field, "a percent sign that begins no character")
    try:
        split = urlsplit(f"postgresql://{rest}")
        query = parse_qsl(split.query, keep_blank_values=True, strict_parsing=bool(split.query))
    except ValueError:
        _malformed(field, "something else")
    if split.netloc.count("@") > 1:
        _malformed(field, "`@` more than once")
    _check_database(field, split.path)
    _check_query(field, query)
    return _hosts(field, split.netloc.rpartition("@")[2]), dict(query)


def _check_database(field: str, path: str) -> None:
    name = unquote(path.removeprefix("/"))
    if not name:
        _refuse(field, "a database in the address", "none", f"Name it after the host: {FORM}")
    if "/" in path.removeprefix("/") or "@" in path:
        _malformed(field, "more than a database's name after the host")


def _check_query(field: str, query: list[tuple[str, str]]) -> None:
    names = [name for name, _ in query]
    if len(set(names)) != len(names):
        _malformed(field, "a parameter twice")
    if ELSEWHERE & set(names):
        _refuse(
            field,
            "host, port and database before the question mark",
            "parameters that say them again",
            "Remove host, hostaddr, port, dbname and service from the parameters.",
        )


def _hosts(field: str, listed: str) -> list[str]:
    if not listed:
        _refuse(field, "a host in the address", "none", f"Name it: {FORM}")
    return [_host(field, one) for one in listed.split(",")]


def _host(field: str, one: str) -> str:
    """The host without its port and its brackets."""
    found = re.fullmatch(r"(?:\[([^\[\]]+)\]|([^:\[\]]*))(?::(\d{1,5})?)?", one)
    if found is None:
        _malformed(field, "a host or port that is none")
    host, port = unquote(found[1] or found[2] or ""), found[3]
    if not host:
        _refuse(field, "a host in the address", "none", f"Name it: {FORM}")
    if port is not None and not 1 <= int(port) <= 65535:
        _refuse(field, "a port from 1 to 65535", "another number", "Correct the port.")
    return host.removesuffix(".").lower()


def _check_host(field: str, which: str, host: str, *, allow_loopback: bool) -> bool:
    """Whether the host may be public; refuses one that no task can mean."""
    address = _address(host)
    if address is None:
        if not NAME.fullmatch(host) or NUMBER.fullmatch(host.rpartition(".")[2]):
            _malformed(field, f"{which} that is neither a name nor an address")
        here = host in HERE or host.endswith(".localhost")
        _check_place(field, which, "loopback" if here else None, allow_loopback=allow_loopback)
        return not here and "." in host and not host.endswith(PRIVATE_SUFFIXES)
    _check_place(field, which, _place(address), allow_loopback=allow_loopback)
    return address.is_global


def _check_place(field: str, which: str, place: str | None, *, allow_loopback: bool) -> None:
    if place is None or (place == "loopback" and allow_loopback):
        return
    _refuse(
        field,
        "a host that tasks can reach",
        f"{which} that is {place}",
        "Give the server's name or address as seen from the VPC.",
    )


def _place(address: Address) -> str | None:
    """Why an address is nobody's server, or None."""
    if address.is_loopback:
        return "loopback"
    if address.is_unspecified or address in THIS_NETWORK:
        return "unspecified"
    if address.is_link_local or address in AWS_LINK_LOCAL:
        return "link-local"
    if address.is_multicast or (address.version == 4 and address.is_reserved):
        return "not one server's"
    return None


def _address(host: str) -> Address | None:
    """The address that packets go to: an IPv4 one that is wrapped in IPv6 is taken out."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in NAT64 or (int(address) >> 32 == 0 and int(address) > 1):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return inner or address
    return address


def _malformed(field: str, got: str) -> NoReturn:
    _refuse(field, FORM, got, ENCODE)


def _refuse(field: str, wanted: str, got: str, next_step: str) -> NoReturn:
    raise SpecError(field, wanted=wanted, got=got, next_step=next_step) from None
