"""The options that say which column of a catalog is what."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from aisle.catalog import Roles, attribute_type, check_roles, infer_roles, load_roles, override
from aisle.manifest import AttributeType
from aisle.sources import Source, first_rows, open_source
from cli.console import say

SAMPLE_ROWS = 2000

NEARLY = 0.9
"""From this part of a text column's values on that are numbers, its other values look like mistakes."""


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
    if not (columns or attributes):
        for hint in nearly_numbers(first_rows(source, most=SAMPLE_ROWS), roles):
            say(hint)
    return roles


def nearly_numbers(sample: pa.Table, roles: Roles) -> list[str]:
    """A sentence about each column that was not taken for numbers because a few of its values are none.

    Args:
        sample: First rows of the catalog.
        roles: As guessed.
    """
    hints = []
    for name in sample.column_names:
        if name in {roles.id, roles.image, roles.title, *roles.text_columns}:
            continue
        column = sample.column(name)
        if roles.attributes.get(name) is AttributeType.NUMBER or not pa.types.is_string(column.type):
            continue
        values = [(row, value.strip()) for row, value in enumerate(column.to_pylist()) if value and value.strip()]
        odd = [(row, value) for row, value in values if not _is_number(value)]
        if odd and len(odd) <= (1 - NEARLY) * len(values):
            row, value = odd[0]
            hints.append(
                f"column {name!r} is not taken for numbers: row {row} holds {value!r} ({len(odd)} of {len(values)} "
                f"values like it). Mend them, or name all attributes with --attribute {name}=number,... and such rows "
                "are rejected"
            )
    return hints


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _attributes(options: Sequence[str], source: Source) -> dict[str, AttributeType]:
    guesses = infer_roles(source.schema, first_rows(source, most=SAMPLE_ROWS), id=source.schema.names[0]).attributes
    chosen: dict[str, AttributeType] = {}
    for option in options:
        for part in option.split(","):
            name, _, kind = part.strip().partition("=")
            chosen[name] = attribute_type(name, kind) if kind else guesses.get(name, AttributeType.CATEGORY)
    return chosen
