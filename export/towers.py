"""CLIP's two towers as optimum exports them: from uint8 pixels or token ids to unit vectors, in one graph each.

Only one row of the last layer is ever read (the class token of a picture, the end token of a text), so the
last layer computes only that row: exact, and about 7 % less work for a twelve-layer tower. The picture's
rescale and normalise are folded into the patch filters.
"""

import copy
from typing import Any

import torch
from optimum.exporters.onnx.model_configs import CLIPTextWithProjectionOnnxConfig, CLIPVisionModelOnnxConfig
from optimum.utils import DummyVisionInputGenerator
from torch import Tensor, nn
from transformers import CLIPModel, CLIPTextConfig, CLIPVisionConfig, PreTrainedModel

LEGACY_END = 2
"""`eos_token_id` of checkpoints made before transformers 4.31. It is wrong there: the end token is the highest id."""


class ImageTower(PreTrainedModel):  # type: ignore[misc]
    """uint8 `[batch, size, size, 3]` to float32 `[batch, dimension]`, unit rows."""

    config_class = CLIPVisionConfig

    def __init__(self, clip: CLIPModel, *, scale: Tensor, offset: Tensor, dtype: torch.dtype = torch.float32) -> None:
        """Borrow the tower of a checkpoint, which stays as it is.

        Args:
            clip: The checkpoint: float32, with eager attention.
            scale: `[3]`; with `offset`, the processor's rescale and normalise as one multiply-add on 0..255.
            offset: `[3]`.
            dtype: Of the layers. The patch filters, whose weights per raw pixel value are close to
                float16's smallest, and the final norm, whose squares lose digits, stay float32.
        """
        super().__init__(clip.config.vision_config)
        self.vision_model = _in_dtype(clip.vision_model, dtype)
        self.visual_projection = _in_dtype(clip.visual_projection, dtype)
        self.patches = PatchProducts(clip.vision_model.embeddings.patch_embedding, scale=scale, offset=offset)
        self.embeddings = clip.vision_model.embeddings

    def forward(self, pixels: Tensor) -> tuple[Tensor]:
        """Encode pictures."""
        tower: Any = self.vision_model
        patches = self.patches(pixels)
        first = self.embeddings.class_embedding.expand(patches.shape[0], 1, -1)
        embedded = torch.cat([first, patches], dim=1) + self.embeddings.position_embedding.weight
        hidden = tower.pre_layrnorm(embedded.to(self.visual_projection.weight.dtype))
        *layers, last = tower.encoder.layers
        for layer in layers:
            hidden = layer(hidden, attention_mask=None, causal_attention_mask=None)[0]
        pooled = tower.post_layernorm(_one_row(last, hidden, hidden[:, :1], mask=None))
        return (_unit(self.visual_projection(pooled)),)


class TextTower(PreTrainedModel):  # type: ignore[misc]
    """int64 ids `[batch, sequence]` to float32 `[batch, dimension]`, unit rows.

    The attention is causal, so nothing after the end token reaches it: padding needs no mask, and padding to
    the longest text of a batch gives the vectors of padding to the model's full length.
    """

    config_class = CLIPTextConfig

    def __init__(self, clip: CLIPModel, *, dtype: torch.dtype = torch.float32) -> None:
        """Borrow the tower of a checkpoint, which stays as it is.

        Args:
            clip: The checkpoint: float32, with eager attention.
            dtype: Of everything but the final norm, which stays float32.
        """
        super().__init__(clip.config.text_config)
        self.text_model = _in_dtype(clip.text_model, dtype)
        self.text_projection = _in_dtype(clip.text_projection, dtype)

    def forward(self, input_ids: Tensor) -> tuple[Tensor]:
        """Encode texts."""
        tower: Any = self.text_model
        hidden = tower.embeddings(input_ids=input_ids)
        places = torch.arange(input_ids.shape[1], device=input_ids.device)
        end = end_position(input_ids, self.config.eos_token_id)
        causal = _forbid(places[None, :] > places[:, None], hidden.dtype)[None, None]
        *layers, last = tower.encoder.layers
        for layer in layers:
            hidden = layer(hidden, attention_mask=None, causal_attention_mask=causal)[0]
        at_end = hidden.gather(1, end[:, None, None].expand(-1, 1, hidden.shape[-1]))
        mask = _forbid(places[None, :] > end[:, None], hidden.dtype)[:, None, None]
        pooled = tower.final_layer_norm(_one_row(last, hidden, at_end, mask=mask))
        return (_unit(self.text_projection(pooled)),)


