"""Both towers' forward passes for training: unit vectors out, and patches that may be left out.

Leaving out patches saves their whole cost and works as augmentation (FLIP: Li et al. 2022, arXiv:2212.00794).
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import linear, normalize
from transformers import CLIPModel, PreTrainedTokenizerBase


def kept_patches(n: int, patches: int, *, kept: float, generator: torch.Generator) -> Tensor | None:
    """Draw which patches each of n pictures keeps.

    Args:
        n: How many pictures.
        patches: Of each.
        kept: Share of them to keep, another choice for each picture; 1 keeps all.
        generator: Where chance comes from, on the CPU.

    Returns:
        int64 `[n, count]`; None for all.
    """
    if kept >= 1.0:
        return None
    count = max(1, round(kept * patches))
    return torch.rand((n, patches), generator=generator).topk(count, dim=1).indices


def image_vectors(model: CLIPModel, pixels: Tensor, *, patches: Tensor | None = None) -> Tensor:
    """Encode pictures.

    Args:
        model: The model.
        pixels: float32 `[n, 3, size, size]`, normalised.
        patches: Those that each picture keeps, int64 `[n, count]`; None for all.

    Returns:
        float32 `[n, dimension]`, unit rows. With all patches these are `get_image_features`', normalised.
    """
    tower = model.vision_model
    embeddings = tower.embeddings
    side = embeddings.patch_size
    pieces = pixels.unfold(2, side, side).unfold(3, side, side).permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
    positions = embeddings.position_embedding.weight
    places = positions[1:].unsqueeze(0)
    if patches is not None:
        chosen = patches.to(pixels.device)
        pieces = pieces.gather(1, chosen.unsqueeze(-1).expand(-1, -1, pieces.shape[2]))
        places = positions[1:][chosen]
    hidden = linear(pieces, embeddings.patch_embedding.weight.flatten(1)) + places
    first = (embeddings.class_embedding + positions[0]).to(hidden.dtype).expand(len(pixels), 1, -1)
    hidden = tower.pre_layrnorm(torch.cat([first, hidden], dim=1))
    hidden = tower.encoder(inputs_embeds=hidden).last_hidden_state[:, 0]
    return normalize(model.visual_projection(tower.post_layernorm(hidden)).float(), dim=-1)


def text_vectors(model: CLIPModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> Tensor:
    """Encode texts, padded to the longest of them; too long ones are cut.

    Returns:
        float32 `[n, dimension]`, unit rows.
    """
    tokens = tokenizer(
        list(texts),
        padding=True,
        truncation=True,
        max_length=model.config.text_config.max_position_embeddings,
        return_tensors="pt",
    ).to(model.device)
    # No attention mask: the tower is causal and pools at the end token, so padding is never looked at.
    return normalize(model.get_text_features(input_ids=tokens["input_ids"]).float(), dim=-1)
