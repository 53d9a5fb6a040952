"""`aisle serve`: the live release behind HTTP."""

import os
from dataclasses import replace
from typing import Annotated

import typer

from aisle.machine import Provider
from aisle.settings import from_environment
from cli.console import say
from cli.workspace import open_workspace


def serve(
    workspace: Annotated[
        str | None, typer.Option(help="Workspace with a release: a folder, or s3://bucket/folder. [AISLE_WORKSPACE]")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [AISLE_LISTEN_HOST]")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on. [AISLE_LISTEN_PORT]")] = None,
    workers: Annotated[int | None, typer.Option(help="Server processes. [AISLE_WORKERS]")] = None,
    provider: Annotated[Provider | None, typer.Option(help="Where the model runs. [AISLE_PROVIDER]")] = None,
) -> None:
    """Serve search and the page, and follow CURRENT: a new release goes live without a restart.

    Every other setting is an environment variable, listed in docs/settings.md. Ctrl-C stops the server.
    """
    from serving.run import serve as run

    settings = from_environment(os.environ)
    given = {
        "workspace": workspace,
        "listen_host": host,
        "listen_port": port,
        "workers": workers,
        "provider": provider,
    }
    settings = replace(settings, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    layout = open_workspace(settings.workspace)
    if layout.store is None and not layout.current.is_file():
        say(f"workspace {layout.place} has no release yet: the server waits for `aisle reindex` to publish one there")
    say(f"serving {settings.workspace} at http://{settings.listen_host}:{settings.listen_port} (Ctrl-C stops)")
    run(settings)
