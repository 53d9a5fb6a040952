"""LoRA: what is trained, and an ordinary checkpoint all the same."""

import copy
import dataclasses
import sys
from pathlib import Path

import pytest
import torch
from transformers import CLIPModel

from aisle.errors import SettingsError
from train.adapters import add_adapters, merged_weights
from train.model import load_checkpoint, save_checkpoint, small_checkpoint
from train.recipe import Recipe, TrainingRecipe
from train.record import STATE
from train.run import train
from train.tokenizer import train_tokenizer


@pytest.fixture
def model(recipe: Recipe) -> CLIPModel:
    tokenizer = train_tokenizer(["red bag"], vocabulary=300, max_length=8)
    return small_checkpoint(recipe.model, tokenizer, seed=0).model.eval()


def _stir(model: CLIPModel) -> None:
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".lora_B." in name:
                parameter.normal_(generator=torch.Generator().manual_seed(len(name)))


def test_adapters_projections_and_temperature_are_trained(model: CLIPModel) -> None:
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    pixels = torch.rand(2, 3, 28, 28)
    plain = model.get_image_features(pixel_values=pixels)
    add_adapters(model, rank=4)
    torch.testing.assert_close(model.get_image_features(pixel_values=pixels), plain)
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    others = {name for name in trained if ".lora_" not in name}
    assert others == {"visual_projection.weight", "text_projection.weight", "logit_scale"}
    adapted = {name.split(".lora_")[0] for name in trained - others}
    matrices = {
        name.removesuffix(".weight") for name, tensor in before.items() if ".layers." in name and tensor.ndim == 2
    }
    assert adapted == matrices
    merged = merged_weights(model)
    assert merged.keys() == before.keys()
    assert all(torch.equal(merged[name], before[name]) for name in before)


def test_merged_weights_compute_the_same_and_leave_the_model_alone(model: CLIPModel) -> None:
    ordinary = copy.deepcopy(model)
    add_adapters(model, rank=4)
    _stir(model)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    ordinary.load_state_dict(merged_weights(model))
    pixels = torch.rand(2, 3, 28, 28)
    found, expected = (one.get_image_features(pixel_values=pixels) for one in (ordinary, model))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())


def test_the_saved_checkpoint_knows_nothing_of_adapters(recipe: Recipe, model: CLIPModel, tmp_path: Path) -> None:
    tokenizer = train_tokenizer(["red bag"], vocabulary=300, max_length=8)
    checkpoint = dataclasses.replace(small_checkpoint(recipe.model, tokenizer, seed=0), model=model)
    add_adapters(model, rank=2)
    _stir(model)
    save_checkpoint(checkpoint, tmp_path / "saved")
    loaded = load_checkpoint(str(tmp_path / "saved")).model.eval()
    assert not [name for name, _ in loaded.named_parameters() if "lora" in name or "base_layer" in name]
    pixels = torch.rand(2, 3, 28, 28)
    found, expected = (one.get_image_features(pixel_values=pixels) for one in (loaded, model))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_a_run_with_adapters_resumes_to_the_same_end(recipe: Recipe, model: CLIPModel, tmp_path: Path) -> None:
    tokenizer = train_tokenizer(["red bag", "green disc", "blue scarf"], vocabulary=320, max_length=16)
    base = tmp_path / "base"
    save_checkpoint(small_checkpoint(dataclasses.replace(recipe.model), tokenizer, seed=0), base)
    numbers = dataclasses.replace(recipe.training, epochs=3, muon_learning_rate=0.0, lora_rank=2)
    recipe = dataclasses.replace(recipe, checkpoint=str(base), training=numbers)
    whole = train(recipe, output=tmp_path / "whole", progress=lambda now: None)
    asked = iter(range(1000))
    stopped = train(recipe, output=tmp_path / "run", progress=lambda now: None, stop=lambda: next(asked) >= 3)
    assert not stopped.finished
    resumed = train(recipe, output=tmp_path / "run", progress=lambda now: None, resume=True)
    assert resumed.finished
    start, expected, found = (
        CLIPModel.from_pretrained(folder).state_dict() for folder in (base, whole.checkpoint, resumed.checkpoint)
    )
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, atol=1e-5, rtol=1e-4)
        moved = not torch.equal(tensor, start[name])
        assert moved == (name == "logit_scale" or "projection" in name or (".layers." in name and tensor.ndim == 2)), (
            name
        )
    with pytest.raises(SettingsError, match="lora_rank 2, not 4"):
        train(
            dataclasses.replace(recipe, training=dataclasses.replace(numbers, lora_rank=4)),
            output=tmp_path / "run", progress=lambda now: None, resume=True,
        )  # fmt: skip
    assert (tmp_path / "run" / STATE).is_file()


def test_adapters_are_for_trained_models() -> None:
    with pytest.raises(SettingsError, match=r"lora_rank is 8 and muon_learning_rate 0\.03"):
        TrainingRecipe(lora_rank=8, muon_learning_rate=0.03)


def test_without_peft_the_way_out_is_named(model: CLIPModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(SettingsError, match=r"pip install 'aisle\[train\]'"):
        add_adapters(model, rank=4)
