"""A tiny model bundle made by hand. The space has eight axes.

Texts: a word is an axis (red, green, blue, shirt, dress, shoe, striped; anything else is the eighth), a text is the
normalised sum of its words. Pictures: the mean red, green and blue, normalised.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace

from aisle.layout import IMAGE_GRAPH, PREPROCESS, TEXT_GRAPH, TOKENIZER
from aisle.manifest import MODEL_FILES, ModelManifest, Precision, model_fingerprint, record_files, save_model_manifest
from aisle.preprocess import Preprocess, save_preprocess

SIZE, DIMENSION = 16, 8
WORDS = ("red", "green", "blue", "shirt", "dress", "shoe", "striped")


def _graph(path: Path, nodes: list[onnx.NodeProto], source: onnx.ValueInfoProto, constants: dict[str, np.ndarray]):
    graph = helper.make_graph(
        nodes,
        path.stem,
        [source],
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["n", DIMENSION])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def make_bundle(models: Path, *, mirrored: bool = False) -> str:
    """Write a bundle; its fingerprint. In a mirrored one "red" means what "striped" does, and so on."""
    folder = models / "being-made"
    folder.mkdir(parents=True)
    # Each of the 2 x 2 cells of a picture gives a quarter of each colour axis.
    colours = np.zeros((3, 4, DIMENSION), dtype=np.float32)
    for channel in range(3):
        colours[channel, :, channel] = 0.25
    _graph(
        folder / IMAGE_GRAPH,
        [
            helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
            helper.make_node("AveragePool", ["planes"], ["cells"], kernel_shape=[8, 8], strides=[8, 8]),
            helper.make_node("Flatten", ["cells"], ["row"]),
            helper.make_node("MatMul", ["row", "colours"], ["sums"]),
            helper.make_node("LpNormalization", ["sums"], ["vectors"], axis=-1, p=2),
        ],
        helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", SIZE, SIZE, 3]),
        {"colours": colours.reshape(12, DIMENSION)},
    )
    table = np.zeros((9, DIMENSION), dtype=np.float32)  # row 0 pads, row 1 is the unknown word
    table[1, 7] = 1.0
    axes = np.eye(DIMENSION, dtype=np.float32)[:7]
    table[2:] = axes[::-1] if mirrored else axes
    _graph(
        folder / TEXT_GRAPH,
        [
            helper.make_node("Gather", ["table", "tokens"], ["words"]),
            helper.make_node("ReduceMean", ["words"], ["means"], axes=[1], keepdims=0),
            helper.make_node("LpNormalization", ["means"], ["vectors"], axis=-1, p=2),
        ],
        helper.make_tensor_value_info("tokens", TensorProto.INT64, ["n", "sequence"]),
        {"table": table},
    )
    vocabulary = {"[PAD]": 0, "[UNK]": 1} | {word: place + 2 for place, word in enumerate(WORDS)}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = Lowercase(), Whitespace()
    tokenizer.enable_padding(pad_id=0, pad_token="[PAD]")
    tokenizer.save(str(folder / TOKENIZER))
    save_preprocess(Preprocess(shortest_edge=SIZE, crop=SIZE, resample="bicubic", max_length=32), folder / PREPROCESS)
    files = record_files(folder, MODEL_FILES)
    fingerprint = model_fingerprint(files)
    manifest = ModelManifest(
        name="by hand",
        family="clip",
        precision=Precision.FLOAT32,
        dimension=DIMENSION,
        image_size=SIZE,
        max_length=32,
        fingerprint=fingerprint,
        files=files,
    )
    save_model_manifest(manifest, folder)
    folder.rename(models / fingerprint)
    return fingerprint
