"""How much of a batch fits: an estimate from the model's sizes alone, so that a model trains equally anywhere."""

from transformers import CLIPVisionConfig

_MOST = 8 * 1024**3
"""Bytes that a micro batch may keep for the way back; the model, its gradient and AdamW's two moments come on top. A
machine of 16 GiB, or a GPU of 12, then trains ViT-B/32."""

_BYTES_PER_VALUE = 100
"""What a layer keeps per token and unit of its width: about 25 numbers, some of 2 bytes, some of 4. ViT-B/32 took 42
MiB a picture in bfloat16 and 53 in float32, the embedded model 4.8 and 6.4."""

_BYTES_PER_WEIGHT = 10
"""The same per attention weight: before and after the softmax, and a copy in the towers' number format."""


def fitting_micro_batch(vision: CLIPVisionConfig) -> int:
    """Pictures that may go through an image tower at a time, on the way to a gradient.

    Texts are no more of them and take less: titles are short.

    Args:
        vision: The tower's configuration.
    """
    tokens = (vision.image_size // vision.patch_size) ** 2 + 1
    values, weights = tokens * vision.hidden_size, tokens * tokens * vision.num_attention_heads
    layer = _BYTES_PER_VALUE * values + _BYTES_PER_WEIGHT * weights
    return max(1, int(_MOST // (layer * vision.num_hidden_layers)))
