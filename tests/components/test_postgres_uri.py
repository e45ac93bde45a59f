"""Which addresses of somebody else's PostgreSQL are taken."""

import ipaddress
import socket
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byoc_infra.components._postgres_uri import check_postgres_uri
from byoc_infra.errors import SpecError
from byoc_infra.spec import TlsMode

FIELD = "value"
PASSWORD = "hunter2-XyZzY"
USER = f"app:{PASSWORD}"


def check(uri: str, *, allow_loopback: bool = False, tls: TlsMode = "require") -> None:
    """The rules, on one address."""
    check_postgres_uri(FIELD, uri, allow_loopback=allow_loopback, tls=tls)


def refusal(uri: str, *, tls: TlsMode = "require") -> SpecError:
    """How an address is refused."""
    with pytest.raises(SpecError) as refused:
        check(uri, tls=tls)
    return refused.value


@pytest.mark.parametrize(
    "uri",
    [
        f"postgresql://{USER}@10.9.1.4/app",
        f"postgres://{USER}@db.corp.internal:6432/app?application_name=x",
        f"postgresql://{USER}@db/app?sslmode=disable",
        "postgresql://app:p%40ss%2F@10.9.1.4:/app",
        f"postgresql://{USER}@10.9.1.4:5432,10.9.1.5:5433/app?target_session_attrs=read-write",
        f"postgresql://{USER}@[fd12:3456::1]:5432/app",
        f"postgresql://{USER}@100.64.0.9/app",
        f"postgresql://{USER}@db.example.com/app?sslmode=require",
        f"postgresql://{USER}@db.example.com./app?sslmode=verify-full&connect_timeout=5",
        f"postgresql://{USER}@8.8.8.8/app?sslmode=verify-ca",
        f"postgresql://{USER}@db.internal,db.example.com/app?sslmode=require",
    ],
)
def test_what_can_work_is_taken(uri: str) -> None:
    """As libpq's manual writes addresses."""
    check(uri)


@pytest.mark.parametrize(
    ("uri", "got"),
    [
        ("", "another beginning"),
        (PASSWORD, "another beginning"),
        (f"mysql://{USER}@db/app", "another beginning"),
        (f"postgresql+asyncpg://{USER}@db/app", "another beginning"),
        (f" postgresql://{USER}@db/app", "white space before or after"),
        (f"postgresql://{USER}@db/app\n", "white space before or after"),
        (f"postgresql://{USER}#1@db/app", "a character that"),
        (f"postgresql://{USER}@db/äpp", "a character that"),
        (f"postgresql://{USER}@d b/app", "a character that"),
        (f"postgresql://{USER}%@db/app", "a percent sign"),
        (f"postgresql://{USER}@db/app%00", "a percent sign"),
        (f"postgresql://{USER}@1@db/app", "`@` more than once"),
        (f"postgresql://{USER}/1@db/app", "more than a database's name"),
        (f"postgresql://{USER}?1@db/app", "something else"),
        (f"postgresql://{USER}@db", "none"),
        (f"postgresql://{USER}@db/", "none"),
        (f"postgresql://{USER}@db/?dbname=app", "none"),
        (f"postgresql://{USER}@db/app/more", "more than a database's name"),
        (f"postgresql://{USER}@/app", "none"),
        (f"postgresql://{USER}@:5432/app", "none"),
        (f"postgresql://{USER}@db,,other/app", "none"),
        ("postgresql:///app", "none"),
        (f"postgresql://{USER}@db:0/app", "another number"),
        (f"postgresql://{USER}@db:65536/app", "another number"),
        (f"postgresql://{USER}@db:port/app", "a host or port that is none"),
        (f"postgresql://{USER}@[fd12::1/app", "something else"),
        (f"postgresql://{USER}@-db/app", "a host that is neither"),
        (f"postgresql://{USER}@db..internal/app", "a host that is neither"),
        (f"postgresql://{USER}@%2Fvar%2Frun/app", "a host that is neither"),
        (f"postgresql://{USER}@db.internal%2C127.0.0.1/app", "a host that is neither"),
        (f"postgresql://{USER}@127.1/app", "a host that is neither"),
        (f"postgresql://{USER}@2130706433/app", "a host that is neither"),
        (f"postgresql://{USER}@0x7f.1/app", "a host that is neither"),
        (f"postgresql://{USER}@0177.0.0.1/app", "a host that is neither"),
        (f"postgresql://{USER}@db/app?sslmode", "something else"),
        (f"postgresql://{USER}@db/app?sslmode=require&sslmode=disable", "a parameter twice"),
        (f"postgresql://{USER}@db/app?host=127.0.0.1", "parameters that say them again"),
        (f"postgresql://{USER}@db/app?%68ostaddr=127.0.0.1", "parameters that say them again"),
        (f"postgresql://{USER}@db/app?service=x", "parameters that say them again"),
        (f"postgresql://{USER}@localhost/app", "a host that is loopback"),
        (f"postgresql://{USER}@LOCALHOST./app", "a host that is loopback"),
        (f"postgresql://{USER}@db.localhost/app", "a host that is loopback"),
        (f"postgresql://{USER}@127.8.8.8/app", "a host that is loopback"),
        (f"postgresql://{USER}@%31%32%37.0.0.1/app", "a host that is loopback"),
        (f"postgresql://{USER}@[::1]/app", "a host that is loopback"),
        (f"postgresql://{USER}@[::ffff:127.0.0.1]/app", "a host that is loopback"),
        (f"postgresql://{USER}@[::127.0.0.1]/app", "a host that is loopback"),
        (f"postgresql://{USER}@[64:ff9b::7f00:1]/app", "a host that is loopback"),
        (f"postgresql://{USER}@[2002:7f00:1::]/app", "a host that is loopback"),
        (f"postgresql://{USER}@db,127.0.0.1/app", "host 2 of 2 that is loopback"),
        (f"postgresql://{USER}@0.0.0.0/app", "a host that is unspecified"),
        (f"postgresql://{USER}@0.1.2.3/app", "a host that is unspecified"),
        (f"postgresql://{USER}@[::]/app", "a host that is unspecified"),
        (f"postgresql://{USER}@169.254.169.254/app", "a host that is link-local"),
        (f"postgresql://{USER}@[fe80::1]/app", "a host that is link-local"),
        (f"postgresql://{USER}@[fd00:ec2::254]/app", "a host that is link-local"),
        (f"postgresql://{USER}@224.0.0.1/app", "a host that is not one server's"),
        (f"postgresql://{USER}@255.255.255.255/app", "a host that is not one server's"),
        (f"postgresql://{USER}@8.8.8.8/app", "no sslmode"),
        (f"postgresql://{USER}@db.example.com/app", "no sslmode"),
        (f"postgresql://{USER}@db.example.com/app?sslmode=prefer", "a weaker sslmode"),
        (f"postgresql://{USER}@db.internal,db.example.com/app", "no sslmode"),
        (f"postgresql://{USER}@[2600::1]/app?sslmode=disable", "a weaker sslmode"),
    ],
)
def test_what_cannot_work_is_refused(uri: str, got: str) -> None:
    """With what is wrong, and without any part of the value."""
    refused = refusal(uri)

    assert (refused.field, refused.got[: len(got)]) == (FIELD, got)
    assert PASSWORD not in str(refused)


