"""Where traces go, and which values of the platform's secrets are taken."""

import pytest

from byoc_infra.components import _tracing
from byoc_infra.errors import SpecError
from byoc_infra.spec import TracingSpec

SMITH = "https://smith.example.com/api/v1"
KEY, ENDPOINTS = "LANGSMITH_API_KEY", "LANGSMITH_RUNS_ENDPOINTS"


@pytest.mark.parametrize(
    ("own", "endpoint", "secrets", "told"),
    [
        ({}, None, [], {"LANGSMITH_TRACING": "false"}),
        ({}, None, [KEY], {"LANGSMITH_TRACING": "false"}),
        ({"LANGSMITH_TRACING": "true"}, None, [KEY], {}),
        ({}, None, ["LANGSMITH_TRACING"], {}),
        ({}, None, [ENDPOINTS], {"LANGSMITH_TRACING": "true", "LANGSMITH_PROJECT": "orders"}),
        (
            {},
            SMITH,
            [KEY],
            {
                "LANGSMITH_TRACING": "true",
                "LANGSMITH_PROJECT": "orders",
                "LANGSMITH_ENDPOINT": SMITH,
            },
        ),
    ],
)
def test_traces_go_only_where_somebody_said(
    own: dict[str, str], endpoint: str | None, secrets: list[str], told: dict[str, str]
) -> None:
    """A key alone, such as one for the licence, sends none."""
    found = _tracing.environment(own, endpoint=endpoint, secrets=secrets, project="orders")

    assert found == told


@pytest.mark.parametrize(
    ("endpoint", "secrets", "message"),
    [
        ("http://smith.example.com", [KEY], "tracing.endpoint: want https://"),
        ("smith.example.com", [KEY], "tracing.endpoint: want https://"),
        ("https://", [KEY], "tracing.endpoint: want https://"),
        ("https://me:pw@smith.example.com", [KEY], "tracing.endpoint: want https://"),
        (f"{SMITH}?key=x", [KEY], "tracing.endpoint: want https://"),
        ("https://smith.example.com:99999", [KEY], "tracing.endpoint: want https://"),
        ("https://smith.example.com:8443", [KEY], "tracing.endpoint: want a port that"),
        (f"https://smith.example.com/{'x' * 250}", [KEY], "tracing.endpoint: want at most 256"),
        (SMITH, [], "platform_secrets: want LANGSMITH_API_KEY among them"),
        (SMITH, [KEY, ENDPOINTS], "tracing: want an endpoint, or LANGSMITH_RUNS_ENDPOINTS"),
    ],
)
def test_an_endpoint_that_cannot_work_is_refused(
    endpoint: str, secrets: list[str], message: str
) -> None:
    """Before any deployment has lost a trace."""
    with pytest.raises(SpecError) as refused:
        _tracing.check_tracing(TracingSpec(endpoint=endpoint), secrets, [443])

    assert str(refused.value).startswith(message)
    assert "pw" not in str(refused.value)


@pytest.mark.parametrize("endpoint", [SMITH, "http://127.40.0.9:9000", "http://localhost:1984"])
def test_encrypted_or_on_this_machine(endpoint: str) -> None:
    """The local cloud's endpoints are on loopback."""
    assert _tracing.check_tracing(TracingSpec(endpoint=endpoint), [KEY], [443]) is None  # type: ignore[func-returns-value]  # it raises or it does not


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (KEY, "lsv2_sk_1"),
        (ENDPOINTS, '{"https://a.example.com": "k"}'),
        (ENDPOINTS, '[{"api_url": "https://a.example.com", "api_key": "k"}]'),
        (
            ENDPOINTS,
            '[{"api_url": "https://a.example.com", "api_key": "k", "project_name": "p"}]',
        ),
    ],
)
def test_both_forms_of_the_endpoints_are_taken(name: str, value: str) -> None:
    """The map of earlier servers and the list of today's."""
    assert _tracing.check_value(name, value, [443]) is None  # type: ignore[func-returns-value]  # it raises or it does not


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (KEY, " "),
        (KEY, "s3cret s3cret"),
        (KEY, "s3cret\n"),
        (ENDPOINTS, "s3cret"),
        (ENDPOINTS, '"s3cret"'),
        (ENDPOINTS, "{}"),
        (ENDPOINTS, "[]"),
        (ENDPOINTS, '{"https://a.example.com": ""}'),
        (ENDPOINTS, '{"https://a.example.com": 1}'),
        (ENDPOINTS, '{"http://a.example.com": "s3cret"}'),
        (ENDPOINTS, '{"https://a.example.com:8443": "s3cret"}'),
        (ENDPOINTS, '[{"api_url": "https://a.example.com"}]'),
        (ENDPOINTS, '[{"api_url": "https://a.example.com", "api_key": "k", "project_name": 1}]'),
        (ENDPOINTS, '["s3cret"]'),
    ],
)
def test_a_value_that_the_server_would_drop_is_refused(name: str, value: str) -> None:
    """The server warns and traces nothing; nothing of the value is in the error."""
    with pytest.raises(SpecError) as refused:
        _tracing.check_value(name, value, [443])

    assert str(refused.value).startswith(f"value of {name}: want")
    assert "s3cret" not in str(refused.value.as_dict())
