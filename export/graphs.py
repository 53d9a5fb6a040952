"""The two ONNX graphs in each precision. The same checkpoint and the same libraries give the same bytes.

No offline graph optimisation: ONNX Runtime's own at load fuses LayerNormalization, QuickGelu, MatMul and
DynamicQuantizeMatMul, after which `onnxruntime.transformers.optimizer` (whose attention fusion does not
match) gained nothing in either precision, and a graph of standard operators opens everywhere.
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from optimum.exporters.onnx import OnnxConfig, export
from torch import nn
from transformers import PreTrainedModel

from aisle.errors import ModelError
from aisle.layout import IMAGE_GRAPH, TEXT_GRAPH
from aisle.manifest import Precision
from export.checkpoint import Checkpoint
from export.freeze import pixel_scale
from export.quiet import quiet
from export.towers import ImageOnnxConfig, ImageTower, TextOnnxConfig, TextTower

OPSET = 18
LARGEST_TOWER = 2**31 - 2**24
"""Bytes: a single ONNX file cannot pass 2 GiB, and a bundle keeps one file per graph."""

Say = Callable[[str], None]


def silent(_: str) -> None:
    """Say nothing."""


def write_graphs(
    checkpoint: Checkpoint, folder: Path, *, precision: Precision, say: Say = silent, float32: Path | None = None
) -> None:
    """Export both towers.

    Args:
        checkpoint: Stays as it is.
        folder: Receives `image.onnx` and `text.onnx`.
        precision: Of the graphs.
        say: Told what is being done: with a large model each step takes a minute.
        float32: Folder of the same checkpoint's float32 graphs, which int8 is made of; they are written when None.

    Raises:
        ModelError: A tower is too large for one ONNX file.
    """
    if precision is Precision.INT8:
        if float32 is not None:
            _quantise(float32, folder, say)
            return
        with TemporaryDirectory(prefix=".float32-", dir=folder) as temporary:
            write_graphs(checkpoint, Path(temporary), precision=Precision.FLOAT32, say=say)
            _quantise(Path(temporary), folder, say)
        return
    dtype = torch.float16 if precision is Precision.FLOAT16 else torch.float32
    pixels = pixel_scale(checkpoint.processor)
    config = checkpoint.model.config
    image = ImageTower(checkpoint.model, scale=pixels.scale, offset=pixels.offset, dtype=dtype)
    say(f"writing the {precision} graph of the picture tower")
    _export(image, ImageOnnxConfig(config.vision_config), folder / IMAGE_GRAPH)
    say(f"writing the {precision} graph of the text tower")
    _export(TextTower(checkpoint.model, dtype=dtype), TextOnnxConfig(config.text_config), folder / TEXT_GRAPH)


def _export(tower: PreTrainedModel, config: OnnxConfig, path: Path) -> None:
    size = parameter_bytes(tower)
    if size > LARGEST_TOWER:
        raise ModelError(
            f"{path.name} would hold {size:,} bytes of weights and one ONNX file holds at most {LARGEST_TOWER:,}: "
            "choose a smaller checkpoint"
        )
    with quiet():
        # The axes are declared right: optimum's repair of them would only run the graph once more.
        export(tower.eval(), config, path, opset=OPSET, disable_dynamic_axes_fix=True)


def parameter_bytes(model: nn.Module) -> int:
    """Bytes of all weights."""
    return sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())


def _quantise(float32: Path, folder: Path, say: Say) -> None:
    """Quantise the matrix products: seven-bit weights per output channel, activations per tensor at run time.

    The token table and everything that is not a product with weights stay float32.

    Args:
        float32: Folder of the float32 graphs.
        folder: Receives the int8 graphs.
        say: Told what is being done.
    """
    say("quantising both graphs to int8")
    with quiet():
        for name in (IMAGE_GRAPH, TEXT_GRAPH):
            quantize_dynamic(
                float32 / name,
                folder / name,
                op_types_to_quantize=["MatMul", "Gemm"],
                weight_type=QuantType.QInt8,  # unsigned weights ran at half the speed on VNNI
                per_channel=True,
                # Seven bits: with eight, x86 without VNNI (AMD before Zen 4, Intel before Cascade Lake) overflows its
                # 16-bit sums, and a bundle that passed the gate here would be wrong there. It costs 1e-4 of cosine.
                reduce_range=True,
            )
