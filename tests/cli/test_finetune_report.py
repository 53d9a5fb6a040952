"""The report of a run: both checkpoints judged on the held-out rows, as JSON and as a page."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from aisle.catalog import Roles
from aisle.errors import CatalogError, ModelError, SettingsError
from aisle.manifest import AttributeType
from aisle.sources import open_source
from cli.finetune_report import report_finetuning
from evaluation.encoded import encode_catalog
from evaluation.titles import pair_titles, titles_to_pictures
from export.random_checkpoint import random_checkpoint
from train.encoder import TorchEncoder
from train.model import load_checkpoint

ROLES = Roles(
    id="sku",
    image="photo",
    title="name",
    attributes={"colour": AttributeType.CATEGORY, "article": AttributeType.CATEGORY},
)
ROWS = np.array([30, *range(3, 20), 29])


def _picture(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 255, (6, 5, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).resize((50, 60)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog of 40, two checkpoints and a history, in one folder."""
    folder = tmp_path_factory.mktemp("shop")
    rows = [
        {
            "sku": f"p{number}",
            "name": f"{('red', 'blue')[number % 2]} {('shirt', 'bag')[number // 2 % 2]} number {number}",
            "colour": ("red", "blue")[number % 2],
            "article": ("shirt", "bag")[number // 2 % 2],
            "photo": b"broken" if number == 29 else _picture(number),
        }
        for number in range(40)
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "catalog.parquet")
    random_checkpoint(folder / "first", seed=1)
    random_checkpoint(folder / "tuned", seed=2)
    steps = [{"step": s, "epoch": 1, "loss": 3.0 / s, "learning_rate": 1e-4, "images_per_second": 9.0} for s in (1, 2)]
    last = {"step": 2, "epoch": 1, "catalog": "shop", "products": 18, "recall_at_1": 0.1, "recall_at_10": 0.6}
    (folder / "history.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in [*steps, last]))
    return folder


def _report(shop: Path, output: Path, **changes: object) -> dict:
    arguments = {
        "catalog": str(shop / "catalog.parquet"),
        "roles": ROLES,
        "rows": ROWS,
        "before": shop / "first",
        "after": shop / "tuned",
        "history": shop / "history.jsonl",
        "output": output,
        "settings": {"epochs": 4, "learning_rate": 5e-5, "model": shop / "first", "widest": float("inf")},
    }
    report_finetuning(**(arguments | changes))
    return json.loads((output / "report.json").read_text())


def test_both_checkpoints_are_judged_on_the_held_out_rows_alone(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _report(shop, tmp_path / "out")
    source = open_source(str(shop / "catalog.parquet"))
    for when, folder in (("before", "first"), ("after", "tuned")):
        encoder = TorchEncoder(load_checkpoint(str(shop / folder)))
        titles = titles_to_pictures(pair_titles(encode_catalog(source, ROLES, encoder, rows=np.sort(ROWS)), encoder))
        assert titles is not None
        assert found[when]["titles"]["mean_reciprocal_rank"] == pytest.approx(titles.mean_reciprocal_rank)
        assert (found[when]["products"], found[when]["without_picture"]) == (18, 1)
        assert f"judging the model {when}: 19 held-out products" in capsys.readouterr().err or when == "after"
    assert found["before"]["clip_score"]["cosine_times_100"] != found["after"]["clip_score"]["cosine_times_100"]
    assert found["held_out"] == 19
    assert found["settings"] == {
        "epochs": 4, "learning_rate": 5e-5, "model": str(shop / "first"), "widest": "inf"
    }  # fmt: skip
    assert [step["loss"] for step in found["history"]["steps"]] == [3.0, 1.5]
    assert found["history"]["validations"][0]["recall_at_10"] == 0.6


def test_the_page_shows_both_answers_with_their_pictures(shop: Path, tmp_path: Path) -> None:
    found = _report(shop, tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    assert [grid["asks"] for grid in found["grids"]] == ["colour article"] * 4 + ["title"] * 4
    shown = [hit for grid in found["grids"] for hit in (*grid["before"], *grid["after"])]
    assert {hit["row"] for hit in shown} <= set(ROWS.tolist()) - {29}
    assert all(hit["id"] == f"p{hit['row']}" for hit in shown)
    assert page.count('src="data:image/jpeg;base64,') == len(shown) + 4
    assert page.count("<svg viewBox") + page.count("<svg xmlns") >= 4
    assert "<h1>tuned</h1>" in page
    for grid in found["grids"]:
        assert f"“{grid['query']}”" in page


def test_templates_that_were_named_are_asked(shop: Path, tmp_path: Path) -> None:
    found = _report(shop, tmp_path / "out", templates=["{article} in {colour}", "{name}", "gift"])
    assert [one["kind"] for one in found["after"]["attributes"]] == ["{article} in {colour}"]
    assert found["grids"][0]["asks"] == "article in colour"


def test_a_checkpoint_of_the_hub_has_its_name(shop: Path, tmp_path: Path) -> None:
    kept = tmp_path / "models--openai--clip-tiny" / "snapshots" / "0123456789abcdef"
    shutil.copytree(shop / "first", kept)
    assert _report(shop, tmp_path / "out", before=kept)["before_name"] == "openai/clip-tiny"
    assert "Trained from openai/clip-tiny on" in (tmp_path / "out" / "report.html").read_text()


def test_from_scratch_there_is_no_before(shop: Path, tmp_path: Path) -> None:
    found = _report(shop, tmp_path / "out", before=None)
    assert (found["before"], found["before_name"]) == (None, None)
    assert found["grids"][0]["before"] is None
    assert "Trained from scratch" in (tmp_path / "out" / "report.html").read_text()


def test_with_nothing_held_out_the_run_alone_is_reported(shop: Path, tmp_path: Path) -> None:
    found = _report(shop, tmp_path / "out", rows=np.zeros(0, dtype=np.int64), after=shop / "nothing")
    assert (found["before"], found["after"], found["grids"]) == (None, None, [])
    assert "No product was held out" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"rows": np.array([29])}, CatalogError, "none of the 1 products has a picture"),
        ({"after": Path("/nowhere/at/all")}, ModelError, "/nowhere/at/all cannot be loaded"),
        ({"history": Path("nowhere.jsonl")}, SettingsError, r"nowhere\.jsonl cannot be read"),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_written(
    shop: Path, tmp_path: Path, changes: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        _report(shop, tmp_path / "out", **changes)
    assert not (tmp_path / "out").exists()
