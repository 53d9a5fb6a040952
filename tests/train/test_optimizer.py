"""Which parameters are stepped how; how the learning rate rises and falls."""

import pytest
import torch

from train.model import small_checkpoint
from train.optimizer import Optimizer, parameter_groups, schedule
from train.recipe import Recipe
from train.tokenizer import train_tokenizer


@pytest.fixture
def model(recipe: Recipe) -> torch.nn.Module:
    tokenizer = train_tokenizer(["red bag"], vocabulary=300, max_length=8)
    return small_checkpoint(recipe.model, tokenizer, seed=0).model


def test_every_parameter_is_in_one_group(model: torch.nn.Module) -> None:
    groups = parameter_groups(model)
    names = {parameter: name for name, parameter in model.named_parameters()}
    inside, decayed, spared = ({names[p] for p in part} for part in (groups.inside, groups.decayed, groups.spared))
    assert sorted([*inside, *decayed, *spared]) == sorted(names.values())
    for name in spared:
        assert name.endswith((".bias", "logit_scale", "class_embedding", "position_embedding.weight")) or "norm" in name
    assert {"logit_scale", "vision_model.post_layernorm.weight", "text_model.encoder.layers.0.mlp.fc1.bias"} <= spared
    assert decayed == {
        "visual_projection.weight",
        "text_projection.weight",
        "text_model.embeddings.token_embedding.weight",
        "vision_model.embeddings.patch_embedding.weight",
    }
    assert all(".encoder.layers." in name and name.endswith(".weight") for name in inside)


def test_frozen_parameters_are_in_no_group() -> None:
    layer = torch.nn.Linear(2, 2)
    layer.bias.requires_grad = False
    groups = parameter_groups(layer)
    assert (len(groups.inside), len(groups.decayed), len(groups.spared)) == (0, 1, 0)
    assert Optimizer(layer, learning_rate=0.1, weight_decay=0.0).state_of(layer.bias) == {}


@pytest.mark.parametrize("muon", [0.0, 0.02])
def test_weights_without_gradient_decay_alike_under_both(model: torch.nn.Module, muon: float) -> None:
    optimizer = Optimizer(model, learning_rate=0.1, weight_decay=0.2, muon_learning_rate=muon)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step(0.5)
    groups = parameter_groups(model)
    spared = {id(parameter) for parameter in groups.spared}
    for name, parameter in model.named_parameters():
        kept = 1.0 if id(parameter) in spared else 1 - 0.5 * 0.1 * 0.2
        assert torch.allclose(parameter, before[name] * kept, atol=1e-7), name


def test_muon_steps_matrices_inside_the_towers_by_an_orthogonal_matrix(model: torch.nn.Module) -> None:
    optimizer = Optimizer(model, learning_rate=0.1, weight_decay=0.0, muon_learning_rate=0.02)
    weight = next(p for p in parameter_groups(model).inside if p.shape[0] == 4 * p.shape[1])  # no small singular values
    before = weight.detach().clone()
    chance = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=chance)
    optimizer.step(0.5)
    sizes = torch.linalg.svdvals((weight.detach() - before) / (0.5 * 0.02 * 2))  # Muon's 2 for a shape of 4 to 1
    assert float(sizes.min()) > 0.5
    assert float(sizes.max()) < 1.5
    assert set(optimizer.state_of(weight)) == {"momentum_buffer"}


def test_zero_grad_forgets_all_gradients(model: torch.nn.Module) -> None:
    optimizer = Optimizer(model, learning_rate=0.1, weight_decay=0.0, muon_learning_rate=0.02)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.zero_grad()
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize(
    ("step", "share"),
    [(0, 0.5), (1, 1.0), (2, 1.0), (6, 0.5), (9, 0.5 * (1 - 0.9238795325112867))],
)
def test_schedule_rises_then_falls_as_half_a_cosine(step: int, share: float) -> None:
    assert schedule(step, steps=10, warm_up=0.2) == pytest.approx(share)


def test_schedule_without_warm_up_starts_at_the_peak() -> None:
    assert schedule(0, steps=4, warm_up=0.0) == 1.0
