"""Search queries whose right answers are known, because the catalog knows every attribute of what it drew."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from demo.assortment import ARTICLE_BY_NAME
from demo.garment import Gender
from demo.patterns import Pattern
from demo.product import DemoProduct


class QueryKind(StrEnum):
    """Which attributes a query asks for."""

    ARTICLE = "article"
    COLOUR_ARTICLE = "colour_article"
    PATTERN_ARTICLE = "pattern_article"
    PATTERN_COLOUR_ARTICLE = "pattern_colour_article"
    ARTICLE_GENDER = "article_gender"
    COLOUR_ARTICLE_GENDER = "colour_article_gender"
    USAGE_ARTICLE = "usage_article"
    BRAND_ARTICLE = "brand_article"


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query and what makes a product relevant to it.

    Attributes:
        text: natural, lower case, such as "navy polka dot dresses".
        kind: which attributes it asks for.
        relevant: attribute name to the value that a relevant product has; all must hold.
    """

    text: str
    kind: QueryKind
    relevant: Mapping[str, str]

    def accepts(self, product: DemoProduct | Mapping[str, object]) -> bool:
        """Whether a product (drawn, or a row of the catalog) is relevant."""
        return all(_value(product, name) == value for name, value in self.relevant.items())


def judged_queries(
    products: Iterable[DemoProduct | Mapping[str, object]],
    *,
    kind: QueryKind,
    minimum_relevant: int = 10,
    maximum: int = 200,
    seed: int = 0,
) -> list[JudgedQuery]:
    """Queries of one kind that enough products answer.

    Args:
        products: drawn products, or rows of the catalog by column name.
        kind: which attributes to ask for.
        minimum_relevant: how many relevant products a query must have.
        maximum: how many queries at most; beyond it a random sample.
        seed: of that sample and of the wording.

    Returns:
        Queries with distinct attribute values, in a stable order.

    Raises:
        ValueError: if `minimum_relevant` or `maximum` is below 1, or `kind` is unknown.
    """
    if minimum_relevant < 1:
        raise ValueError(f"minimum_relevant must be 1 or more, got {minimum_relevant}")
    if maximum < 1:
        raise ValueError(f"maximum must be 1 or more, got {maximum}")
    kind = QueryKind(kind)
    names, worded = _KINDS[kind]
    counts = Counter(tuple(_value(product, name) for name in names) for product in products)
    asked = [
        values for values, count in sorted(counts.items()) if count >= minimum_relevant and _worth_asking(names, values)
    ]
    random = Random(f"aisle-queries/{seed}/{kind.value}")  # noqa: S311 - a sample, not a secret
    if len(asked) > maximum:
        asked = sorted(random.sample(asked, maximum))
    return [
        JudgedQuery(
            text=worded(dict(zip(names, values, strict=True)), random),
            kind=kind,
            relevant=dict(zip(names, values, strict=True)),
        )
        for values in asked
    ]


def _value(product: DemoProduct | Mapping[str, object], name: str) -> str:
    return str(product[name] if isinstance(product, Mapping) else getattr(product, name))


def _worth_asking(names: tuple[str, ...], values: tuple[str, ...]) -> bool:
    """Nobody asks for "solid" shirts or "unisex" caps by that word."""
    wanted = dict(zip(names, values, strict=True))
    return wanted.get("pattern") != Pattern.SOLID and wanted.get("gender") != Gender.UNISEX


def _noun(wanted: Mapping[str, str], random: Random) -> str:
    article = wanted["article"]
    known = ARTICLE_BY_NAME.get(article)
    return random.choice((known.name, known.plural)) if known else article


def _either_way(one: str, other: str, random: Random) -> str:
    """People say "striped red" and "red striped"."""
    return random.choice((f"{one} {other}", f"{other} {one}"))


def _people(wanted: Mapping[str, str]) -> str:
    return wanted["gender"].lower()


def _whose(wanted: Mapping[str, str]) -> str:
    people = _people(wanted)
    return people + ("'" if people.endswith("s") else "'s")


def _for_gender(words: str, wanted: Mapping[str, str], random: Random) -> str:
    plural = f"{words} for {_people(wanted)}"
    return random.choice((plural, f"{_whose(wanted)} {words}"))


def _plural(wanted: Mapping[str, str]) -> str:
    known = ARTICLE_BY_NAME.get(wanted["article"])
    return known.plural if known else wanted["article"]


Worded = Callable[[Mapping[str, str], Random], str]

_KINDS: dict[QueryKind, tuple[tuple[str, ...], Worded]] = {
    QueryKind.ARTICLE: (("article",), _noun),
    QueryKind.COLOUR_ARTICLE: (
        ("colour", "article"),
        lambda wanted, random: f"{wanted['colour']} {_noun(wanted, random)}",
    ),
    QueryKind.PATTERN_ARTICLE: (
        ("pattern", "article"),
        lambda wanted, random: f"{wanted['pattern']} {_noun(wanted, random)}",
    ),
    QueryKind.PATTERN_COLOUR_ARTICLE: (
        ("colour", "pattern", "article"),
        lambda wanted, random: f"{_either_way(wanted['pattern'], wanted['colour'], random)} {_noun(wanted, random)}",
    ),
    QueryKind.ARTICLE_GENDER: (
        ("article", "gender"),
        lambda wanted, random: _for_gender(_plural(wanted), wanted, random),
    ),
    QueryKind.COLOUR_ARTICLE_GENDER: (
        ("colour", "article", "gender"),
        lambda wanted, random: _for_gender(f"{wanted['colour']} {_plural(wanted)}", wanted, random),
    ),
    QueryKind.USAGE_ARTICLE: (
        ("usage", "article"),
        lambda wanted, random: f"{wanted['usage'].lower()} {_noun(wanted, random)}",
    ),
    QueryKind.BRAND_ARTICLE: (
        ("brand", "article"),
        lambda wanted, random: f"{wanted['brand'].lower()} {_noun(wanted, random)}",
    ),
}
