"""What the whole suite shares: a tiny model bundle made by hand, so that most tests need no torch."""

import signal
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers

from aisle.layout import IMAGE_GRAPH, PREPROCESS, TEXT_GRAPH, TOKENIZER, Layout
from aisle.manifest import MODEL_FILES, ModelManifest, Precision, model_fingerprint, record_files, save_model_manifest
from aisle.preprocess import Preprocess, save_preprocess

SIZE = 32
COLOURS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "white": (1, 1, 1), "black": (0, 0, 0)}
WORDS = ("shirt", "shoe", "bag", "hat", "striped", "dotted", "for", "men", "women")
DIMENSION = 16


def pytest_configure() -> None:
    """A shell that runs the suite in the background lets it ignore Ctrl-C, and so would every process a test starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose pictures are mean colours and whose texts name them: "red" is near a red picture."""
    return make_bundle(tmp_path_factory.mktemp("models"), seed=0)


@pytest.fixture(scope="session")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another model of the same shape, with another fingerprint."""
    return make_bundle(tmp_path_factory.mktemp("models"), seed=1)


def make_bundle(root: Path, *, seed: int) -> Path:
    """Write the five files of a bundle below `root/models` and return their folder."""
    layout = Layout(root=root)
    folder = root / "making"
    folder.mkdir(parents=True)
    projection = np.linalg.qr(np.random.default_rng(seed).normal(size=(DIMENSION, DIMENSION)))[0].astype(np.float32)
    _write_image_graph(folder / IMAGE_GRAPH, projection)
    _write_text_graph(folder / TEXT_GRAPH, projection)
    vocabulary = {word: i for i, word in enumerate(["[pad]", "[unk]", *COLOURS, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[unk]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.enable_padding(pad_id=0, pad_token="[pad]")
    tokenizer.save(str(folder / TOKENIZER))
    save_preprocess(Preprocess(shortest_edge=SIZE, crop=SIZE, resample="bicubic", max_length=16), folder / PREPROCESS)
    files = record_files(folder, MODEL_FILES)
    manifest = ModelManifest(
        name=f"tiny-{seed}",
        family="clip",
        precision=Precision.FLOAT32,
        dimension=DIMENSION,
        image_size=SIZE,
        max_length=16,
        fingerprint=model_fingerprint(files),
        files=files,
    )
    save_model_manifest(manifest, folder)
    target = layout.model(manifest.fingerprint)
    target.parent.mkdir(parents=True, exist_ok=True)
    return folder.rename(target)


def _write_image_graph(path: Path, projection: np.ndarray) -> None:
    """Mean colour of each quadrant, centred: 12 numbers, and 4 constants, rotated and scaled to norm 1."""
    nodes = [
        helper.make_node("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["planes"], ["means"], kernel_shape=[SIZE // 2] * 2, strides=[SIZE // 2] * 2),
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("Sub", ["flat", "grey"], ["centred"]),
        helper.make_node("Pad", ["centred", "pads", "one"], ["padded"]),
        *_rotated("padded"),
    ]
    _save(
        path,
        nodes,
        helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", SIZE, SIZE, 3]),
        {
            "grey": np.float32(127.5),
            "pads": np.array([0, 0, 0, DIMENSION - 12], dtype=np.int64),
            "one": np.float32(20.0),
            "projection": projection,
        },
    )


def _write_text_graph(path: Path, projection: np.ndarray) -> None:
    """Sum of the words' rows: a colour word is the vector of a picture of that colour."""
    table = np.zeros((2 + len(COLOURS) + len(WORDS), DIMENSION), dtype=np.float32)
    for row, colour in enumerate(COLOURS.values(), start=2):
        table[row, :12] = np.repeat(np.array(colour) * 255.0 - 127.5, 4)
    table[2:, 12:] = 20.0
    for i in range(len(WORDS)):
        table[2 + len(COLOURS) + i, 12 + i % 4] += 5.0 * (1 + i // 4)
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("ReduceSum", ["rows", "axis"], ["summed"], keepdims=0),
        helper.make_node("Add", ["summed", "tiny"], ["moved"]),
        *_rotated("moved"),
    ]
    _save(
        path,
        nodes,
        helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "sequence"]),
        {
            "table": table,
            "axis": np.array([1], dtype=np.int64),
            "tiny": np.float32(1e-3),
            "projection": projection,
        },
    )


def _rotated(name: str) -> list[onnx.NodeProto]:
    return [
        helper.make_node("MatMul", [name, "projection"], ["rotated"]),
        helper.make_node("LpNormalization", ["rotated"], ["embeds"], axis=1, p=2),
    ]


def _save(path: Path, nodes: list[onnx.NodeProto], model_input: onnx.ValueInfoProto, constants: dict) -> None:
    graph = helper.make_graph(
        nodes,
        "tower",
        [model_input],
        [helper.make_tensor_value_info("embeds", TensorProto.FLOAT, ["batch", DIMENSION])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, path)
