"""A batch is divided where it would not fit, and not where it would."""

import dataclasses
from pathlib import Path

import pytest
import torch
from transformers import CLIPVisionConfig

import train.memory
from train.begun import begin
from train.memory import fitting_micro_batch
from train.recipe import Recipe

B32 = CLIPVisionConfig(
    hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, image_size=224, patch_size=32
)


def test_less_fits_of_a_larger_tower() -> None:
    l14 = CLIPVisionConfig(
        hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, image_size=224,
        patch_size=14,
    )  # fmt: skip
    # 42 to 53 MiB a picture were measured for ViT-B/32: 8 GiB hold 155 to 195 of them.
    assert 155 <= fitting_micro_batch(B32) <= 195
    assert 1 < fitting_micro_batch(l14) < fitting_micro_batch(B32) / 8
    assert fitting_micro_batch(CLIPVisionConfig(**{**B32.to_dict(), "image_size": 8192})) == 1


def test_a_run_is_divided_only_where_it_must_be(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def micro_batch(name: str, **numbers: int) -> tuple[int, list[str]]:
        said: list[str] = []
        changed = dataclasses.replace(recipe, training=dataclasses.replace(recipe.training, **numbers))
        begun = begin(changed, output=tmp_path / name, resume=False, device=torch.device("cpu"), say=said.append)
        return begun.run.recipe.micro_batch, [line for line in said if "at a time" in line]

    assert micro_batch("whole") == (0, [])
    fits = fitting_micro_batch(tiny := CLIPVisionConfig(
        hidden_size=32, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=7
    ))  # fmt: skip
    monkeypatch.setattr(train.memory, "_MOST", train.memory._MOST * 5 // fits)
    assert fitting_micro_batch(tiny) in (4, 5)
    divided, said = micro_batch("divided")
    assert divided == fitting_micro_batch(tiny)
    assert said == [f"batches of 16 go through the model {divided} pictures at a time"]
    assert micro_batch("named", micro_batch=9) == (9, [])
