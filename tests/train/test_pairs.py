"""Texts of products: templates, nouns in both numbers, and of which products a text is true."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from aisle.errors import CatalogError
from aisle.sources import open_source
from train.number import other_number
from train.pairs import MISSING, Menu, choices, long_sentences, read_menu, roles_of, said_by, short_sentences
from train.recipe import CatalogRecipe, Recipe


@pytest.fixture
def menu(recipe: Recipe) -> Menu:
    catalog = recipe.catalogs[0]
    source = open_source(catalog.location)
    return read_menu(source, roles_of(source, catalog), catalog)


def test_menu_holds_title_text_and_templates(menu: Menu) -> None:
    assert menu.ids[:2] == ["p00", "p01"]
    assert [menu.texts[code] for code in menu.codes[0]] == ["Maker 0 red bag", "Maker 0 red bag", "red bag", "bag"]
    assert [menu.variants[code] for code in menu.codes[2]] == [*["Maker 2 blue scarf"] * 2, "blue scarves", "scarves"]
    assert (menu.codes[7] == MISSING).all()
    assert menu.codes[0, 2] == menu.codes[12, 2]  # both are red bags
    assert menu.codes[0, 2] != menu.codes[1, 2]


def test_a_title_says_what_its_catalog_has_no_column_for() -> None:
    said = {"pattern": {"striped": ["Stripe", "stripes"], "checked": ["check"]}, "material": {"denim": ["denim"]}}
    assert said_by("Men Blue Stripes Denim Shirt", said) == {"pattern": "striped", "material": "denim"}
    assert said_by("Check Stripe Shirt", said) == {"pattern": "striped"}, "the first value that is meant"
    assert said_by("Checkers Pinstripe Shirt", said) == {}, "whole words only"


def test_templates_may_name_what_titles_say(recipe: Recipe) -> None:
    known = recipe.catalogs[0]
    catalog = dataclasses.replace(
        known, templates=("{round} {shape}", "{shape}"), said={"round": {"round": ["disc"], "soft": ["scarf"]}}
    )
    source = open_source(catalog.location)
    menu = read_menu(source, roles_of(source, catalog), catalog)
    assert [menu.texts[code] for code in menu.codes[1, 2:]] == ["round disc", "disc"]
    assert [menu.texts[code] for code in menu.codes[2, 2:]] == ["soft scarf", "scarf"]
    assert menu.codes[0, 2] == MISSING, "a bag is neither"


def test_short_sentences_are_true_of_every_product_they_fit(menu: Menu) -> None:
    rows = np.array([0, 12, 1, 7, 3])  # red bag, red bag, green disc, nothing, black bag
    for seed in range(20):
        said = short_sentences(menu, rows, random=np.random.default_rng(seed))
        assert said.products.tolist() == [0, 1, 2, 4]
        for text, truth in zip(said.texts, said.true_of, strict=True):
            expected = {
                "red bag": [1, 1, 0, 0, 0],
                "bag": [1, 1, 0, 0, 1],
                "green disc": [0, 0, 1, 0, 0],
                "disc": [0, 0, 1, 0, 0],
                "black bag": [0, 0, 0, 0, 1],
            }[text.removesuffix("s")]
            assert truth.tolist() == [bool(one) for one in expected]


def test_short_sentences_use_every_template_and_both_numbers(menu: Menu) -> None:
    random = np.random.default_rng(0)
    said = {short_sentences(menu, np.array([0]), random=random).texts[0] for _ in range(60)}
    assert said == {"red bag", "red bags", "bag", "bags"}


def test_long_sentences_lose_words_by_chance_and_never_all(menu: Menu) -> None:
    whole = long_sentences(menu, np.array([0, 7, 1]), random=np.random.default_rng(0), word_dropout=0.0)
    assert whole.texts == ["Maker 0 red bag", "Maker 1 green disc"]
    assert whole.products.tolist() == [0, 2]
    random = np.random.default_rng(0)
    thinned = [long_sentences(menu, np.array([0]), random=random, word_dropout=0.9).texts[0] for _ in range(50)]
    assert all(thinned)
    assert any(len(text.split()) == 1 for text in thinned)


def test_a_template_over_an_unknown_column_is_refused(recipe: Recipe) -> None:
    catalog = CatalogRecipe(name="shapes", location=recipe.catalogs[0].location, templates=("{hue} {shape}",))
    with pytest.raises(CatalogError, match="'hue'"):
        roles_of(open_source(catalog.location), catalog)


def test_a_catalog_without_pictures_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    path.write_text("id,title\n1,red bag\n")
    with pytest.raises(CatalogError, match="has no column that holds pictures"):
        roles_of(open_source(str(path)), CatalogRecipe(name="texts", location=str(path)))


@pytest.mark.parametrize(
    ("singular", "plural"),
    [
        ("shirt", "shirts"),
        ("dress", "dresses"),
        ("watch", "watches"),
        ("scarf", "scarves"),
        ("casual shoe", "casual shoes"),
        ("baby", "babies"),
        ("clutch", "clutches"),
    ],
)
def test_other_number_goes_both_ways(singular: str, plural: str) -> None:
    assert other_number(singular) == plural
    assert other_number(plural) == singular


@pytest.mark.parametrize("word", ["jeans", "track pants", "sunglasses", "", "size 7"])
def test_words_with_one_number_stay(word: str) -> None:
    assert other_number(word) == word


def test_a_choice_offers_every_text_once_and_points_at_the_true_one(menu: Menu) -> None:
    rows = np.array([0, 7, 1, 3])  # red bag, nothing, green disc, black bag
    for seed in range(10):
        made = choices(menu, rows, count=2, most=100, random=np.random.default_rng(seed))
        assert len(made) == 2
        for choice in made:
            assert choice.products.tolist() == [0, 2, 3]
            assert len(set(choice.texts)) == len(choice.texts)
            said = [choice.texts[place] for place in choice.own]
            singular = [text.removesuffix("s") for text in said]
            assert singular in (["red bag", "green disc", "black bag"], ["bag", "disc", "bag"])


def test_a_choice_holds_texts_of_the_whole_catalog_up_to_a_limit(menu: Menu) -> None:
    def offered(most: int) -> int:
        made = choices(menu, np.array([0, 1]), count=2, most=most, random=np.random.default_rng(1))
        return max(len(choice.texts) for choice in made)

    every = len(set(menu.codes[:, 2].tolist()) - {MISSING})
    assert offered(100) == every
    assert offered(3) == 3
    assert offered(1) == 2, "the batch's own texts are always there"


def test_no_choice_where_there_is_nothing_to_choose(menu: Menu) -> None:
    assert choices(menu, np.array([0, 1]), count=0, most=10, random=np.random.default_rng(0)) == []
    assert choices(menu, np.array([7]), count=2, most=10, random=np.random.default_rng(0)) == []


def test_the_other_number_of_a_thing_is_the_same_thing(tmp_path: Path) -> None:
    path = tmp_path / "mixed.csv"  # two suppliers: one says "Tops", the other "Top"
    path.write_text("id,image,kind\n1,a,Tops\n2,b,Top\n3,c,Shirts\n4,d,shirt\n5,e,Dress\n")
    recipe = CatalogRecipe(name="mixed", location=str(path), templates=("{kind}",), nouns=("kind",))
    source = open_source(str(path))
    mixed = read_menu(source, roles_of(source, recipe), recipe)
    rows = np.arange(5)
    offered = set()
    for seed in range(10):
        (choice,) = choices(mixed, rows, count=1, most=10, random=np.random.default_rng(seed))
        offered.add(tuple(choice.texts))
        assert choice.own.tolist() == [0, 0, 1, 1, 2]
    assert offered == {("tops", "shirts", "dress"), ("top", "shirt", "dresses")}
    said = short_sentences(mixed, rows, random=np.random.default_rng(0))
    assert said.true_of.astype(int).tolist() == [
        [1, 1, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [0, 0, 1, 1, 0],
        [0, 0, 1, 1, 0],
        [0, 0, 0, 0, 1],
    ]


def test_what_shares_a_plural_is_offered_once(tmp_path: Path) -> None:
    path = tmp_path / "axes.csv"
    path.write_text("id,image,kind\n1,a,axe\n2,b,ax\n3,c,axes\n4,d,saw\n")
    recipe = CatalogRecipe(name="axes", location=str(path), templates=("{kind}",), nouns=("kind",))
    source = open_source(str(path))
    (choice,) = choices(
        read_menu(source, roles_of(source, recipe), recipe), np.arange(4), count=1, most=9,
        random=np.random.default_rng(0),
    )  # fmt: skip
    assert choice.own.tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("nouns", [("kind",), ()])
def test_titles_are_what_they_are(tmp_path: Path, nouns: tuple[str, ...]) -> None:
    path = tmp_path / "titles.csv"
    path.write_text("id,image,title,kind\n1,a,top,top\n2,b,tops,tops\n")
    recipe = CatalogRecipe(name="titles", location=str(path), templates=("{kind}",), nouns=nouns)
    source = open_source(str(path))
    menu = read_menu(source, roles_of(source, recipe), recipe)
    assert [menu.texts[code] for code in menu.codes[:, 0]] == ["top", "tops"]
    assert (menu.codes[0, 2] == menu.codes[1, 2]) == bool(nouns)


def test_a_noun_over_an_unknown_column_is_refused(recipe: Recipe) -> None:
    catalog = CatalogRecipe(name="shapes", location=recipe.catalogs[0].location, nouns=("hue",))
    with pytest.raises(CatalogError, match="nouns names the column 'hue'"):
        roles_of(open_source(catalog.location), catalog)


def test_an_empty_catalog_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "none.csv"
    path.write_text("id,image,title\n")
    with pytest.raises(CatalogError, match="has no rows"):
        roles_of(open_source(str(path)), CatalogRecipe(name="none", location=str(path)))
