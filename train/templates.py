"""Attribute templates of a catalog for which nobody wrote any: "{colour} {article}", "{article} for {gender}"."""

from dataclasses import dataclass

from aisle.catalog import Roles
from aisle.manifest import AttributeType
from aisle.meanings import column_meanings, plain

_QUALITIES = ("material", "fabric", "brand", "usage", "occasion", "style", "season")
"""Parts of names of columns that stand before a noun, as colours and patterns do: "leather", "formal"."""


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
    meanings = column_meanings(categories)
    looks = [name for name in categories if name in (meanings.colour, meanings.pattern)]
    before = [name for name in categories if name in looks or any(part in plain(name) for part in _QUALITIES)]
    things = [name for name in categories if name not in before and name != meanings.people]
    article = meanings.article or (*things, *categories)[0]
    before, looks = ([name for name in names if name != article] for names in (before, looks))
    people = None if meanings.people == article else meanings.people
    noun = f"{{{article}}}"
    made = [noun]
    made += [f"{{{name}}}" for name in categories if name not in (article, people, *before)]
    made += [f"{{{name}}} {noun}" for name in before]
    if len(looks) > 1:
        made.append(" ".join([*(f"{{{name}}}" for name in looks), noun]))
    if people is not None:
        made += [f"{start}{noun} for {{{people}}}" for start in ("", *(f"{{{name}}} " for name in looks[:1]))]
    return Templates(tuple(made), (article,))
