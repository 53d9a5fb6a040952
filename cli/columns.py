"""The options that say which column of a catalog is what."""

from collections.abc import Sequence
from pathlib import Path

from aisle.catalog import Roles, attribute_type, check_roles, infer_roles, load_roles, override
from aisle.manifest import AttributeType
from aisle.sources import Source, first_rows, open_source

SAMPLE_ROWS = 2000


def find_roles(
    catalog: str,
    *,
    columns: Path | None = None,
    id: str | None = None,
    image: str | None = None,
    title: str | None = None,
    text: str | None = None,
    attributes: Sequence[str] = (),
) -> Roles:
    """Roles from a file or a guess, with single options on top.

    Args:
        catalog: What `--catalog` says.
        columns: A TOML file.
        id: Column, or None for the file's or the guess.
        image: Column; the empty text for none.
        title: Column.
        text: Template.
        attributes: `column` or `column=type`, replacing all others; empty keeps the file's or the guess.

    Raises:
        CatalogError: A column does not exist, or an option cannot be read.
    """
    source = open_source(catalog)
    roles = load_roles(columns) if columns else infer_roles(source.schema, first_rows(source, most=SAMPLE_ROWS), id=id)
    chosen = _attributes(attributes, source) if attributes else None
    roles = override(roles, id=id, image=image, title=title, text=text, attributes=chosen)
    if roles.image == "":
        roles = Roles(id=roles.id, title=roles.title, text=roles.text, attributes=roles.attributes)
    check_roles(roles, source.schema.names)
    return roles


def _attributes(options: Sequence[str], source: Source) -> dict[str, AttributeType]:
    guesses = infer_roles(source.schema, first_rows(source, most=SAMPLE_ROWS), id=source.schema.names[0]).attributes
    chosen: dict[str, AttributeType] = {}
    for option in options:
        for part in option.split(","):
            name, _, kind = part.strip().partition("=")
            chosen[name] = attribute_type(name, kind) if kind else guesses.get(name, AttributeType.CATEGORY)
    return chosen
