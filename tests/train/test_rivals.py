"""Hard negatives: products of one article that look different meet in a batch."""

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aisle.errors import CatalogError
from aisle.sources import open_source
from train.batches import epoch_batches
from train.corpus import Corpus, open_catalog, prepare_corpus
from train.pairs import roles_of
from train.recipe import CatalogRecipe, Recipe
from train.rivals import TOGETHER, Rivals, read_rivals, rival_order


def _met(rivals: Rivals, rows: np.ndarray) -> np.ndarray:
    """Whether each product of a batch shares it with one of its article that looks different."""
    articles, looks = rivals.articles[rows], rivals.looks[rows]
    return ((articles[:, None] == articles) & (looks[:, None] != looks)).any(axis=1)


@pytest.fixture(scope="module")
def many() -> Rivals:
    """1,200 products of 60 articles; seven in ten of each article look alike."""
    random = np.random.default_rng(5)
    articles = random.integers(0, 60, 1200).astype(np.int32)
    return Rivals(articles, random.choice(4, 1200, p=[0.7, 0.1, 0.1, 0.1]).astype(np.int32))


def test_products_meet_their_rivals_in_every_batch(many: Rivals) -> None:
    rows = np.arange(1200)
    for seed in range(5):
        random = np.random.default_rng(seed)
        order = rival_order(many, rows, random=random)
        assert sorted(order) == list(rows), "every product is shown once"
        met = np.mean([_met(many, part) for part in order.reshape(-1, 24)])
        by_chance = np.mean([_met(many, part) for part in random.permutation(rows).reshape(-1, 24)])
        assert met > 0.9
        assert by_chance < 0.35


def test_groups_stay_small_so_that_a_batch_knows_several_articles(many: Rivals) -> None:
    order = rival_order(many, np.arange(1200), random=np.random.default_rng(0))
    batches = many.articles[order].reshape(-1, 48)
    assert min(len(set(batch.tolist())) for batch in batches) >= 48 // TOGETHER


def test_the_order_is_drawn_anew_and_repeats_with_its_seed(many: Rivals) -> None:
    rows = np.arange(1200)
    first, again, other = (rival_order(many, rows, random=np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()
    partners = [set(order[:TOGETHER].tolist()) for order in (first, other)]
    assert partners[0] != partners[1]


@pytest.fixture(scope="module")
def corpus(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    catalog = dataclasses.replace(recipe.catalogs[0], validation=0.0)
    opened = open_catalog(catalog, hard_negatives=True)
    return prepare_corpus(opened, side=32, folder=tmp_path_factory.mktemp("pictures"))


def test_batches_of_an_epoch_set_rivals_side_by_side(corpus: Corpus) -> None:
    plain = dataclasses.replace(corpus, rivals=None)
    shares = []
    for which in (corpus, plain):
        batches = [one for epoch in range(20) for one in epoch_batches([which], batch=5, seed=1, epoch=epoch)]
        assert {len(batch.rows) for batch in batches} == {5}
        assert {row for batch in batches for row in batch.rows} == set(corpus.training.tolist())
        shares.append(np.mean([_met(corpus.rivals, batch.rows) for batch in batches]))
    assert shares[0] > 0.9
    assert shares[1] < 0.8


def test_the_article_is_the_noun_and_the_look_what_the_templates_add(recipe: Recipe) -> None:
    catalog = recipe.catalogs[0]
    source = open_source(catalog.location)
    rivals = read_rivals(source, roles_of(source, catalog), catalog)
    shapes, colours = np.arange(48) % 3, np.arange(48) % 4
    known = np.delete(np.arange(48), 7)  # which names neither
    assert (rivals.articles[known][:, None] == rivals.articles[known]).tolist() == (
        shapes[known][:, None] == shapes[known]
    ).tolist()
    assert (rivals.looks[known][:, None] == rivals.looks[known]).tolist() == (
        colours[known][:, None] == colours[known]
    ).tolist()


def test_a_product_that_names_no_article_is_of_its_own_kind(tmp_path: Path) -> None:
    path = tmp_path / "catalog.csv"
    path.write_text("id,image,kind,colour\n1,a,,red\n2,b,,blue\n3,c,bag,red\n4,d,bag,blue\n")
    recipe = CatalogRecipe(name="shop", location=str(path), templates=("{colour} {kind}",), nouns=("kind",))
    source = open_source(str(path))
    rivals = read_rivals(source, roles_of(source, recipe), recipe)
    assert len(set(rivals.articles.tolist())) == 3
    assert rivals.articles[2] == rivals.articles[3]


def test_without_nouns_the_first_category_is_the_article(recipe: Recipe) -> None:
    catalog = dataclasses.replace(recipe.catalogs[0], nouns=(), templates=())
    source = open_source(catalog.location)
    rivals = read_rivals(source, roles_of(source, catalog), catalog)
    assert rivals.articles[0] == rivals.articles[12] == rivals.articles[4], "the colour: red bags and the red disc"
    assert rivals.looks[0] == rivals.looks[3] != rivals.looks[4]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"title": [f"thing {i}" for i in range(40)]}, "name it in nouns"),
        ({"title": ["a", "b"] * 20, "kind": [f"k{i // 20}" for i in range(40)]}, "no two products of one kind differ"),
    ],
)
def test_catalogs_without_rivals_are_refused(tmp_path: Path, columns: dict, message: str) -> None:
    path = tmp_path / "catalog.parquet"
    pq.write_table(pa.table({"id": list(range(40)), "image": [b"x"] * 40, **columns}), path)
    with pytest.raises(CatalogError, match=message):
        open_catalog(CatalogRecipe(name="shop", location=str(path)), hard_negatives=True)