class PatchProducts(nn.Module):
    """The patch convolution as a product of matrices on raw pixels, exact since its stride is its width.

    A quantiser takes products and leaves convolutions: this one was a tenth of an int8 tower's time. The processor's
    multiply-add is folded into the weights.
    """

    def __init__(self, convolution: nn.Conv2d, *, scale: Tensor, offset: Tensor) -> None:
        """Take the weights of a patch convolution, which stays as it is.

        Args:
            convolution: Of stride equal to its width.
            scale: `[3]`.
            offset: `[3]`.
        """
        super().__init__()
        weight = convolution.weight.detach().double()
        self.side = int(weight.shape[-1])
        bias = (weight * offset.double()[:, None, None]).sum(dim=(1, 2, 3))
        if convolution.bias is not None:
            bias = bias + convolution.bias.detach().double()
        rows = (weight * scale.double()[:, None, None]).permute(2, 3, 1, 0).flatten(0, 2)
        self.weight = nn.Parameter(rows.float().contiguous(), requires_grad=False)
        self.bias = nn.Parameter(bias.float(), requires_grad=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """uint8 `[batch, size, size, 3]` to float32 `[batch, patches, width]`, row by row."""
        grid = pixels.shape[1] // self.side
        cut = pixels.reshape(-1, grid, self.side, grid, self.side, 3).permute(0, 1, 3, 2, 4, 5)
        return cut.reshape(-1, grid * grid, self.side * self.side * 3).float() @ self.weight + self.bias


def end_position(input_ids: Tensor, end: int) -> Tensor:
    """Where each text ends, as `CLIPTextModel` finds it: the first end token, or the highest id when `end` is 2.

    Args:
        input_ids: int64 `[batch, sequence]`.
        end: The configuration's `eos_token_id`.

    Returns:
        int64 `[batch]`.
    """
    ids = input_ids.to(torch.int32)  # ONNX's ArgMax takes no int64 on every provider
    return ids.argmax(dim=-1) if end == LEGACY_END else (ids == end).to(torch.int32).argmax(dim=-1)


def _forbid(where: Tensor, dtype: torch.dtype) -> Tensor:
    """An additive attention mask: very negative where forbidden, 0 elsewhere. -1e4 also fits float16."""
    return where.to(dtype) * -1e4


def _one_row(layer: nn.Module, hidden: Tensor, row: Tensor, *, mask: Tensor | None) -> Tensor:
    """One encoder layer computed for one row only.

    Args:
        layer: A `CLIPEncoderLayer`.
        hidden: `[batch, sequence, width]`, keys and values.
        row: `[batch, 1, width]`, the row of `hidden` that is wanted.
        mask: Additive, broadcast to `[batch, heads, 1, sequence]`.

    Returns:
        `[batch, width]`.
    """
    attention: Any = layer.self_attn
    normed: Tensor = layer.layer_norm1(hidden)  # type: ignore[operator]
    shape = (attention.num_heads, attention.head_dim)
    query = attention.q_proj(layer.layer_norm1(row)).unflatten(-1, shape).transpose(1, 2)  # type: ignore[operator]
    key = attention.k_proj(normed).unflatten(-1, shape).permute(0, 2, 3, 1)
    value = attention.v_proj(normed).unflatten(-1, shape).transpose(1, 2)
    weights = query @ key * attention.scale
    weights = weights if mask is None else weights + mask
    read = (weights.softmax(dim=-1) @ value).transpose(1, 2).flatten(2)
    row = row + attention.out_proj(read)
    row = row + layer.mlp(layer.layer_norm2(row))  # type: ignore[operator]
    only: Tensor = row[:, 0]
    return only


def _unit(vectors: Tensor) -> Tensor:
    wide = vectors.to(torch.float32)
    unit: Tensor = wide / wide.norm(dim=-1, keepdim=True)
    return unit


def _in_dtype(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    """The module itself in its own dtype, else a converted copy."""
    return module if dtype == torch.float32 else copy.deepcopy(module).to(dtype)


class PixelGenerator(DummyVisionInputGenerator):  # type: ignore[misc]
    """Optimum's example input for the image graph."""

    SUPPORTED_INPUT_NAMES = ("pixels",)

    def generate(self, input_name: str, *_: str, **__: str) -> Tensor:  # noqa: ARG002 - optimum's signature
        """Grey pictures in the graph's own type, whatever types optimum asks for."""
        return torch.full((self.batch_size, self.height, self.width, 3), 128, dtype=torch.uint8)


class ImageOnnxConfig(CLIPVisionModelOnnxConfig):  # type: ignore[misc]
    """Names and dynamic axes of `image.onnx`."""

    DUMMY_INPUT_GENERATOR_CLASSES = (PixelGenerator,)

    @property
    def inputs(self) -> dict[str, dict[int, str]]:
        """uint8 `[batch, size, size, 3]`."""
        return {"pixels": {0: "batch"}}

    @property
    def outputs(self) -> dict[str, dict[int, str]]:
        """float32 `[batch, dimension]`."""
        return {"image_embeds": {0: "batch"}}


class TextOnnxConfig(CLIPTextWithProjectionOnnxConfig):  # type: ignore[misc]
    """Names and dynamic axes of `text.onnx`."""

    @property
    def inputs(self) -> dict[str, dict[int, str]]:
        """int64 `[batch, sequence]`."""
        return {"input_ids": {0: "batch", 1: "sequence"}}

    @property
    def outputs(self) -> dict[str, dict[int, str]]:
        """float32 `[batch, dimension]`."""
        return {"text_embeds": {0: "batch"}}
