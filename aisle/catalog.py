"""Which column of a catalog plays which role, and rows of any catalog as product rows."""

import math
import string
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import pyarrow as pa

from aisle.errors import CatalogError
from aisle.manifest import AttributeType

Attribute = str | float | bool | list[str] | None
"""A filterable value. Numbers are finite; categories and list items are non-empty."""


class RejectReason(StrEnum):
    """Why a row of the catalog is not in the index. Image faults (`aisle.errors.ImageFault`) add to these."""

    MISSING_ID = "missing_id"
    DUPLICATE_ID = "duplicate_id"
    MISSING_CONTENT = "missing_content"
    INVALID_ATTRIBUTE = "invalid_attribute"


@dataclass(frozen=True, slots=True)
class Roles:
    """Column roles of a catalog.

    Attributes:
        id: Column of unique product ids.
        image: Column of pictures (bytes, paths or URLs), or None for a catalog of texts.
        title: Column shown as the product's name, or None.
        text: Template over columns, `"{title}. {colour} {article}"`; empty means the title alone.
        attributes: Column name to type, in the order the page shows them.
    """

    id: str
    image: str | None = None
    title: str | None = None
    text: str = ""
    attributes: Mapping[str, AttributeType] = field(default_factory=dict)

    @property
    def text_columns(self) -> tuple[str, ...]:
        """Columns the text is made of, in order."""
        if self.text:
            return template_columns(self.text)
        return (self.title,) if self.title else ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read, the image excepted, each once."""
        title = (self.title,) if self.title else ()
        return tuple(dict.fromkeys((self.id, *title, *self.text_columns, *self.attributes)))


@dataclass(frozen=True, slots=True)
class Product:
    """One row of the catalog in Aisle's terms.

    Attributes:
        id: Unique, non-empty.
        title: Shown; may be empty.
        text: Encoded; empty when the product has none.
        attributes: Value per attribute name.
    """

    id: str
    title: str
    text: str
    attributes: Mapping[str, Attribute]


def template_columns(template: str) -> tuple[str, ...]:
    """Column names in a text template.

    Raises:
        CatalogError: The template is not valid, or uses positions, conversions or attribute access.
    """
    try:
        fields = list(string.Formatter().parse(template))
    except ValueError as error:
        raise CatalogError(f"text template {template!r} is not valid: {error}; write columns as {{name}}") from error
    names = [name for _, name, _, _ in fields if name is not None]
    for _, name, spec, conversion in fields:
        if name is not None and (not name or spec or conversion):
            raise CatalogError(f"text template {template!r}: write columns as {{name}}, without formats")
    return tuple(dict.fromkeys(names))


def load_roles(path: Path) -> Roles:
    """Read roles from TOML: keys `id`, `image`, `title`, `text`, and a table `[attributes]`.

    Raises:
        CatalogError: The file cannot be read, or has an unknown key or attribute type.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CatalogError(f"column roles {path} cannot be read: {error}") from error
    known = {"id", "image", "title", "text", "attributes"}
    if unknown := set(values) - known:
        raise CatalogError(f"{path}: unknown key {sorted(unknown)[0]!r}; known are {', '.join(sorted(known))}")
    if not isinstance(values.get("id"), str):
        raise CatalogError(f"{path}: `id` must name the column of product ids")
    attributes = values.pop("attributes", {})
    if not isinstance(attributes, dict):
        raise CatalogError(f"{path}: [attributes] must be a table of column = type")
    return Roles(**values, attributes={name: attribute_type(name, kind) for name, kind in attributes.items()})


def attribute_type(name: str, kind: object) -> AttributeType:
    """The type by its name.

    Raises:
        CatalogError: There is no such type.
    """
    try:
        return AttributeType(str(kind))
    except ValueError as error:
        known = ", ".join(AttributeType)
        raise CatalogError(f"attribute {name!r} has type {kind!r}; known are {known}") from error


def check_roles(roles: Roles, columns: Sequence[str]) -> None:
    """Check that every column a role names exists.

    Raises:
        CatalogError: With the missing column and those there are.
    """
    wanted = {"id": (roles.id,), "text": roles.text_columns, "attribute": tuple(roles.attributes)}
    wanted |= {"image": (roles.image,) if roles.image else (), "title": (roles.title,) if roles.title else ()}
    for role, names in wanted.items():
        for name in names:
            if name not in columns:
                raise CatalogError(
                    f"the catalog has no column {name!r} (wanted as {role}); it has {', '.join(columns)}"
                )
    if not roles.image and not roles.text_columns:
        raise CatalogError("neither an image nor a title or text column is given: there is nothing to search by")


