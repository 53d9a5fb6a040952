"""`aisle search`: ask the live release from a shell, through serving's own engine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aisle.errors import InvalidImage, InvalidQuery, ReleaseError
from aisle.layout import Layout
from cli.console import escape, out, table
from cli.contact_sheet import check_target, save_contact_sheet
from cli.workspace import open_workspace

if TYPE_CHECKING:
    from serving.query import Answer
    from serving.snapshot import Snapshot

SHOWN_ATTRIBUTES = 4


def search(
    text: Annotated[str, typer.Argument(help='Words, as a shopper types them: "red striped shirt".')] = "",
    image: Annotated[Path | None, typer.Option(help="A picture to search by, alone or with words.")] = None,
    like: Annotated[list[str] | None, typer.Option(help="Id of a product to resemble; may be repeated.")] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where", "-w", help="Filter: colour=Red, colour=Red,Blue, price=10..50, in_stock=true; may be repeated."
        ),
    ] = None,
    balance: Annotated[
        float | None, typer.Option(help="0 looks at pictures only, 1 reads texts only; default: the release's.")
    ] = None,
    k: Annotated[int, typer.Option("-k", help="Hits wanted.")] = 12,
    save: Annotated[Path | None, typer.Option(help="Write the hits as a picture (.png or .jpg).")] = None,
    workspace: Annotated[str, typer.Option(help="Workspace with a release; a folder or URL.")] = "workspace",
) -> None:
    """Search the live release by words, by a picture, by a product, or by any of them together."""
    from serving.engine import search as run
    from serving.query import Query

    if not (text.strip() or image or like or where):
        raise InvalidQuery('nothing to search for: give words, --image, --like or --where (`aisle search "red shirt"`)')
    if save is not None:
        check_target(save)
    snapshot = open_live(open_workspace(workspace))
    query = Query(
        text=text,
        image=_read(image) if image else b"",
        like=tuple(like or ()),
        balance=balance,
        k=k,
        filters=parse_filters(where or (), snapshot),
    )
    from aisle.images import DEFAULT_LIMITS

    answer = run(snapshot, query, limits=DEFAULT_LIMITS)
    show(answer, snapshot)
    if save is not None:
        save_contact_sheet(answer, snapshot, save)
        out.print(f"{len(answer.hits)} hits drawn into {escape(str(save))}")


def open_live(layout: Layout) -> "Snapshot":
    """The live release.

    Raises:
        ReleaseError: There is none.
    """
    from aisle.current import read_current
    from serving.snapshot import load_snapshot

    release_id = read_current(layout)
    if release_id is None:
        raise ReleaseError(
            f"workspace {layout.place} has no release yet: run `aisle reindex --catalog ... --workspace {layout.place}`"
        )
    return load_snapshot(layout, release_id)


def _read(path: Path) -> bytes:
    from aisle.errors import ImageFault

    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidImage(f"picture {path} cannot be read: {error.strerror}", fault=ImageFault.NOT_FOUND) from error


def parse_filters(options: list[str] | tuple[str, ...], snapshot: "Snapshot") -> dict[str, object]:
    """`name=value` options as the filters of a query.

    Raises:
        InvalidQuery: An option has no `=`, or a range that is not numbers.
    """
    from aisle.manifest import AttributeType

    filters: dict[str, object] = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals:
            raise InvalidQuery(f"filter {option!r} has no value: write --where {option}=VALUE")
        kind = snapshot.manifest.attributes.get(name)
        if kind is AttributeType.NUMBER:
            filters[name] = _range(name, value)
        elif kind is AttributeType.BOOLEAN:
            filters[name] = {"true": True, "yes": True, "false": False, "no": False}.get(value.lower(), value)
        else:
            filters[name] = value.split(",")
    return filters


def _range(name: str, value: str) -> dict[str, float]:
    low, dots, high = value.partition("..")
    try:
        bounds = {"min": low, "max": high if dots else low}
        return {side: float(bound) for side, bound in bounds.items() if bound}
    except ValueError as error:
        raise InvalidQuery(f"filter {name}={value}: write a number or a range, {name}=10..50") from error


def show(answer: "Answer", snapshot: "Snapshot") -> None:
    """Print the hits as a table and the time of each stage."""
    names = list(snapshot.manifest.attributes)[:SHOWN_ATTRIBUTES]
    rows = table(">score", "id", "title", *names)
    for hit in answer.hits:
        values = [hit.attributes.get(name) for name in names]
        score = "" if hit.score is None else f"{hit.score:.3f}"
        rows.add_row(score, escape(hit.id), escape(hit.title), *("" if v is None else escape(str(v)) for v in values))
    out.print(rows)
    times = answer.milliseconds
    out.print(
        f"{len(answer.hits)} of {answer.matches:,} products in {times.total:.1f} ms (decode {times.decode:.1f}, "
        f"encode {times.encode:.1f}, search {times.search:.1f}, fetch {times.fetch:.1f}); release {answer.release}"
    )
