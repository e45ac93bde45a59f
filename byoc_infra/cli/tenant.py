"""`byoc tenant`: who may use the control plane, as its operator."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from byoc_infra.cli import output

if TYPE_CHECKING:
    from byoc_infra.control_plane.store import Store

__all__ = ["app"]

app = typer.Typer(help="Say who may use the control plane, as its operator.")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Of the tenant; its own among all.")],
    deployment_limit: Annotated[
        int, typer.Option(min=0, help="How many deployments it may have at a time.")
    ] = 100,
    *,
    export: Annotated[
        bool, typer.Option("--export", help="Print the key as a shell's line, for `eval`.")
    ] = False,
) -> None:
    """Make a tenant and its first API key, which is shown once."""
    from byoc_infra.control_plane.services import tenants

    with _store() as store:
        tenant, key = tenants.create(store, name=name, deployment_limit=deployment_limit)
    made = {
        "tenant_id": str(tenant.id),
        "name": tenant.name,
        "deployment_limit": tenant.deployment_limit,
        "api_key": key.get_secret_value(),
    }
    spoken = output.current()
    line = f"export BYOC_API_KEY={made['api_key']}"
    spoken.result(made, (lambda: spoken.text(line)) if export else None)


@app.command(name="list")
def list_() -> None:
    """Show every tenant."""
    with _store() as store, store.begin() as tx:
        rows = [
            {
                "tenant_id": str(one.id),
                "name": one.name,
                "deployment_limit": one.deployment_limit,
                "created_at": one.created_at.isoformat(),
            }
            for one in tx.tenants.all()
        ]
    spoken = output.current()
    spoken.result(
        {"tenants": rows},
        lambda: spoken.table(list(rows[0]) if rows else ["name"], [list(r.values()) for r in rows]),
    )


@contextmanager
def _store() -> "Iterator[Store]":
    import os

    from byoc_infra.control_plane.foundation import opened
    from byoc_infra.control_plane.settings import Settings

    with opened(Settings.of(), os.environ) as foundation, foundation.store() as store:
        yield store