def test_verify_full_is_not_talked_down() -> None:
    """A parameter of the address would win over what the deployment sets."""
    check(f"postgresql://{USER}@db/app", tls="verify-full")
    check(f"postgresql://{USER}@db/app?sslmode=verify-full", tls="verify-full")
    refused = refusal(f"postgresql://{USER}@db/app?sslmode=require", tls="verify-full")

    assert refused.got == "another sslmode"


def test_the_local_cloud_is_on_loopback() -> None:
    """Only who says so may name it; and nothing else is allowed with it."""
    check(f"postgresql://{USER}@127.80.1.2/app", allow_loopback=True)
    check(f"postgresql://{USER}@localhost/app", allow_loopback=True)

    with pytest.raises(SpecError, match="link-local"):
        check(f"postgresql://{USER}@169.254.1.1/app", allow_loopback=True)


words = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=20)
hosts = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
    st.integers(0, 2**32 - 1).map(str),
    st.sampled_from(["localhost", "127.1", "db.internal", "db.example.com", "0x7f000001"]),
    st.ip_addresses(v=4, network="127.0.0.0/8").map(lambda address: f"[::ffff:{address}]"),
    words,
)
addresses = st.builds(
    "postgresql://app:{}@{}/app{}".format,
    words.map(lambda word: quote(word, safe="")),
    st.lists(hosts, min_size=1, max_size=3).map(",".join),
    st.sampled_from(["", "?sslmode=require", "?sslmode=disable", "?host=127.0.0.1"]),
)


def said(uri: str) -> str:
    """The whole refusal, or nothing where the address is taken."""
    try:
        check(uri)
    except SpecError as refused:
        return f"{refused} {refused.as_dict()} {refused.__cause__}"
    return ""


@settings(deadline=None)
@given(addresses)
def test_no_address_that_is_taken_leads_home(uri: str) -> None:
    """Not even in a form that only the system's resolver understands."""
    try:
        check(uri)
    except SpecError:
        return
    for host in uri.split("@")[1].split("/", maxsplit=1)[0].split(","):
        plain = host.strip("[]").partition("]")[0]
        try:
            found = socket.getaddrinfo(plain, None, flags=socket.AI_NUMERICHOST)
        except OSError:
            continue
        for *_, place in found:
            address = ipaddress.ip_address(str(place[0]).partition("%")[0])
            inner = getattr(address, "ipv4_mapped", None) or address
            assert not any((inner.is_loopback, inner.is_link_local, inner.is_unspecified))


# what `st.text()` draws from; to find it by trying to encode takes seconds where it is not kept
anything = st.text(st.characters(exclude_categories=["Cs"]))


@settings(deadline=None)
@given(st.one_of(addresses, anything, words.map(lambda word: f"postgresql://{word}")), words)
def test_no_error_repeats_the_password(uri: str, password: str) -> None:
    """Wherever it stands, also where it makes the address a wrong one."""
    for address in (f"{uri}{password}", f"{password}{uri}", uri.replace("app:", password)):
        assert password not in said(address)
