"""Whole runs on a tiny catalog: they learn, repeat themselves, stop, resume, and leave an ordinary checkpoint."""

import dataclasses
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from transformers import AutoTokenizer, CLIPImageProcessor, CLIPModel

from aisle.errors import CatalogError, ModelError, SettingsError
from train.__main__ import main
from train.loop import Progress
from train.recipe import CatalogRecipe, Recipe
from train.record import STATE
from train.run import TrainResult, train


def _train(recipe: Recipe, output: Path, **options: object) -> tuple[TrainResult, list[Progress]]:
    seen: list[Progress] = []
    return train(recipe, output=output, progress=seen.append, **options), seen


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    return CLIPModel.from_pretrained(folder).state_dict()


@pytest.fixture(scope="module")
def trained(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> tuple:
    folder = tmp_path_factory.mktemp("runs") / "whole"
    return (*_train(recipe, folder), recipe)


def test_training_lowers_the_loss_and_reports(trained: tuple) -> None:
    result, seen, recipe = trained
    per_epoch = len(seen) // recipe.training.epochs
    first = np.mean([now.loss for now in seen[:per_epoch]])
    last = np.mean([now.loss for now in seen[-per_epoch:]])
    assert last < 0.75 * first
    assert result.finished
    assert result.steps == seen[-1].step == seen[-1].steps
    assert seen[-1].seconds_left == 0.0
    assert seen[-1].images_per_second > 0
    assert [bool(now.validation) for now in seen] == [now.step % per_epoch == 0 for now in seen]
    (validation,) = result.validation
    assert validation.products + result.products == 46
    assert 0.0 <= validation.recall_at_1 <= validation.recall_at_10 <= 1.0
    assert set(result.rejected["shapes"]) == {5, 7}


def test_the_checkpoint_is_ordinary(trained: tuple) -> None:
    result, _, _ = trained
    model = CLIPModel.from_pretrained(result.checkpoint).eval()
    tokenizer = AutoTokenizer.from_pretrained(result.checkpoint)
    processor = CLIPImageProcessor.from_pretrained(result.checkpoint)
    tokens = tokenizer(["red bags", "a blue scarf"], padding=True, return_tensors="pt")
    pixels = processor(Image.new("RGB", (60, 40), (220, 20, 30)), return_tensors="pt")["pixel_values"]
    assert pixels.shape == (1, 3, 28, 28)
    with torch.no_grad():
        out = model(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"], pixel_values=pixels)
    assert out.logits_per_image.shape == (1, 2)
    assert model.config.text_config.eos_token_id == tokenizer.eos_token_id
    assert out.logits_per_image[0, 0] > out.logits_per_image[0, 1]  # red is not blue


def test_an_equal_seed_gives_equal_weights_and_another_does_not(trained: tuple, tmp_path: Path) -> None:
    result, seen, recipe = trained
    short = dataclasses.replace(recipe, training=dataclasses.replace(recipe.training, seed=4))
    other, _ = _train(short, tmp_path / "other", stop=_after(2))
    again, repeated = _train(recipe, tmp_path / "again")
    assert [now.loss for now in repeated] == [now.loss for now in seen]
    whole, copy = _weights(result.checkpoint), _weights(again.checkpoint)
    assert all(torch.equal(whole[name], copy[name]) for name in whole)
    assert not torch.equal(_weights(other.checkpoint)["logit_scale"], whole["logit_scale"])


def _after(steps: int):
    asked = iter(range(1000))
    return lambda: next(asked) >= steps


def test_a_stopped_run_is_usable_and_resumes_to_the_same_end(trained: tuple, tmp_path: Path) -> None:
    result, seen, recipe = trained
    stopped, before = _train(recipe, tmp_path / "run", stop=_after(3))
    assert (stopped.steps, stopped.finished) == (3, False)
    assert CLIPModel.from_pretrained(stopped.checkpoint) is not None
    with pytest.raises(SettingsError, match="already holds a run"):
        _train(recipe, tmp_path / "run")
    resumed, after = _train(recipe, tmp_path / "run", resume=True)
    assert resumed.finished
    assert [now.step for now in (*before, *after)] == [now.step for now in seen]
    assert [now.loss for now in (*before, *after)] == pytest.approx([now.loss for now in seen], rel=1e-4)
    assert resumed.validation == result.validation


def test_a_run_can_start_from_a_checkpoint(trained: tuple, tmp_path: Path) -> None:
    result, seen, recipe = trained
    numbers = dataclasses.replace(recipe.training, epochs=1, learning_rate=1e-5, muon_learning_rate=0.0)
    tuned, losses = _train(
        dataclasses.replace(recipe, checkpoint=str(result.checkpoint), training=numbers), tmp_path / "tuned"
    )
    assert tuned.finished
    assert losses[0].loss < seen[0].loss
    with pytest.raises(ModelError, match="cannot be loaded as CLIP"):
        _train(dataclasses.replace(recipe, checkpoint=str(tmp_path / "nothing")), tmp_path / "none")


def test_a_state_that_does_not_fit_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    numbers = dataclasses.replace(recipe.training, epochs=1)
    recipe = dataclasses.replace(recipe, training=numbers)
    with pytest.raises(SettingsError, match="there is no run to resume"):
        _train(recipe, tmp_path / "run", resume=True)
    _train(recipe, tmp_path / "run", stop=_after(1))
    smaller = dataclasses.replace(recipe, training=dataclasses.replace(numbers, batch=8))
    with pytest.raises(SettingsError, match="of a run with batch 16, not 8"):
        _train(smaller, tmp_path / "run", resume=True)
    adamw = dataclasses.replace(recipe, training=dataclasses.replace(numbers, muon_learning_rate=0.0))
    with pytest.raises(SettingsError, match="of a run with optimizer muon, not adamw"):
        _train(adamw, tmp_path / "run", resume=True)
    (tmp_path / "run" / STATE).write_bytes(b"damaged")
    with pytest.raises(ModelError, match="cannot be resumed"):
        _train(recipe, tmp_path / "run", resume=True)


def _png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (30, 30), colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"id": "1", "title": "red bag", "image": _png("red")}], "1 of 1 rows have a picture and a text"),
        ([{"id": str(i), "title": "bag", "image": _png("red")} for i in range(3)], "nothing to tell apart"),
        (
            [{"id": str(i), "title": f"bag {i}", "image": b"x"} for i in range(3)],
            "0 of 3 rows have a picture and a text",
        ),
        ([{"id": str(i), "title": None, "image": _png("red")} for i in range(3)], "has no texts"),
    ],
)
def test_catalogs_that_teach_nothing_are_refused(
    recipe: Recipe, tmp_path: Path, rows: list[dict], message: str
) -> None:
    path = tmp_path / "catalog.parquet"
    schema = pa.schema([("id", pa.string()), ("title", pa.string()), ("image", pa.binary())])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    catalog = CatalogRecipe(name="bad", location=str(path))
    with pytest.raises(CatalogError, match=message):
        _train(dataclasses.replace(recipe, catalogs=(catalog,)), tmp_path / "run")


def test_the_command_trains_and_names_what_is_wrong(
    shapes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text(
        "[[catalogs]]\nname='shapes'\nid='sku'\nimage='picture'\ntitle='name'\n"
        "[model]\nimage_size=28\npatch_size=14\nimage_width=16\nimage_layers=1\ntext_width=16\ntext_layers=1\n"
        "head_width=16\ndimension=8\nvocabulary=300\n[training]\nepochs=1\nbatch=32\nprecision='float32'\n"
    )
    assert main([str(file), "--output", str(tmp_path / "out")]) == 2
    assert "shapes=PATH" in capsys.readouterr().err
    assert main([str(file), "--output", str(tmp_path / "out"), "--catalog", f"shapes={shapes}"]) == 0
    said = capsys.readouterr()
    assert "step 1/1 epoch 1 loss" in said.out
    assert "row 5 was left out" in said.err
