"""Frozen tokenizer and preprocessing against the checkpoint's own."""

import copy
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from aisle.errors import ModelError
from aisle.layout import TOKENIZER
from aisle.preprocess import Preprocess, load_preprocess, load_tokenizer, tokenize
from export.bundle import ExportResult
from export.checkpoint import Checkpoint
from export.freeze import freeze_preprocess, freeze_tokenizer, pixel_scale

ODD_TEXTS = (
    "Red striped shirt",
    "",
    "   \t\n ",
    "ÉCLAIR Ünïcödé Straße İstanbul ǅ",
    "e\u0301 combining, \u212b angstrom, \ufb01 ligature",
    "<b>bold</b> &amp; &#39;quoted&#39; &lt;tag&gt;",
    "👗👠🧥 👩🏽‍🦱 flag 🇫🇷",
    "連衣裙 ドレス 드레스 платье فستان",
    "it's o'clock, we'll've 12345 3.14 $9,99 #tag @name",
    "zero\u200bwidth \u00a0nbsp \u3000ideographic \x00nul \x07bell \ufffd",
    "<|startoftext|> injected <|endoftext|> tokens",
    "supercalifragilistic" * 30,
    "word " * 500,
)


def test_ids_equal_the_checkpoints_tokenizer(checkpoint_folder: Path, float32: ExportResult) -> None:
    theirs = AutoTokenizer.from_pretrained(checkpoint_folder)
    ours = load_tokenizer(float32.folder / TOKENIZER, load_preprocess(float32.folder / "preprocess.json"))
    for text in ODD_TEXTS:
        wanted = theirs(text, truncation=True, max_length=77)["input_ids"]
        assert tokenize([text], ours).tolist() == [wanted], text
    wanted = theirs(list(ODD_TEXTS), truncation=True, max_length=77, padding=True, return_tensors="np")["input_ids"]
    np.testing.assert_array_equal(tokenize(ODD_TEXTS, ours), wanted)
    assert tokenize(ODD_TEXTS[:2], ours).shape[1] < 77  # padded to the batch, not to the model


def changed(checkpoint: Checkpoint, **values: object) -> Checkpoint:
    processor = copy.deepcopy(checkpoint.processor)
    for name, value in values.items():
        setattr(processor, name, value)
    return dataclasses.replace(checkpoint, processor=processor)


def test_rules_are_the_processors(checkpoint: Checkpoint) -> None:
    other = changed(checkpoint, size={"shortest_edge": 40}, resample=2)
    assert freeze_preprocess(other) == Preprocess(shortest_edge=40, crop=32, resample="bilinear", max_length=77)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"do_center_crop": False}, "do_center_crop False"),
        ({"crop_size": {"height": 32, "width": 24}}, "crops to 24 x 32"),
        ({"size": {"height": 32, "width": 32}}, "shortest_edge"),
        ({"do_resize": False}, "do_resize False"),
        ({"crop_size": {"height": 24, "width": 24}}, "crops to 24 pixels and the model takes 32"),
        ({"size": {"shortest_edge": 20}}, "crop is 32 and shortest_edge 20"),
    ],
)
def test_what_cannot_be_reproduced_is_refused(values: dict[str, object], message: str, checkpoint: Checkpoint) -> None:
    with pytest.raises(ModelError, match=message):
        freeze_preprocess(changed(checkpoint, **values))


def test_the_multiply_add_is_rescale_and_normalise(checkpoint: Checkpoint) -> None:
    values = torch.tensor([0.0, 1.0, 128.0, 255.0], dtype=torch.float64)[:, None]
    mean, std = (
        torch.tensor(v, dtype=torch.float64)
        for v in ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711])
    )
    folded = pixel_scale(checkpoint.processor)
    torch.testing.assert_close(values * folded.scale + folded.offset, (values / 255 - mean) / std)
    plain = pixel_scale(changed(checkpoint, do_normalize=False).processor)
    torch.testing.assert_close(values * plain.scale + plain.offset, (values / 255).expand(-1, 3))
    raw = pixel_scale(changed(checkpoint, do_normalize=False, do_rescale=False).processor)
    torch.testing.assert_close(values * raw.scale + raw.offset, values.expand(-1, 3))


def test_a_tokenizer_without_padding_is_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    tokenizer = copy.deepcopy(checkpoint.tokenizer)
    tokenizer._special_tokens_map["pad_token"] = None
    with pytest.raises(ModelError, match="names no padding token"):
        freeze_tokenizer(
            dataclasses.replace(checkpoint, tokenizer=tokenizer), freeze_preprocess(checkpoint), tmp_path / TOKENIZER
        )


@pytest.mark.parametrize(
    ("values", "message"),
    [({"eos_token_id": 5}, "looks for the end of a text by eos_token_id 5"), ({"vocab_size": 100}, "100 tokens")],
)
def test_a_model_that_does_not_fit_the_tokenizer_is_refused(
    values: dict[str, int], message: str, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    model = copy.deepcopy(checkpoint.model)
    for name, value in values.items():
        setattr(model.config.text_config, name, value)
    with pytest.raises(ModelError, match=message):
        freeze_tokenizer(
            dataclasses.replace(checkpoint, model=model), freeze_preprocess(checkpoint), tmp_path / TOKENIZER
        )
