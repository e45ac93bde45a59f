"""A typed client of the control plane's API.

    with Client("https://byoc.example.com", api_key=key) as client:
        deployment = client.deploy("chat", image)
        for event in client.events(deployment.operation_id):
            ...

What the API refuses is raised as the same error that the control plane had.
"""

from byoc_infra.client.api import Client
from byoc_infra.client.refusals import error_of
from byoc_infra.client.words import (
    Account,
    Deployment,
    Event,
    FailureNow,
    Forgotten,
    Key,
    LogEntry,
    LogPage,
    Operation,
    Revision,
    Setup,
    Started,
)

__all__ = [
    "Account",
    "Client",
    "Deployment",
    "Event",
    "FailureNow",
    "Forgotten",
    "Key",
    "LogEntry",
    "LogPage",
    "Operation",
    "Revision",
    "Setup",
    "Started",
    "error_of",
]