_ID_NAMES = ("id", "product_id", "productid", "sku", "item_id", "asin", "article_id", "uid")
_IMAGE_NAMES = ("image", "picture", "photo", "img", "image_path", "image_url", "filename", "file_name", "url")
_TITLE_NAMES = ("title", "name", "productdisplayname", "product_name", "display_name", "caption", "text")


def infer_roles(schema: pa.Schema, sample: pa.Table, *, id: str | None = None) -> Roles:
    """Guess roles from column names and types; options then override the guess.

    Args:
        schema: Of the catalog.
        sample: A first few hundred rows without picture bytes.
        id: The column of product ids when it is known.

    Raises:
        CatalogError: No column looks like an id.
    """
    lowered = {name.lower(): name for name in reversed(schema.names)}
    product_id = id or next((lowered[name] for name in _ID_NAMES if name in lowered), None)
    if product_id is None:
        raise CatalogError(f"no column looks like a product id; name it with --id (columns: {', '.join(schema.names)})")
    image = next((name for name in schema.names if is_picture_type(schema.field(name).type)), None)
    if image is None:
        image = next((lowered[name] for name in _IMAGE_NAMES if name in lowered), None)
    title = next((lowered[name] for name in _TITLE_NAMES if name in lowered and lowered[name] != image), None)
    attributes = {}
    for name in schema.names:
        if name not in {product_id, image, title} and name in sample.column_names:
            kind = _guess_attribute(sample.column(name))
            if kind is not None:
                attributes[name] = kind
    return Roles(id=product_id, image=image, title=title, attributes=attributes)


def is_picture_type(kind: pa.DataType) -> bool:
    """Whether a column holds picture bytes: binary, or Hugging Face's struct of bytes and path."""
    if pa.types.is_struct(kind):
        return "bytes" in {field.name for field in kind}
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


def _guess_attribute(column: pa.ChunkedArray) -> AttributeType | None:
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_boolean(kind):
        return AttributeType.BOOLEAN
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return AttributeType.NUMBER
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return AttributeType.LIST if _is_text(kind.value_type) else None
    if not _is_text(kind):
        return None
    values = len(column) - column.null_count
    distinct = len(column.unique())
    return AttributeType.CATEGORY if 0 < distinct <= max(20, values // 4) else None


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def product_of(row: Mapping[str, Any], roles: Roles) -> Product:
    """One catalog row as a product. Nulls in a template read as nothing; white space is folded.

    Args:
        row: Column name to Python value.
        roles: Which column is what.

    Raises:
        ValueError: An attribute's value does not fit its type; the message names both.
    """
    title = _words(row.get(roles.title)) if roles.title else ""
    text = title
    if roles.text:
        text = _words(roles.text.format_map({name: _words(row.get(name)) for name in roles.text_columns}))
        text = text if any(_words(row.get(name)) for name in roles.text_columns) else ""
    attributes = {name: _attribute(name, row.get(name), kind) for name, kind in roles.attributes.items()}
    return Product(id=identifier(row.get(roles.id)), title=title or text, text=text, attributes=attributes)


def identifier(value: object) -> str:
    """A product id as text; empty when there is none. Whole floats lose their `.0`."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def _words(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, list | tuple):
        return " ".join(_words(item) for item in value)
    return " ".join(identifier(value).split()) if isinstance(value, float) else " ".join(str(value).split())


_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _attribute(name: str, value: object, kind: AttributeType) -> Attribute:
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return [] if kind is AttributeType.LIST else None
    if kind is AttributeType.CATEGORY:
        return _words(value) or None
    if kind is AttributeType.LIST:
        items = value if isinstance(value, list | tuple) else str(value).split("|")
        return [word for word in map(_words, items) if word]
    if kind is AttributeType.BOOLEAN:
        found = _BOOLEANS.get(str(value).strip().lower().removesuffix(".0"))
        if found is None:
            raise ValueError(f"{name} is {value!r}, not a boolean (true/false, yes/no, 1/0)")
        return found
    try:
        number = float(str(value).strip())
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{name} is {value!r}, not a finite number")
    return number


def override(
    roles: Roles,
    *,
    id: str | None = None,
    image: str | None = None,
    title: str | None = None,
    text: str | None = None,
    attributes: Mapping[str, AttributeType] | None = None,
) -> Roles:
    """Roles with what an option named replaced; None keeps what is there."""
    return replace(
        roles,
        id=roles.id if id is None else id,
        image=roles.image if image is None else image,
        title=roles.title if title is None else title,
        text=roles.text if text is None else text,
        attributes=roles.attributes if attributes is None else attributes,
    )
