"""Decoded pictures, random crops, and the towers that read them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from aisle.sources import open_source
from train.augment import augmented, crop_maps
from train.model import small_checkpoint
from train.pictures import decode_pictures
from train.recipe import Recipe
from train.tokenizer import train_tokenizer
from train.towers import image_vectors, kept_patches, text_vectors
from train.validation import normalised

CPU = torch.device("cpu")


def test_pictures_are_decoded_once_and_mapped(recipe: Recipe, tmp_path: Path) -> None:
    catalog = recipe.catalogs[0]
    source = open_source(catalog.location)
    ids = [f"p{number:02d}" for number in range(48)]
    first = decode_pictures(source, "picture", ids, side=32, folder=tmp_path, location=catalog.location)
    assert first.pixels.shape == (48, 32, 32, 3)
    assert list(first.faults) == [5]
    assert "cannot be" in first.faults[5]
    assert not first.present[5]
    assert first.present.sum() == 47
    assert first.pixels[0, 16, 12].tolist() == [220, 20, 30]
    (array,) = tmp_path.glob("*.npy")
    written = array.stat().st_mtime_ns
    again = decode_pictures(source, "picture", ids, side=32, folder=tmp_path, location=catalog.location)
    assert array.stat().st_mtime_ns == written
    assert np.array_equal(again.pixels, first.pixels)
    assert again.faults == first.faults


def _ramp() -> np.ndarray:
    pixels = np.zeros((1, 32, 32, 3), dtype=np.uint8)
    pixels[..., 0] = np.arange(32) * 8
    pixels[..., 1] = (np.arange(32) * 8)[:, None]
    return pixels


def test_augmentation_moves_pixels_and_never_mixes_colours() -> None:
    flipped = set()
    for seed in range(12):
        generator = torch.Generator().manual_seed(seed)
        maps = crop_maps(1, crop_area=0.6, rotation=0.0, generator=generator)
        out = augmented(_ramp(), maps, size=28, device=CPU)[0]
        assert out.shape == (3, 28, 28)
        assert out[2].max() == 0.0  # blue was 0 and stays 0
        across = torch.diff(out[0], dim=1)
        assert (across >= 0).all() or (across <= 0).all()
        flipped.add(bool((across <= 0).all()))
        assert (torch.diff(out[1], dim=0) >= 0).all()  # never upside down
        shown = (out[0].max() - out[0].min()) * (out[1].max() - out[1].min()) / 248**2
        assert shown > 0.5  # at least the smallest crop, less half a pixel at each edge
    assert flipped == {True, False}


def test_augmentation_without_chance_is_a_plain_resize() -> None:
    generator = torch.Generator().manual_seed(1)
    pixels = np.full((2, 32, 32, 3), (10, 20, 30), dtype=np.uint8)
    maps = crop_maps(2, crop_area=0.5, rotation=15.0, generator=generator)
    out = augmented(pixels, maps, size=28, device=CPU)
    assert torch.allclose(out, torch.tensor([10.0, 20.0, 30.0]).view(1, 3, 1, 1).expand_as(out), atol=1e-3)


def test_towers_agree_with_transformers_and_patches_can_be_left_out(recipe: Recipe) -> None:
    texts = ["red bag", "a much longer text about a bag"]
    tokenizer = train_tokenizer(texts, vocabulary=300, max_length=16)
    checkpoint = small_checkpoint(recipe.model, tokenizer, seed=0)
    model = checkpoint.model.eval()
    generator = torch.Generator().manual_seed(0)
    pixels = normalised(torch.rand(3, 3, 28, 28, generator=generator) * 255, checkpoint)
    with torch.no_grad():
        stock = torch.nn.functional.normalize(model.get_image_features(pixel_values=pixels), dim=-1)
        ours = image_vectors(model, pixels, patches=kept_patches(3, 16, kept=1.0, generator=generator))
        kept = kept_patches(3, 16, kept=0.5, generator=generator)
        part = image_vectors(model, pixels, patches=kept)
        alone = [text_vectors(model, tokenizer, [text]) for text in texts]
        together = text_vectors(model, tokenizer, texts)
    torch.testing.assert_close(ours, stock, atol=1e-5, rtol=0)
    torch.testing.assert_close(part.norm(dim=1), torch.ones(3))
    assert (part - stock).abs().max() > 1e-3
    assert kept is not None
    assert kept.shape == (3, 8)
    assert all(len(set(row)) == 8 for row in kept.tolist())
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=0)  # padding is never looked at


def test_a_new_model_knows_where_patches_are(recipe: Recipe) -> None:
    tokenizer = train_tokenizer(["red bag"], vocabulary=300, max_length=16)
    model = small_checkpoint(recipe.model, tokenizer, seed=0).model
    places = model.vision_model.embeddings.position_embedding.weight[1:].detach()
    alike = places @ places.T  # 4 x 4 patches, row by row
    assert alike.argmax(dim=1).tolist() == list(range(16))
    assert alike[0, 1] == pytest.approx(float(alike[0, 4]))  # one step right, one step down
    assert alike[0, 1] > alike[0, 2] > alike[0, 10]
    assert float(places.square().mean().sqrt()) == pytest.approx(0.7, abs=0.01)
