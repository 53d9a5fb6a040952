"""The random checkpoint is an ordinary one."""

from pathlib import Path

import torch
from transformers import CLIPConfig, CLIPModel, CLIPProcessor

from export.random_checkpoint import random_checkpoint


def test_transformers_opens_it(checkpoint_folder: Path) -> None:
    processor = CLIPProcessor.from_pretrained(checkpoint_folder, use_fast=False)
    model = CLIPModel.from_pretrained(checkpoint_folder)
    inputs = processor(text=["red shoe"], images=[torch.zeros(3, 40, 50, dtype=torch.uint8)], return_tensors="pt")
    assert model(**inputs).logits_per_image.shape == (1, 1)


def test_words_are_single_tokens(checkpoint_folder: Path) -> None:
    tokenizer = CLIPProcessor.from_pretrained(checkpoint_folder, use_fast=False).tokenizer
    assert tokenizer.tokenize("red cotton dress") == ["red</w>", "cotton</w>", "dress</w>"]


def test_the_seed_decides_and_the_callers_randomness_is_untouched(checkpoint_folder: Path, tmp_path: Path) -> None:
    state = torch.random.get_rng_state()
    same = random_checkpoint(tmp_path / "same", seed=0) / "model.safetensors"
    other = random_checkpoint(tmp_path / "other", seed=1) / "model.safetensors"
    assert torch.equal(torch.random.get_rng_state(), state)
    assert same.read_bytes() == (checkpoint_folder / "model.safetensors").read_bytes()
    assert other.read_bytes() != same.read_bytes()


def test_the_large_one_has_the_shape_of_vit_b_32() -> None:
    vision, text = CLIPConfig().vision_config, CLIPConfig().text_config
    assert (vision.hidden_size, vision.num_hidden_layers, vision.patch_size, vision.image_size) == (768, 12, 32, 224)
    assert (text.hidden_size, text.num_hidden_layers, text.vocab_size) == (512, 12, 49408)
