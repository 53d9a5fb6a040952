"""For benchmarks and tests: a CLIP checkpoint of real shape with random weights. It understands nothing."""

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal

import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizerFast

CheckpointSize = Literal["tiny", "vit-b-32"]

BEGIN, END = "<|startoftext|>", "<|endoftext|>"

_WORDS = (
    *("a", "an", "the", "of", "with", "for", "and", "in", "on", "to", "men"),
    *("women", "boys", "girls", "kids", "unisex", "red", "green", "blue", "navy", "black", "white"),
    *("grey", "yellow", "orange", "pink", "purple", "brown", "beige", "teal", "gold", "silver", "shirt"),
    *("tshirt", "dress", "shoe", "shoes", "bag", "watch", "jeans", "skirt", "jacket", "coat", "sock"),
    *("socks", "hat", "cap", "belt", "scarf", "shorts", "trousers", "kurta", "saree", "sandal", "sandals"),
    *("heels", "boots", "sneaker", "casual", "formal", "sports", "party", "summer", "winter", "spring", "autumn"),
    *("striped", "checked", "floral", "solid", "printed", "polka", "dots", "cotton", "leather", "denim", "silk"),
    *("wool", "linen", "sleeve", "sleeved", "long", "short", "round", "neck", "slim", "fit", "regular"),
    *("classic", "light", "dark"),
)

_TINY = {
    "text_config": {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    },
    "vision_config": {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 8,
    },
    "projection_dim": 16,
}


def random_checkpoint(folder: Path, *, size: CheckpointSize = "tiny", seed: int = 0) -> Path:
    """Write a complete Hugging Face checkpoint: config, safetensors, tokenizer, image processor.

    Args:
        folder: Where to write; made when missing.
        size: `tiny` has two layers of width 32 and 32-pixel pictures; `vit-b-32` is `CLIPConfig()`, 151.3 M
            parameters, 512 dimensions, 224-pixel pictures.
        seed: Of the weights. The caller's random state is left as it was.

    Returns:
        `folder`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _word_tokenizer(folder, _WORDS)
    config = CLIPConfig(**_TINY) if size == "tiny" else CLIPConfig()
    text = config.text_config
    text.vocab_size = len(tokenizer) if size == "tiny" else text.vocab_size
    text.bos_token_id, text.eos_token_id, text.pad_token_id = (
        tokenizer.bos_token_id,
        tokenizer.eos_token_id,
        tokenizer.pad_token_id,
    )
    side = config.vision_config.image_size
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        CLIPModel(config).save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side}).save_pretrained(folder)
    return folder


def _word_tokenizer(folder: Path, words: Sequence[str]) -> CLIPTokenizerFast:
    """A CLIP tokenizer whose merges spell the given words; any other text falls back to its bytes.

    Args:
        folder: Where `vocab.json` and `merges.txt` go.
        words: Lower-case words.
    """
    alphabet = sorted(ByteLevel.alphabet())
    merges: dict[tuple[str, str], int] = {}
    for word in words:
        pieces = _pieces(word, merges)
        for place in range(1, len(pieces)):
            merges[("".join(pieces[:place]), pieces[place])] = len(merges)
    # The end token has the highest id, as in CLIP's own vocabulary: checkpoints of 2021 find it by argmax.
    tokens = [*alphabet, *(f"{letter}</w>" for letter in alphabet), *("".join(pair) for pair in merges), BEGIN, END]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    vocab_file, merges_file = folder / "vocab.json", folder / "merges.txt"
    vocab_file.write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    merges_file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return CLIPTokenizerFast(
        str(vocab_file),
        str(merges_file),
        unk_token=END,
        bos_token=BEGIN,
        eos_token=END,
        pad_token=END,
        model_max_length=77,
    )


def _pieces(word: str, merges: Mapping[tuple[str, str], int]) -> list[str]:
    """Byte-pair encoding of one word: the earliest merge that applies, until none does."""
    pieces = [*word[:-1], f"{word[-1]}</w>"]
    while known := [pair for pair in pairwise(pieces) if pair in merges]:
        first = min(known, key=merges.__getitem__)
        place = list(pairwise(pieces)).index(first)
        pieces[place : place + 2] = ["".join(first)]
    return pieces
