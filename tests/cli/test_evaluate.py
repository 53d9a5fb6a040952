"""`aisle evaluate` as a person meets it: on drawn products, and on a catalog."""

import io
import json
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from aisle.split import held_out
from demo.catalog import draw_catalog
from tests.cli.conftest import Run

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}


@pytest.fixture
def evaluate(run: Run, tmp_path: Path, tiny_model: Path) -> Run:
    """The command with a model and a workspace."""
    return partial(run, "evaluate", "--model", tiny_model, "--workspace", tmp_path)


def _picture(colour: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 40), colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 products: what they show is what they say, but that green ones are pictured blue."""
    names = list(COLOURS) * 12
    rows = {
        "sku": [f"p{number}" for number in range(48)],
        "name": [f"{name} {'shirt' if number < 24 else 'bag'}" for number, name in enumerate(names)],
        "tint": names,
        "kind": ["Shirt"] * 24 + ["Bag"] * 24,
        "price": [float(number) for number in range(48)],
        "photo": [_picture(COLOURS["blue" if name == "green" else name]) for name in names],
    }
    rows["photo"][47] = b"\xff\xd8\xff broken"
    path = tmp_path_factory.mktemp("catalog") / "products.parquet"
    pq.write_table(pa.table(rows), path)
    return path


def _lines(out: str, title: str) -> list[list[str]]:
    """The words of a table's lines, without its title and header."""
    block = out.split(f"{title}\n")[1].split("\n\n")[0]
    return [line.split() for line in block.splitlines()[1:]]


def test_a_catalog_is_asked_by_its_titles_and_attributes(evaluate: Run, catalog: Path, tmp_path: Path) -> None:
    code, out, err = evaluate("--catalog", catalog, "--template", "{tint} {kind}", "--template", "{tint}",
                         "--json", tmp_path / "figures.json")  # fmt: skip
    assert code == 0, err
    assert "id=sku, image=photo, title=name" in err
    ((pairs, first, _, _),) = _lines(out, "title to picture")
    assert pairs == "47"
    # All red pictures are equally near to every title with "red": the first is found, which is right for one title.
    # So with white; the first picture of blue is that of product 1, which says green; and green finds white first.
    assert first == f"{2 / 47:.3f}"
    (both,) = _lines(out, "attributes to products")
    assert both[:3] == ["tint", "kind", "8"]
    (tint,) = _lines(out, "category to products")
    # Red and white are right; of blue pictures every other one says green; of green the first is the twelfth, after
    # eleven white ones, the broken one not among them.
    reciprocal = (1 + 1 + 1 / 2 + 1 / 12) / 4
    assert tint == ["tint", "4", "0.500", "0.625", "0.625", f"{reciprocal:.3f}"]
    (kind,) = _lines(out, "picture to pictures of the same")
    assert kind[:2] == ["kind", "47"]
    ((_, own, _, cosine),) = _lines(out, "CLIP score")
    assert float(own) > 1.5
    assert float(cosine) > 50
    assert "searched the pictures of 47 products; 1 without a picture that can be read" in err
    assert "2.5 * max(cos, 0) (Hessel et al. 2021" in err
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert (figures["model"], figures["held_out"], figures["products"]) == ("tiny-0", None, 47)
    assert figures["tasks"]["attributes"] == ["{tint} {kind}"]
    assert figures["categories"][0]["precision_at_1"] == 0.5
    assert f"{figures['titles']['recall_at_1']:.3f}" == first


def test_the_held_out_share_is_the_one_that_training_leaves_out(evaluate: Run, catalog: Path, tmp_path: Path) -> None:
    code, _, err = evaluate("--catalog", catalog, "--held-out", 0.25, "--json", tmp_path / "figures.json")
    assert code == 0, err
    held = held_out([f"p{number}" for number in range(48)], share=0.25)
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["products"] + figures["without_picture"] == held.sum() < 20
    assert figures["held_out"] == 0.25


def test_what_cannot_be_asked_is_said(evaluate: Run, catalog: Path) -> None:
    code, out, err = evaluate("--catalog", catalog, "--attribute", "tint")
    assert code == 0, err
    assert "no queries out of attributes: name some with --template" in err
    assert "name it with --article" in err
    assert "attributes to products" not in out
    code, out, err = evaluate("--catalog", catalog, "--attribute", "tint,kind", "--article", "tint")
    assert code == 0, err
    assert _lines(out, "picture to pictures of the same")[0][0] == "tint"


def test_drawn_products_are_asked_by_kind(evaluate: Run, tmp_path: Path) -> None:
    (tmp_path / "catalogs").mkdir()
    draw_catalog(tmp_path / "catalogs" / "demo-40-seed-1.parquet", products=40, seed=1, processes=1)
    code, out, err = evaluate("--products", 40, "--relevant", 3, "--json", tmp_path / "figures.json")
    assert code == 0, err
    assert _lines(out, "pictures only")[0][0] == "article"
    assert len(_lines(out, "pictures and texts")) == len(_lines(out, "pictures only"))
    assert "not asked, for want of 3 relevant products each: " in err
    assert "pattern colour article" in err
    assert "--products 400" in err
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert set(figures) == {"pictures only", "pictures and texts"}
    assert set(figures["pictures only"][0]) == {
        "kind", "queries", "precision_at_1", "precision_at_10", "recall_at_10", "mean_reciprocal_rank"
    }  # fmt: skip
    code, _, err = evaluate("--products", 40, "--relevant", 40)
    assert code in {1, 65, 78}
    assert "no query has 40 relevant products among 40" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--held-out", "0.1"], "--held-out is about a catalog: give --catalog as well"),
        (["--template", "{a} {b}"], "--template is about a catalog"),
        (["--catalog", "{catalog}", "--products", "50"], "--products is about drawn products"),
        (["--catalog", "{catalog}", "--seed", "1"], "--seed is about drawn products"),
        (["--catalog", "{catalog}", "--template", "{{size}}"], "'size', which is no category attribute"),
        (["--catalog", "{catalog}", "--held-out", "0"], "holds out none of 48 products"),
        (["--catalog", "{catalog}", "--image", ""], "no column of pictures"),
        (["--catalog", "/no.csv"], "/no.csv does not exist"),
    ],
)
def test_errors_are_one_line(evaluate: Run, catalog: Path, words: list[str], message: str) -> None:
    code, out, err = evaluate(*(word.format(catalog=catalog, a="{a}", b="{b}") for word in words))
    assert code in {1, 65, 78}, err
    assert out == ""
    last = err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert message in last
