"""`aisle demo`: draw a catalog, index it with the embedded model, serve it."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

import demo as demo_package
from aisle.catalog import load_roles
from aisle.layout import Layout
from aisle.settings import from_environment
from cli.console import command, err, out, say
from cli.models import EMBEDDED
from cli.reindex import run_reindex, show

ROLES = Path(demo_package.__file__).parent / "catalog.toml"


def demo(
    workspace: Annotated[Path, typer.Option(help="Where everything goes.")] = Path("workspace"),
    products: Annotated[int, typer.Option(min=1, help="How many products to draw.")] = 2000,
    seed: Annotated[int, typer.Option(help="Another seed draws another shop.")] = 0,
    port: Annotated[int, typer.Option(help="Port of the page.")] = 3000,
    serve: Annotated[bool, typer.Option(help="Stay up and serve, or stop when the release is live.")] = True,
) -> None:
    """Try everything, with no network: draw a shop of fashion products, index it, and serve its page."""
    from batch.executor import ExecutorKind
    from batch.options import ReindexOptions

    catalog = drawn_catalog(workspace, products=products, seed=seed)
    layout = Layout(root=workspace)
    summary = run_reindex(
        str(catalog),
        layout=layout,
        model=EMBEDDED,
        roles=load_roles(ROLES),
        kind=ExecutorKind.RAY,
        options=ReindexOptions(),
    )
    show(summary, layout)
    out.print(f'try: {command()} search "red striped shirt" --workspace {workspace}')
    if serve:
        from serving.run import serve as run

        settings = replace(from_environment(os.environ), workspace=workspace, listen_port=port)
        out.print(f"the shop is open at http://{settings.listen_host}:{port} (Ctrl-C closes it)")
        run(settings)


def drawn_catalog(workspace: Path, *, products: int, seed: int) -> Path:
    """The drawn catalog of this size and seed, drawn now unless it is there already."""
    from demo.catalog import draw_catalog

    path = workspace / "catalogs" / f"demo-{products}-seed-{seed}.parquet"
    if path.is_file():
        say(f"taking the catalog drawn before: {path}")
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with Progress(console=err, disable=not err.is_terminal, transient=True) as bars:
        task = bars.add_task(f"drawing {products:,} products", total=products)
        draw_catalog(path, products=products, seed=seed, progress=lambda count: bars.update(task, completed=count))
    say(f"drew {products:,} products: {path}")
    return path
