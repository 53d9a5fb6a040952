"""How a small model starts."""

import dataclasses

import pytest
import torch

from train.model import small_checkpoint
from train.recipe import ModelRecipe, Recipe
from train.tokenizer import train_tokenizer


def _filters(model: ModelRecipe) -> torch.Tensor:
    tokenizer = train_tokenizer(["red bag"], vocabulary=300, max_length=8)
    started = small_checkpoint(model, tokenizer, seed=0).model
    return started.vision_model.embeddings.patch_embedding.weight.detach()


def test_patch_filters_start_as_different_waves(recipe: Recipe) -> None:
    filters = _filters(recipe.model).flatten(1)
    products = filters @ filters.T
    assert torch.allclose(products, torch.diag(products.diagonal()), atol=1e-5)
    assert float(products.diagonal().min()) > 0


def test_patch_filters_tell_stripes_by_direction_and_colour_ones_ignore_grey(recipe: Recipe) -> None:
    model = dataclasses.replace(recipe.model, image_width=32)  # 16 of brightness, 8 of each colour difference
    filters, side = _filters(model), model.patch_size
    upright = torch.cos(torch.arange(side) * torch.pi * 4 / side + 0.5).expand(3, side, side)
    answers = torch.einsum("nchw,chw->n", filters, upright).abs()
    lying = torch.einsum("nchw,chw->n", filters, upright.transpose(1, 2)).abs()
    assert int(answers.argmax()) != int(lying.argmax())
    assert float(answers[:16].max()) > 1.0
    assert float(answers[16:].max()) == pytest.approx(0, abs=1e-5)


def test_a_patch_with_fewer_waves_than_filters_keeps_random_ones(recipe: Recipe) -> None:
    filters = _filters(dataclasses.replace(recipe.model, image_width=192)).flatten(1)
    assert len(filters) == 192
    assert torch.linalg.matrix_rank(filters) == 3 * recipe.model.patch_size**2
