"""What decays and what does not; how the learning rate rises and falls."""

import pytest
import torch

from train.model import small_checkpoint
from train.optimizer import learning_rate_at, parameter_groups
from train.recipe import Recipe
from train.tokenizer import train_tokenizer


def test_biases_norms_positions_and_temperature_do_not_decay(recipe: Recipe) -> None:
    tokenizer = train_tokenizer(["red bag"], vocabulary=300, max_length=8)
    model = small_checkpoint(recipe.model, tokenizer, seed=0).model
    decayed, others = parameter_groups(model, weight_decay=0.2)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    decayed_names = {names[id(parameter)] for parameter in decayed["params"]}
    other_names = {names[id(parameter)] for parameter in others["params"]}
    assert (decayed["weight_decay"], others["weight_decay"]) == (0.2, 0.0)
    assert decayed_names | other_names == set(names.values())
    assert not decayed_names & other_names
    for name in other_names:
        assert name.endswith((".bias", "logit_scale", "class_embedding", "position_embedding.weight")) or "norm" in name
    for name in decayed_names:
        assert name.endswith(".weight")
        assert "norm" not in name
    assert {"logit_scale", "vision_model.post_layernorm.weight", "text_model.encoder.layers.0.mlp.fc1.bias"} <= (
        other_names
    )
    assert {"visual_projection.weight", "text_model.embeddings.token_embedding.weight"} <= decayed_names


def test_frozen_parameters_are_in_no_group() -> None:
    layer = torch.nn.Linear(2, 2)
    layer.bias.requires_grad = False
    decayed, others = parameter_groups(layer, weight_decay=0.1)
    assert (len(decayed["params"]), len(others["params"])) == (1, 0)


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 0.5), (1, 1.0), (2, 1.0), (6, 0.5), (9, 0.5 * (1 - 0.9238795325112867))],
)
def test_learning_rate_rises_then_falls_as_half_a_cosine(step: int, rate: float) -> None:
    assert learning_rate_at(step, steps=10, warm_up=0.2, peak=1.0) == pytest.approx(rate)


def test_learning_rate_without_warm_up_starts_at_the_peak() -> None:
    assert learning_rate_at(0, steps=4, warm_up=0.0, peak=2.0) == 2.0
