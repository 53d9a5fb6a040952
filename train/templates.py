"""Attribute templates of a catalog for which nobody wrote any: "{colour} {article}", "{article} for {gender}"."""

from collections.abc import Sequence
from dataclasses import dataclass

from aisle.catalog import Roles
from aisle.manifest import AttributeType

_ARTICLES = ("article", "articletype", "producttype", "itemtype", "type", "kind", "product", "subcategory", "category")
"""Names of a column that says what a product is, the most precise first."""

_QUALITIES = ("colour", "color", "pattern", "material", "fabric", "brand", "usage", "occasion", "style", "season")
"""Parts of names of columns that stand before a noun: "red", "striped", "leather"."""

_AUDIENCES = ("gender", "audience", "department", "agegroup")
_SEX = "sex"


@dataclass(frozen=True, slots=True)
class Templates:
    """What short texts a catalog's attributes make.

    Attributes:
        templates: Over its columns.
        nouns: Columns whose values are things, with a singular and a plural.
    """

    templates: tuple[str, ...]
    nouns: tuple[str, ...]


def derive_templates(roles: Roles) -> Templates:
    """Sort a catalog's category attributes by their names, and put them together as shoppers do.

    The article is the column that is named like one, or else the first category that is neither a quality nor an
    audience; what stands before it and whom it is for is told by names, too. Any other category is a text of its own.
    """
    categories = [name for name, kind in roles.attributes.items() if kind is AttributeType.CATEGORY]
    if not categories:
        return Templates((), ())
    article = _article(categories)
    audience = next((name for name in categories if _is_audience(name) and name != article), None)
    noun = f"{{{article}}}"
    made = [noun]
    before = []
    for name in categories:
        if name in {article, audience}:
            continue
        if _is_quality(name):
            before.append(name)
        else:
            made.append(f"{{{name}}}")
    made += [f"{{{name}}} {noun}" for name in before]
    looks = [name for name in before if _plain(name).endswith(("colour", "color")) or "pattern" in _plain(name)]
    if len(looks) > 1:
        made.append(" ".join([*(f"{{{name}}}" for name in looks), noun]))
    if audience is not None:
        made += [f"{start}{noun} for {{{audience}}}" for start in ("", *(f"{{{name}}} " for name in looks[:1]))]
    return Templates(tuple(made), (article,))


def _article(categories: Sequence[str]) -> str:
    named = {_plain(name): name for name in reversed(categories)}
    things = [name for name in categories if not _is_quality(name) and not _is_audience(name)]
    return next((named[name] for name in _ARTICLES if name in named), (*things, *categories)[0])


def _is_quality(name: str) -> bool:
    return any(part in _plain(name) for part in _QUALITIES)


def _is_audience(name: str) -> bool:
    return _plain(name) == _SEX or any(part in _plain(name) for part in _AUDIENCES)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
