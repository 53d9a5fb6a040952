"""Judged queries, counted by hand on seven products."""

import pytest

from demo.catalog import draw_product
from demo.queries import JudgedQuery, QueryKind, judged_queries


def product(colour: str, pattern: str, article: str, gender: str) -> dict[str, object]:
    return {
        "colour": colour,
        "pattern": pattern,
        "article": article,
        "gender": gender,
        "usage": "Casual",
        "brand": "Maren",
    }


PRODUCTS = [
    product("red", "striped", "shirt", "Men"),
    product("red", "solid", "shirt", "Men"),
    product("red", "striped", "shirt", "Women"),
    product("navy", "striped", "shirt", "Men"),
    product("navy", "polka dot", "dress", "Women"),
    product("navy", "polka dot", "dress", "Girls"),
    product("red", "solid", "sneakers", "Unisex"),
]


def asked(kind: QueryKind, *, minimum_relevant: int) -> list[JudgedQuery]:
    return judged_queries(PRODUCTS, kind=kind, minimum_relevant=minimum_relevant)


def relevant(kind: QueryKind, *, minimum_relevant: int) -> list[tuple[dict[str, str], int]]:
    queries = asked(kind, minimum_relevant=minimum_relevant)
    return [(dict(query.relevant), sum(query.accepts(row) for row in PRODUCTS)) for query in queries]


def test_only_combinations_with_enough_products_are_asked() -> None:
    assert relevant(QueryKind.ARTICLE, minimum_relevant=3) == [({"article": "shirt"}, 4)]
    assert relevant(QueryKind.COLOUR_ARTICLE, minimum_relevant=2) == [
        ({"colour": "navy", "article": "dress"}, 2),
        ({"colour": "red", "article": "shirt"}, 3),
    ]
    assert relevant(QueryKind.PATTERN_COLOUR_ARTICLE, minimum_relevant=2) == [
        ({"colour": "navy", "pattern": "polka dot", "article": "dress"}, 2),
        ({"colour": "red", "pattern": "striped", "article": "shirt"}, 2),
    ]


def test_nobody_asks_for_solid_or_unisex() -> None:
    patterns = [query.relevant["pattern"] for query in asked(QueryKind.PATTERN_ARTICLE, minimum_relevant=1)]
    assert patterns == ["polka dot", "striped"]
    genders = {query.relevant["gender"] for query in asked(QueryKind.ARTICLE_GENDER, minimum_relevant=1)}
    assert genders == {"Men", "Women", "Girls"}


def test_texts_are_natural() -> None:
    (dress,) = [query.text for query in asked(QueryKind.PATTERN_ARTICLE, minimum_relevant=2) if "dot" in query.text]
    assert dress in {"polka dot dress", "polka dot dresses"}
    (navy, red) = [query.text for query in asked(QueryKind.PATTERN_COLOUR_ARTICLE, minimum_relevant=2)]
    assert navy in {
        f"{words} {noun}" for words in ("navy polka dot", "polka dot navy") for noun in ("dress", "dresses")
    }
    assert red in {f"{words} {noun}" for words in ("red striped", "striped red") for noun in ("shirt", "shirts")}
    (men,) = [query.text for query in asked(QueryKind.ARTICLE_GENDER, minimum_relevant=3)]
    assert men in {"shirts for men", "men's shirts"}
    (girls,) = [query.text for query in asked(QueryKind.ARTICLE_GENDER, minimum_relevant=1) if "girls" in query.text]
    assert girls in {"dresses for girls", "girls' dresses"}
    (sneakers,) = [query.text for query in asked(QueryKind.ARTICLE, minimum_relevant=1) if "sneak" in query.text]
    assert sneakers == "sneakers"


def test_pattern_and_colour_are_said_in_either_order() -> None:
    kind = QueryKind.PATTERN_COLOUR_ARTICLE
    said = {
        query.text.partition(" shirt")[0]
        for seed in range(20)
        for query in judged_queries(PRODUCTS, kind=kind, minimum_relevant=2, seed=seed)
        if "shirt" in query.text
    }
    assert said == {"red striped", "striped red"}


def test_the_maximum_is_a_stable_sample() -> None:
    everything = asked(QueryKind.COLOUR_ARTICLE, minimum_relevant=1)
    assert len(everything) == 4
    few = [
        [query.relevant for query in judged_queries(PRODUCTS, kind=kind, minimum_relevant=1, maximum=2, seed=seed)]
        for kind, seed in [(QueryKind.COLOUR_ARTICLE, 1), (QueryKind.COLOUR_ARTICLE, 1)]
    ]
    assert few[0] == few[1]
    assert len(few[0]) == 2
    assert all(choice in [query.relevant for query in everything] for choice in few[0])


def test_drawn_products_are_judged_too() -> None:
    drawn = draw_product(0)
    (query,) = judged_queries([drawn], kind=QueryKind.COLOUR_ARTICLE, minimum_relevant=1)
    assert query.relevant == {"colour": drawn.colour, "article": drawn.article}
    assert query.accepts(drawn)
    assert not query.accepts({"colour": drawn.colour, "article": "something else"})


@pytest.mark.parametrize("name", ["minimum_relevant", "maximum"])
def test_invalid_arguments_are_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} .* 0$"):
        judged_queries(PRODUCTS, kind=QueryKind.ARTICLE, **{name: 0})
    with pytest.raises(ValueError, match="smell"):
        judged_queries(PRODUCTS, kind="smell")  # type: ignore[arg-type]
