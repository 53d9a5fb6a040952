"""`aisle finetune` as a person meets it."""

import io
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image, ImageDraw
from rich.console import Console
from transformers import CLIPModel

import cli.finetune_progress
from aisle.encoder import OnnxEncoder
from aisle.images import decode_image
from aisle.layout import PREPROCESS
from aisle.preprocess import load_preprocess, prepare_image
from aisle.split import held_out
from cli.finetune_progress import TrainingProgress
from cli.models import EMBEDDED, EMBEDDED_CHECKPOINT
from export.random_checkpoint import random_checkpoint
from tests.cli.conftest import Run
from train.begun import PICTURES
from train.encoder import TorchEncoder
from train.history import HISTORY
from train.loop import Progress
from train.model import load_checkpoint
from train.validation import Validation

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}
PRODUCTS = 48


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads of a pool cost more than these tiny matrices, and stall when the machine is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _picture(colour: tuple[int, int, int], *, round_: bool) -> bytes:
    image = Image.new("RGB", (40, 48), "grey")
    draw = ImageDraw.Draw(image)
    (draw.ellipse if round_ else draw.rectangle)((6, 8, 34, 40), fill=colour)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("catalog") / "products.parquet"
    names, kinds = list(COLOURS) * (PRODUCTS // 4), ["shirt", "bag", "bag"] * (PRODUCTS // 3)
    pictures = [_picture(COLOURS[name], round_=kind == "bag") for name, kind in zip(names, kinds, strict=True)]
    pictures[3] = b"\xff\xd8\xff broken"
    rows = {
        "sku": [f"p{i}" for i in range(PRODUCTS)],
        "name": [f"{name} {kind} {i}" for i, (name, kind) in enumerate(zip(names, kinds, strict=True))],
        "colour": names,
        "kind": kinds,
        "photo": pictures,
    }
    pq.write_table(pa.table(rows), path)
    return path


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny", seed=0)


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """What the report was asked for, instead of the report."""
    asked: list[dict] = []
    monkeypatch.setattr("cli.finetune_report.report_finetuning", lambda **what: asked.append(what))
    return asked


def test_a_checkpoint_learns_a_catalog_and_the_next_commands_are_named(
    run: Run, catalog: Path, checkpoint: Path, tmp_path: Path, reports: list[dict]
) -> None:
    output = tmp_path / "my shop"
    code, out, err = run(
        "finetune", "--model", checkpoint, "--catalog", catalog, "--output", output, "--title", "name",
        "--epochs", 3, "--batch", 16, "--learning-rate", 1e-3, "--validation", 0.25, "--seed", 5,
    )  # fmt: skip
    assert code == 0, err
    assert "id=sku, image=photo, title=name" in err
    assert "short texts: {kind}, {colour} {kind}\n" in err
    assert "parameters on cpu in" in err
    assert "epoch 1/3: step 1 of" in err, "plain lines where there is no terminal"
    assert "epoch 3/3: among" in err
    assert "1 rows were left out" in err
    assert "recall@10 on held-out products: " in err
    assert out.splitlines()[-2:] == [
        f"next: aisle export '{output}'",
        f"      aisle reindex --catalog {catalog} --model '{output}' --title name",
    ]
    assert not torch.equal(
        CLIPModel.from_pretrained(output).visual_projection.weight,
        CLIPModel.from_pretrained(checkpoint).visual_projection.weight,
    )
    assert not (output / PICTURES).exists(), "decoded pictures are gone with the work"
    (asked,) = reports
    assert {key: asked[key] for key in ("catalog", "before", "after", "history", "output")} == {
        "catalog": str(catalog),
        "before": str(checkpoint),
        "after": output,
        "history": output / HISTORY,
        "output": output,
    }
    assert asked["roles"].title == "name"
    assert asked["rows"].dtype == np.int64
    expected = held_out([f"p{i}" for i in range(PRODUCTS)], share=0.25)
    expected[3] = False
    assert asked["rows"].tolist() == np.flatnonzero(expected).tolist()
    assert asked["settings"]["learning_rate"] == 1e-3
    assert asked["settings"]["templates"] == ["{kind}", "{colour} {kind}"]
    assert asked["settings"]["validation"] == 0.25
    steps = [json.loads(line) for line in (output / HISTORY).read_text().splitlines()]
    assert {line["epoch"] for line in steps} == {0, 1, 2, 3}


def test_another_catalog_judges(run: Run, catalog: Path, checkpoint: Path, tmp_path: Path, reports: list[dict]) -> None:
    other = pq.read_table(catalog)
    ids = [f"other{number}" for number in range(len(other))]
    other = other.set_column(other.schema.get_field_index("sku"), "sku", pa.array(ids))
    pq.write_table(other, tmp_path / "other.parquet")
    common = ["finetune", "--model", checkpoint, "--catalog", catalog, "--title", "name", "--validation", 0.25]
    learning = ["--epochs", 1, "--batch", 16, "--output", tmp_path / "shop"]
    code, _, err = run(*common, *learning, "--judge", tmp_path / "other.parquet", "--judge-share", 0.5)
    assert code == 0, err
    (asked,) = reports
    assert asked["catalog"] == str(tmp_path / "other.parquet")
    assert asked["rows"].tolist() == np.flatnonzero(held_out(ids, share=0.5)).tolist()
    pq.write_table(other.drop_columns(["name"]), tmp_path / "nameless.parquet")
    code, _, err = run(*common, "--output", tmp_path / "none", "--judge", tmp_path / "nameless.parquet")
    assert code == 65
    assert "no column 'name'" in err
    assert not (tmp_path / "none").exists(), "found out before anything was learnt"


@pytest.mark.parametrize("model", ["embedded", str(EMBEDDED), "{copy}"])
def test_the_embedded_model_goes_on_learning(
    run: Run, catalog: Path, tmp_path: Path, reports: list[dict], model: str
) -> None:
    copy = tmp_path / "workspace's"
    shutil.copytree(EMBEDDED, copy)
    code, _, err = run(
        "finetune", "--model", model.format(copy=copy), "--catalog", catalog, "--output", tmp_path / "out",
        "--epochs", 1, "--batch", 8, "--patience", 0,
    )  # fmt: skip
    assert code == 0, err
    (asked,) = reports
    assert asked["before"] == str(EMBEDDED_CHECKPOINT)
    assert CLIPModel.from_pretrained(tmp_path / "out").config.vision_config.image_size == 112


def test_the_embedded_bundle_is_the_export_of_the_embedded_checkpoint() -> None:
    checkpoint = TorchEncoder(load_checkpoint(str(EMBEDDED_CHECKPOINT)))
    bundle = OnnxEncoder(EMBEDDED, threads=1)
    pictures = np.stack(
        [
            prepare_image(decode_image(_picture(colour, round_=round_)), checkpoint.preprocess)
            for colour in COLOURS.values()
            for round_ in (True, False)
        ]
    )
    texts = ["red shirts", "a striped dress for women", "checked backpack", "Puma Men Black Watch"]
    assert checkpoint.preprocess == load_preprocess(EMBEDDED / PREPROCESS)
    for one, other in (
        (checkpoint.encode_images(pictures), bundle.encode_images(pictures)),
        (checkpoint.encode_texts(texts), bundle.encode_texts(texts)),
    ):
        assert (one * other).sum(axis=1).min() > 0.995
    assert sum(path.stat().st_size for path in EMBEDDED.iterdir()) <= 16 * 1024**2


def test_options_reach_the_engine(
    run: Run, catalog: Path, checkpoint: Path, tmp_path: Path, reports: list[dict]
) -> None:
    code, _, err = run(
        "finetune", "--model", checkpoint, "--catalog", catalog, "--out", tmp_path / "out", "--epochs", 1,
        "--batch", 16, "--micro-batch", 5, "--lora-rank", 2, "--hard-negatives", "--patience", 0, "--workers", 1,
        "--template", "{colour}", "--template", "a {colour} {kind}", "--attribute", "colour", "--image", "photo",
        "--provider", "cpu", "--text", "{name} in {colour}", "--id", "sku", "--validation", 0,
    )  # fmt: skip
    assert code == 0, err
    (asked,) = reports
    assert "short texts: {colour}, a {colour} {kind}" in err
    wanted = {"epochs": 1, "batch": 16, "micro_batch": 5, "lora_rank": 2, "hard_negatives": True, "patience": 0}
    assert {name: asked["settings"][name] for name in wanted} == wanted
    assert asked["rows"].tolist() == []
    assert asked["templates"] == ("{colour}", "a {colour} {kind}"), "the report asks what was to be learnt"
    assert asked["roles"].text == "{name} in {colour}"


def test_a_small_model_is_made_from_nothing_as_the_embedded_one_was(
    run: Run, catalog: Path, tmp_path: Path, reports: list[dict], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tmp_path / "embedded.toml"
    recipe.write_text(
        "[[catalogs]]\nname='drawn'\n[model]\nimage_size=28\npatch_size=14\nimage_width=32\nimage_layers=1\n"
        "text_width=16\ntext_layers=1\nhead_width=16\ndimension=8\nvocabulary=300\n"
        "[training]\nepochs=2\nbatch=24\nmuon_learning_rate=0.02\npatches_kept=0.5\n"
    )
    monkeypatch.setattr("train.recipe.EMBEDDED_RECIPE", recipe)
    code, _, err = run(
        "finetune", "--from-scratch", "small", "--catalog", catalog, "--output", tmp_path / "out", "--epochs", 1,
        "--validation", 0.25,
    )  # fmt: skip
    assert code == 0, err
    (asked,) = reports
    assert asked["before"] is None
    wanted = {"epochs": 1, "batch": 24, "muon_learning_rate": 0.02, "patches_kept": 0.5}
    assert {name: asked["settings"][name] for name in wanted} == wanted
    assert CLIPModel.from_pretrained(tmp_path / "out").config.vision_config.image_size == 28


def test_ctrl_c_leaves_a_usable_checkpoint_and_resume_goes_on(
    run: Run, catalog: Path, checkpoint: Path, tmp_path: Path, reports: list[dict]
) -> None:
    output = tmp_path / "out"
    words = ["finetune", "--model", checkpoint, "--catalog", catalog, "--out", output, "--batch", 16, "--patience", 0]
    command = [sys.executable, "-m", "cli", *map(str, words), "--epochs", "100000"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        try:
            assert process.stderr is not None
            said = []
            for line in process.stderr:
                said.append(line)
                if ": step " in line and not line.startswith("epoch 1/"):  # whose end tells how long an epoch is
                    process.send_signal(signal.SIGINT)
                    break
            said += list(process.stderr)
        finally:
            code = process.wait(60)
    assert code == 130, said
    assert said[-1].endswith("can be searched with; the same with --resume goes on\n"), "and no error after it"
    assert CLIPModel.from_pretrained(output) is not None
    lines = [json.loads(line) for line in (output / HISTORY).read_text().splitlines()]
    done = max(line["step"] for line in lines)
    assert done < 100_000
    code, _, err = run(*words, "--epochs", 1 + done)
    assert code in {1, 65, 78}
    assert "already holds a run: resume it" in err
    per_epoch = next(line["step"] for line in lines if line["epoch"] == 1 and "catalog" in line)
    code, out, err = run(*words, "--epochs", done // per_epoch + 1, "--resume")
    assert code == 0, err
    assert "next: aisle export" in out
    resumed = [json.loads(line) for line in (output / HISTORY).read_text().splitlines()]
    assert resumed[: len(lines)] == lines
    steps = [line["step"] for line in resumed if "loss" in line]
    assert steps == list(range(1, len(steps) + 1))
    assert len(steps) > done


def _bad(tmp_path: Path, rows: list[dict]) -> Path:
    kinds = {"id": pa.string(), "title": pa.string(), "image": pa.binary()}
    names = kinds if not rows else [name for name in kinds if name in rows[0]]
    path = tmp_path / "bad.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema([(name, kinds[name]) for name in names])), path)
    return path


RED, BLUE = _picture((255, 0, 0), round_=True), _picture((0, 0, 255), round_=True)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "has no rows: there is nothing to learn from"),
        ([{"id": "1", "title": "red bag"}, {"id": "2", "title": "blue bag"}], "no column that holds pictures"),
        (
            [{"id": "1", "title": "red bag", "image": RED}],
            "1 of 1 rows have a picture and a text and are not held out; at least 2",
        ),
        ([{"id": str(i), "title": "bag", "image": RED} for i in range(9)], "have the same texts"),
        ([{"id": str(i), "title": f"bag {i}", "image": b"x"} for i in range(9)], "0 of 9 rows have a picture"),
        ([{"id": str(i), "title": None, "image": RED} for i in range(9)], "has no texts"),
        ([{"title": "red bag", "image": RED}], "no column looks like a product id"),
    ],
)
def test_bad_catalogs_are_one_clear_line(
    run: Run, checkpoint: Path, tmp_path: Path, rows: list[dict], message: str
) -> None:
    code, out, err = run(
        "finetune", "--model", checkpoint, "--catalog", _bad(tmp_path, rows), "--output", tmp_path / "out",
        "--validation", 0, "--patience", 0,
    )  # fmt: skip
    assert code in {1, 65, 78}, err
    assert out == ""
    (line,) = [line for line in err.splitlines() if line.startswith("error: ")]
    assert err.splitlines()[-1] == line
    assert message in line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give either --model"),
        (["--model", "{checkpoint}", "--from-scratch", "small"], "give either --model"),
        (
            ["--model", "{bundle}"],
            "is an exported bundle, made for searching, and cannot be trained: give the checkpoint",
        ),
        (["--model", "/no/such/checkpoint"], "/no/such/checkpoint does not exist"),
        (["--model", "{catalog}"], "is a file; give the checkpoint's folder"),
        (["--model", "{checkpoint}", "--epochs", "0"], "epochs is 0"),
        (["--model", "{checkpoint}", "--micro-batch", "-1"], "micro_batch is -1"),
        (["--model", "{checkpoint}", "--template", "{{hue}}"], "'hue'"),
        (["--model", "{checkpoint}", "--validation", "0"], "patience is 2 and no catalog holds products out"),
        (["--model", "{checkpoint}", "--validation", "2"], "validation is 2"),
        (["--model", "{checkpoint}", "--image", ""], "no column that holds pictures"),
        (["--model", "{checkpoint}", "--image", "nope"], "no column 'nope'"),
        (["--model", "{checkpoint}", "--resume"], "there is no run to resume"),
        (["--model", "{checkpoint}", "--output", "{checkpoint}"], "already holds a checkpoint, of no run"),
        (["--from-scratch", "small", "--lora-rank", "4"], "adapters are for a trained model"),
    ],
)
def test_errors_are_one_line(
    run: Run, catalog: Path, checkpoint: Path, tiny_model: Path, tmp_path: Path, words: list[str], message: str
) -> None:
    given = [word.format(checkpoint=checkpoint, catalog=catalog, bundle=tiny_model) for word in words]
    code, out, err = run("finetune", "--catalog", catalog, "--output", tmp_path / "out", *given)
    assert code in {1, 65, 78}, err
    assert out == ""
    assert [line for line in err.splitlines() if line.startswith("error: ")] == err.splitlines()[-1:]
    assert message in err.splitlines()[-1]


