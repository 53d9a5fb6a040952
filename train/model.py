"""The model as Hugging Face knows it: a small one from nothing, any CLIP checkpoint from disk, and back to disk."""

import math
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from transformers import (
    AutoTokenizer,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPTextConfig,
    CLIPVisionConfig,
    PreTrainedTokenizerBase,
)

from aisle.errors import ModelError
from aisle.files import sync_folder
from train.adapters import merged_weights
from train.recipe import ModelRecipe

MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
"""Of CLIP's own pictures (Radford et al. 2021, arXiv:2103.00020), RGB, in 0..1."""


_ONE_FILE = 1 << 50


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model and what prepares its inputs.

    Attributes:
        model: float32.
        tokenizer: Of its texts.
        processor: Of its pictures.
    """

    model: CLIPModel
    tokenizer: PreTrainedTokenizerBase
    processor: CLIPImageProcessor

    @property
    def image_size(self) -> int:
        """Side of the image tower's input, in pixels."""
        return int(self.model.config.vision_config.image_size)

    @property
    def patches(self) -> int:
        """How many patches the image tower cuts a picture into."""
        return int(self.image_size // self.model.config.vision_config.patch_size) ** 2


def small_checkpoint(recipe: ModelRecipe, tokenizer: PreTrainedTokenizerBase, *, seed: int) -> Checkpoint:
    """A model with random weights.

    Args:
        recipe: Its sizes.
        tokenizer: Its special tokens go into the model's configuration: the text tower pools at the end token.
        seed: Of the weights.
    """
    shared = {"hidden_act": "gelu", "projection_dim": recipe.dimension}
    text = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.text_width,
        intermediate_size=4 * recipe.text_width,
        num_hidden_layers=recipe.text_layers,
        num_attention_heads=recipe.text_width // recipe.head_width,
        max_position_embeddings=recipe.max_length,
        bos_token_id=tokenizer.bos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        **shared,
    )
    vision = CLIPVisionConfig(
        hidden_size=recipe.image_width,
        intermediate_size=4 * recipe.image_width,
        num_hidden_layers=recipe.image_layers,
        num_attention_heads=recipe.image_width // recipe.head_width,
        image_size=recipe.image_size,
        patch_size=recipe.patch_size,
        **shared,
    )
    config = CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=recipe.dimension)
    size = recipe.image_size
    processor = CLIPImageProcessor(
        size={"shortest_edge": size},
        crop_size={"height": size, "width": size},
        resample=3,
        image_mean=list(MEAN),
        image_std=list(DEVIATION),
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = CLIPModel._from_config(config, attn_implementation=_attention())
    embeddings = model.vision_model.embeddings
    with torch.no_grad():
        embeddings.position_embedding.weight[1:] = _waves(recipe.image_size // recipe.patch_size, recipe.image_width)
        filters = _cosines(recipe.patch_size, recipe.image_width)
        embeddings.patch_embedding.weight[: len(filters)] = filters
    return Checkpoint(model=model, tokenizer=tokenizer, processor=processor)


def _waves(side: int, width: int) -> Tensor:
    """Positions of patches as sines and cosines of row and column (Beyer et al. 2022, arXiv:2205.01580).

    CLIP's own start, noise of deviation 0.02, drowns beside a white background: a small model then learns colours
    for many epochs before it learns a shape.

    Returns:
        float32 `[side * side, width]`, row by row, of root mean square about 0.7.
    """
    quarter = width // 4
    rates = 1 / 10_000 ** (torch.arange(quarter) / max(1, quarter - 1))
    angles = torch.arange(side).unsqueeze(1) * rates
    line = torch.cat([angles.sin(), angles.cos()], dim=1)
    down = line.unsqueeze(1).expand(side, side, -1)
    across = line.unsqueeze(0).expand(side, side, -1)
    return torch.cat([across, down], dim=2).reshape(side * side, 4 * quarter)


def _cosines(side: int, width: int) -> Tensor:
    """Patch filters as cosines over the patch, of brightness and of two colour differences, the coarsest first.

    Random filters see noise until they are trained; these tell stripes, dots and checks apart from the first step.
    Brightness has twice the filters of each colour difference, as in JPEG. Finer waves are weaker in pictures and
    get more gain; the mean of a patch, by far the strongest, gets less.

    Returns:
        float32 `[n, 3, side, side]`; n is `width`, or less where a patch has fewer waves.
    """
    steps = torch.arange(side)
    waves = torch.cos(math.pi * (steps + 0.5) * steps.unsqueeze(1) / side) * math.sqrt(2 / side)
    waves[0] *= math.sqrt(0.5)
    order = sorted(((down, across) for down in range(side) for across in range(side)), key=lambda at: (sum(at), at))
    half, quarter = width - 2 * (width // 4), width // 4
    filters = []
    for colour, count in (((1.0, 1.0, 1.0), half), ((1.0, 0.0, -1.0), quarter), ((1.0, -2.0, 1.0), quarter)):
        unit = torch.tensor(colour) / torch.tensor(colour).norm()
        for down, across in order[:count]:
            gain = (1 + down + across) ** 0.5 / 2 if down + across else 1.5 / side
            filters.append(gain * unit.view(3, 1, 1) * torch.outer(waves[down], waves[across]))
    return torch.stack(filters)


def load_checkpoint(name: str) -> Checkpoint:
    """Open a CLIP checkpoint.

    Args:
        name: A local folder or a hub id.

    Raises:
        ModelError: It cannot be loaded, is of another family, or lacks weights.
    """
    try:
        model, report = CLIPModel.from_pretrained(
            name, dtype=torch.float32, attn_implementation=_attention(), output_loading_info=True
        )
        checkpoint = Checkpoint(
            model=model,
            tokenizer=AutoTokenizer.from_pretrained(name),
            processor=CLIPImageProcessor.from_pretrained(name),
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"checkpoint {name} cannot be loaded as CLIP: {str(error).splitlines()[0]}; "
            "give a folder with config.json, weights, tokenizer and preprocessor_config.json"
        ) from error
    missing = sorted(key for key in report["missing_keys"] if not key.endswith("position_ids"))
    if missing:
        # transformers would fill them with noise and go on.
        raise ModelError(f"checkpoint {name} lacks {len(missing)} weights of CLIP, the first is {missing[0]}")
    return checkpoint


def save_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Write an ordinary Hugging Face checkpoint folder, adapters merged; each file appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".saving-") as name:
        temporary = Path(name)
        # One file: of several, a kill between two renames would leave old weights beside new ones.
        checkpoint.model.save_pretrained(
            temporary, state_dict=merged_weights(checkpoint.model), max_shard_size=_ONE_FILE
        )
        checkpoint.tokenizer.save_pretrained(temporary)
        checkpoint.processor.save_pretrained(temporary)
        for file in sorted(temporary.iterdir()):
            with file.open("rb+") as stream:
                os.fsync(stream.fileno())
            file.replace(folder / file.name)
    sync_folder(folder)


def _attention() -> str:
    """On a CPU the backward pass of torch's fused attention took twice as long as plain matrix products."""
    return "sdpa" if torch.cuda.is_available() else "eager"
