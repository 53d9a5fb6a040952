"""Products: the same bytes every time, each its own, and as many kinds as promised."""

import io
import re
from dataclasses import asdict
from pathlib import Path

import pyarrow.parquet as pq
from PIL import Image

from demo.assortment import ARTICLE_BY_NAME, ARTICLES
from demo.catalog import draw_product
from demo.palette import COLOURS
from demo.patterns import Pattern


def test_the_same_seed_and_index_give_the_same_bytes() -> None:
    assert asdict(draw_product(41, seed=5)) == asdict(draw_product(41, seed=5))


def test_another_seed_or_index_gives_another_product() -> None:
    product = draw_product(41, seed=5)
    assert product.image != draw_product(41, seed=6).image
    assert product.image != draw_product(42, seed=5).image
    assert product.id == draw_product(41, seed=6).id == "demo-000041"


def test_the_promised_variety(catalog: Path) -> None:
    table = pq.read_table(catalog, columns=["article", "colour", "pattern", "gender", "category", "title", "image"])
    distinct = {name: set(table[name].to_pylist()) for name in table.column_names}
    assert len(distinct["article"]) >= 30
    assert len(distinct["colour"]) >= 16
    assert len(distinct["pattern"]) >= 8
    assert distinct["gender"] == {"Men", "Women", "Boys", "Girls", "Unisex"}
    assert distinct["category"] == {"Clothing", "Shoes", "Bags", "Accessories"}
    assert len(distinct["title"]) == len(distinct["image"]) == table.num_rows


def test_products_make_sense(catalog: Path) -> None:
    for row in pq.read_table(catalog).to_pylist():
        article = ARTICLE_BY_NAME[row["article"]]
        assert row["category"] == article.category
        assert row["colour"] in article.colours
        assert row["pattern"] in {Pattern.SOLID, *article.patterns}
        assert row["gender"] in article.genders
        assert row["season"] in article.seasons
        assert row["usage"] in article.usages
        assert 0 < row["price"] <= article.price[1]
        assert len(set(row["tags"])) == len(row["tags"]) >= 5


def test_titles_name_the_article_and_its_colour(catalog: Path) -> None:
    for row in pq.read_table(catalog).to_pylist():
        names = [row["colour"], *COLOURS[row["colour"]].synonyms]
        assert any(name in row["title"].lower() for name in names), row["title"]
        assert any(word in row["title"] for word in ARTICLE_BY_NAME[row["article"]].words), row["title"]


def test_texts_read_well(catalog: Path) -> None:
    for row in pq.read_table(catalog).to_pylist():
        for text in (row["title"], row["description"]):
            assert not re.search(r"\b[Aa] [aeiou]|  |[{}]| ,", text), text


def test_pictures_are_rgb_jpegs(catalog: Path) -> None:
    for data in pq.read_table(catalog)["image"].to_pylist()[:20]:
        picture = Image.open(io.BytesIO(data))
        assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (320, 320))
        assert len(data) < 60_000


def test_articles_have_distinct_names() -> None:
    assert len(ARTICLE_BY_NAME) == len(ARTICLES) >= 36