def test_what_the_report_needs_is_missed_before_the_training_and_not_after_it(
    run: Run, catalog: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "evaluation"]:
        monkeypatch.delitem(sys.modules, name)  # other tests have imported it
    monkeypatch.setitem(sys.modules, "ir_measures", None)
    code, _, err = run("finetune", "--model", checkpoint, "--catalog", catalog, "--output", tmp_path / "out")
    assert code == 78
    assert err.splitlines()[-1] == "error: this command needs the package ir_measures: pip install 'aisle[evaluation]'"
    assert not (tmp_path / "out").exists()


def _now(step: int, *validation: Validation) -> Progress:
    return Progress(
        step=step, steps=8, epoch=1, epochs=2, loss=1.23456, learning_rate=1e-3, images_per_second=1234.5,
        seconds_left=3723.0, validation=validation,
    )  # fmt: skip


def test_a_terminal_shows_a_bar_with_loss_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120, highlight=False)
    monkeypatch.setattr(cli.finetune_progress, "err", console)
    monkeypatch.setattr("cli.console.err", console)
    with TrainingProgress() as progress:
        progress(_now(3, Validation("shop", 50, 0.1, 0.456)))
    shown = screen.getvalue()
    for part in ("epoch 1/2", "3/8", "loss 1.235", "1,234 images/s", "1:02:03 left", "recall@10 0.456"):
        assert part in shown
    assert "step 3 of 8" not in shown


def test_plain_lines_are_rare(capsys: pytest.CaptureFixture[str]) -> None:
    with TrainingProgress() as progress:
        for step in range(1, 9):
            progress(_now(step))
    assert capsys.readouterr().err.splitlines() == [
        "epoch 1/2: step 1 of 8, loss 1.235, 1,234 images/s, 1:02:03 left",
        "epoch 1/2: step 8 of 8, loss 1.235, 1,234 images/s, 1:02:03 left",
    ]
