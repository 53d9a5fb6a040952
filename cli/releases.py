"""`aisle releases`: what the workspace holds, whether it is sound, the way back, and what can go."""

import json
from collections.abc import Mapping
from typing import Annotated

import typer
from rich.filesize import decimal

from aisle.current import read_current
from aisle.hidden import read_hidden
from aisle.layout import RELEASE_MANIFEST, REPORT, Layout
from aisle.manifest import load_release_manifest
from aisle.mirror import pull_all
from cli.console import escape, out, say, table
from cli.workspace import open_workspace

app = typer.Typer(
    help="List, inspect, verify and delete releases, and go back to an earlier one.",
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

DEFAULT = "workspace"
Workspace = Annotated[
    str | None, typer.Option(help="Workspace to look into: a folder, or s3://bucket/folder. [default: workspace]")
]
Release = Annotated[str | None, typer.Argument(metavar="RELEASE", help="Id, or how it begins. Default: the live one.")]

SHOWN_IDS = 20
"""Hidden products that are named; of more the number is enough."""


@app.callback(invoke_without_command=True)
def releases(context: typer.Context, workspace: Workspace = None) -> None:
    """List, inspect, verify and delete releases, and go back to an earlier one. Without a command: `list`."""
    context.obj = workspace
    if context.invoked_subcommand is None:
        list_(context, workspace=workspace)


@app.command("list")
def list_(context: typer.Context, workspace: Workspace = None) -> None:
    """List the releases of a workspace, newest first; the live one is marked."""
    from batch.releases import list_releases

    layout = _layout(context, workspace)
    found = list_releases(layout)
    if not found:
        say(
            f"workspace {layout.place} has no release yet: run `aisle reindex --catalog ... --workspace {layout.place}`"
        )
        return
    rows = table("", "release", "created", ">products", "model")
    for release in found:
        rows.add_row(
            "live" if release.live else "",
            release.id,
            release.created[:19].replace("T", " "),
            f"{release.products:,}" if not release.problem else "",
            escape(release.problem or release.model_name),
        )
    out.print(rows)


@app.command("show")
def show(context: typer.Context, release: Release = None, workspace: Workspace = None) -> None:
    """Show what a release holds, how it came about, and which products are hidden."""
    from batch.releases import find_release

    layout = _layout(context, workspace)
    release_id = find_release(layout, release)
    folder = layout.release(release_id)
    pull_all(layout, [folder / RELEASE_MANIFEST, folder / REPORT])
    manifest = load_release_manifest(folder, verify=False)
    report = json.loads((folder / REPORT).read_text(encoding="utf-8")) if (folder / REPORT).is_file() else {}
    rows = table("release", f"{release_id}{' (live)' if read_current(layout) == release_id else ''}")
    rows.add_row("created", manifest.created[:19].replace("T", " "))
    rows.add_row("model", escape(f"{manifest.model_name} ({manifest.model_fingerprint})"))
    rows.add_row("catalog", escape(str(report.get("catalog", "not recorded"))))
    rows.add_row("products", f"{manifest.products:,}")
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in report.get("rejects", {}).items())
    rows.add_row("rejected", f"{manifest.rejected:,}" + (f" ({reasons})" if reasons else ""))
    rows.add_row("attributes", escape(", ".join(f"{name} ({kind})" for name, kind in manifest.attributes.items())))
    rows.add_row("index", manifest.index.asked)
    rows.add_row("recall@10", _figures(manifest.recall))
    rows.add_row(
        "weights", ", ".join(f"{kind} {half.image:g}/{half.text:g}" for kind, half in manifest.weights.items())
    )
    for record in manifest.files:
        rows.add_row(record.name, decimal(record.bytes))
    rows.add_row("hidden", escape(_hidden(layout)))
    rows.add_row("folder", escape(layout.shown(folder)))
    out.print(rows)


@app.command("verify")
def verify(context: typer.Context, release: Release = None, workspace: Workspace = None) -> None:
    """Check a release in full: hash every file and its model's, let products find themselves, measure the recall."""
    from batch.releases import find_release
    from batch.verify import verify_release

    layout = _layout(context, workspace)
    release_id = find_release(layout, release)
    found = verify_release(layout, release_id)
    rows = table("release", release_id)
    rows.add_row("files", f"{len(found.manifest.files)} as recorded, {decimal(found.bytes)}; the model too")
    rows.add_row("products", f"{found.manifest.products:,}, each once; {found.sampled} asked for found themselves")
    if found.recall is None:
        rows.add_row("recall@10", "not measured: the embeddings that it came from are gone")
    else:
        target = f" (target {found.recall_target:g})" if found.recall_target is not None else ""
        rows.add_row("recall@10", _figures(found.recall) + target)
    out.print(rows)


@app.command("rollback")
def rollback(
    context: typer.Context,
    release: Annotated[
        str | None, typer.Argument(metavar="RELEASE", help="Id, or how it begins. Default: the one before.")
    ] = None,
    workspace: Workspace = None,
) -> None:
    """Make an earlier release live again, within seconds. Servers follow by themselves."""
    from batch.releases import rollback as roll_back

    layout = _layout(context, workspace)
    before = read_current(layout)
    say(f"live now: {roll_back(layout, release)} (before: {before})")


@app.command("gc")
def gc(
    context: typer.Context,
    keep: Annotated[
        int, typer.Option(help="How many of the newest releases to keep; the live one is kept anyway.")
    ] = 3,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Delete nothing, say what would be.")] = False,
    wait: Annotated[float, typer.Option(help="Seconds to wait for a run in this workspace.")] = 0.0,
    workspace: Workspace = None,
) -> None:
    """Delete old releases, and embeddings that no kept release came from.

    Never the live release, nor models, nor the shards that a killed run has left for the next one.
    """
    from batch.garbage import collect_garbage

    found = collect_garbage(_layout(context, workspace), keep=keep, dry_run=dry_run, wait=wait)
    verb = "would delete" if dry_run else "deleted"
    rows = table("what", verb, "kept")
    rows.add_row("releases", ", ".join(found.releases) or "none", ", ".join(found.kept) or "none")
    kept = f"all of {', '.join(found.untouched)}: a kept release does not say which it came from"
    rows.add_row("embedding shards", f"{found.shards:,}", kept if found.untouched else "those of the kept releases")
    rows.add_row("in all", decimal(found.bytes), "")
    out.print(rows)


def _layout(context: typer.Context, workspace: str | None) -> Layout:
    return open_workspace(workspace or context.obj or DEFAULT)


def _figures(recall: Mapping[str, float]) -> str:
    return ", ".join(f"{kind} {value:.3f}" for kind, value in recall.items())


def _hidden(layout: Layout) -> str:
    ids = sorted(read_hidden(layout))
    more = f" and {len(ids) - SHOWN_IDS:,} more" if len(ids) > SHOWN_IDS else ""
    return f"{len(ids):,}" + (f" ({', '.join(ids[:SHOWN_IDS])}{more})" if ids else "")
