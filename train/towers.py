"""Both towers' forward passes for training: unit vectors out, and patches that may be left out.

Leaving out patches saves their whole cost and works as augmentation (FLIP: Li et al. 2022, arXiv:2212.00794).
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import linear, normalize
from transformers import CLIPModel, PreTrainedTokenizerBase


def image_vectors(model: CLIPModel, pixels: Tensor, *, kept: float, generator: torch.Generator) -> Tensor:
    """Encode pictures.

    Args:
        model: The model.
        pixels: float32 `[n, 3, size, size]`, normalised.
        kept: Share of patches that each picture keeps, another choice for each; 1 keeps all.
        generator: Where chance comes from, on the CPU.

    Returns:
        float32 `[n, dimension]`, unit rows. With `kept` 1 these are `get_image_features`', normalised.
    """
    tower = model.vision_model
    embeddings = tower.embeddings
    side = embeddings.patch_size
    patches = pixels.unfold(2, side, side).unfold(3, side, side).permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
    positions = embeddings.position_embedding.weight
    places = positions[1:].unsqueeze(0)
    if kept < 1.0:
        count = max(1, round(kept * patches.shape[1]))
        luck = torch.rand(patches.shape[:2], generator=generator)
        chosen = luck.topk(count, dim=1).indices.to(pixels.device)
        patches = patches.gather(1, chosen.unsqueeze(-1).expand(-1, -1, patches.shape[2]))
        places = positions[1:][chosen]
    hidden = linear(patches, embeddings.patch_embedding.weight.flatten(1)) + places
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
