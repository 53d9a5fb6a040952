"""The whole way from a checkpoint to a bundle."""

import json
import os
import shutil
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import CLIPModel

from aisle.encoder import OnnxEncoder
from aisle.errors import ModelError, ParityError, ProviderUnavailable
from aisle.layout import Layout
from aisle.machine import Provider
from aisle.manifest import MODEL_FILES, Precision, load_model_manifest
from export.bundle import ABANDONED_SECONDS, ExportResult, export_checkpoint
from export.sample import ParitySample


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_bundle_is_five_files_and_leaves_nothing_beside_it(float32: ExportResult) -> None:
    assert names(float32.folder) == {*MODEL_FILES, "model.json"}
    assert names(float32.folder.parent) == {float32.manifest.fingerprint}
    assert load_model_manifest(float32.folder) == float32.manifest


def test_the_manifest_says_what_it_is_and_how_it_was_judged(float32: ExportResult, sample: ParitySample) -> None:
    values = json.loads((float32.folder / "model.json").read_text(encoding="utf-8"))
    assert (values["name"], values["family"], values["precision"]) == ("tiny-clip", "clip", "float32")
    assert (values["dimension"], values["image_size"], values["max_length"]) == (16, 32, 77)
    assert {"aisle", "torch", "transformers", "optimum-onnx", "onnx", "onnxruntime"} <= set(values["versions"])
    parity = values["parity"]
    assert (parity["chosen"], parity["forced"], parity["provider"]) == ("float32", True, "cpu")
    assert parity["sample"] == {"source": "drawn", "images": 32, "texts": 32}
    figures = parity["candidates"]["float32"]
    assert figures["passed"] is True
    assert figures["text_worst_cosine"] > 0.99999
    assert figures["images_per_s"] > 0


def test_stock_tools_open_the_files(float32: ExportResult) -> None:
    image = onnxruntime.InferenceSession(float32.folder / "image.onnx")
    text = onnxruntime.InferenceSession(float32.folder / "text.onnx")
    described = [(i.name, i.type, i.shape) for s in (image, text) for i in (*s.get_inputs(), *s.get_outputs())]
    assert described == [
        ("pixels", "tensor(uint8)", ["batch", 32, 32, 3]),
        ("image_embeds", "tensor(float)", ["batch", 16]),
        ("input_ids", "tensor(int64)", ["batch", "sequence"]),
        ("text_embeds", "tensor(float)", ["batch", 16]),
    ]
    assert Tokenizer.from_file(str(float32.folder / "tokenizer.json")).padding is not None
    for name in ("image.onnx", "text.onnx"):
        domains = {node.domain for node in onnx.load(float32.folder / name).graph.node}
        assert domains <= {"", "ai.onnx"}


def test_exporting_again_keeps_the_bundle(
    float32: ExportResult, checkpoint_folder: Path, sample: ParitySample, tmp_path: Path
) -> None:
    elsewhere = export_checkpoint(
        str(checkpoint_folder), layout=Layout(tmp_path), precision=Precision.FLOAT32, sample=sample
    )
    assert elsewhere.manifest.fingerprint == float32.manifest.fingerprint
    assert not elsewhere.reused
    written = (elsewhere.folder / "model.json").stat().st_mtime_ns
    again = export_checkpoint(
        str(checkpoint_folder), layout=Layout(tmp_path), precision=Precision.FLOAT32, sample=sample
    )
    assert again.reused
    assert (again.folder / "model.json").stat().st_mtime_ns == written
    # A damaged one is no bundle: it is replaced.
    (again.folder / "image.onnx").write_bytes(b"damaged")
    mended = export_checkpoint(
        str(checkpoint_folder), layout=Layout(tmp_path), precision=Precision.FLOAT32, sample=sample
    )
    assert not mended.reused
    assert load_model_manifest(mended.folder).fingerprint == float32.manifest.fingerprint
    assert names(tmp_path / "models") == {float32.manifest.fingerprint}


def test_an_equal_request_is_answered_without_work(
    checkpoint_folder: Path, sample: ParitySample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "checkpoint"
    shutil.copytree(checkpoint_folder, model)
    layout = Layout(tmp_path / "shop")
    first = export_checkpoint(str(model), layout=layout, sample=sample)

    def written(*_: object, **__: object) -> None:
        raise AssertionError("graphs are written again")

    monkeypatch.setattr("export.bundle.write_graphs", written)
    told: list[str] = []
    again = export_checkpoint(str(model), layout=layout, sample=sample, say=told.append)
    assert (again.folder, again.manifest, again.reused) == (first.folder, first.manifest, True)
    assert [row.precision for row in again.rows] == [row.precision for row in first.rows]
    assert all(row.passed for row in again.rows)
    assert "was exported before" in told[-1]
    (model / "report.html").write_text("not a part of the checkpoint")
    assert export_checkpoint(str(model), layout=layout, sample=sample).reused
    # Whatever might lead to another bundle is worked out anew.
    other = ParitySample(images=sample.images, texts=sample.texts[1:])
    with pytest.raises(AssertionError, match="written again"):
        export_checkpoint(str(model), layout=layout, sample=other)
    with pytest.raises(AssertionError, match="written again"):
        export_checkpoint(str(model), layout=layout, sample=sample, precision=Precision.FLOAT32)
    with pytest.raises(AssertionError, match="written again"):
        export_checkpoint(str(model), layout=Layout(tmp_path / "elsewhere"), sample=sample)
    monkeypatch.setattr("export.bundle.version", lambda _: "another")
    with pytest.raises(AssertionError, match="written again"):
        export_checkpoint(str(model), layout=layout, sample=sample)
    monkeypatch.undo()
    # Another request that ends in the same bundle is answered by it from then on.
    for _ in range(2):
        forced = export_checkpoint(str(model), layout=layout, sample=sample, precision=first.manifest.precision)
        assert (forced.folder, forced.reused) == (first.folder, True)
        monkeypatch.setattr("export.bundle.write_graphs", written)
    monkeypatch.undo()

    monkeypatch.setattr("export.bundle.write_graphs", written)
    assert export_checkpoint(str(model), layout=layout, sample=other, any_comparison=True).folder == first.folder
    weights = load_file(model / "model.safetensors")
    weights["logit_scale"] = weights["logit_scale"] + 1
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    for any_comparison in (True, False):  # another checkpoint is another bundle
        with pytest.raises(AssertionError, match="written again"):
            export_checkpoint(str(model), layout=layout, sample=sample, any_comparison=any_comparison)


def test_without_a_forced_precision_every_candidate_is_judged(
    checkpoint_folder: Path, sample: ParitySample, tmp_path: Path
) -> None:
    told: list[str] = []
    result = export_checkpoint(str(checkpoint_folder), layout=Layout(tmp_path), sample=sample, say=told.append)
    assert [row.precision for row in result.rows] == [Precision.INT8, Precision.FLOAT32]
    assert all(row.passed for row in result.rows)
    parity = result.manifest.parity
    assert parity["forced"] is False
    assert set(parity["candidates"]) == {"int8", "float32"}
    assert parity["chosen"] == result.manifest.precision
    assert told[0].startswith("opening")
    assert result.manifest.fingerprint in told[-1]


@pytest.mark.parametrize("precision", [Precision.INT8, Precision.FLOAT16])
def test_a_forced_precision_is_written_and_said(
    precision: Precision, checkpoint_folder: Path, float32: ExportResult, sample: ParitySample, tmp_path: Path
) -> None:
    result = export_checkpoint(str(checkpoint_folder), layout=Layout(tmp_path), precision=precision, sample=sample)
    assert result.manifest.precision is precision
    assert result.manifest.parity["forced"] is True
    assert [row.precision for row in result.rows] == [precision]
    encoder = OnnxEncoder(result.folder, provider=Provider.CPU)
    norms = np.linalg.norm(encoder.encode_texts(["red shoe", "", "a long text " * 40]), axis=1)
    np.testing.assert_allclose(norms, 1, atol=1e-6)  # the norm is float32 in every precision
    wanted = {Precision.INT8: onnx.TensorProto.INT8, Precision.FLOAT16: onnx.TensorProto.FLOAT16}[precision]
    graph = onnx.load(result.folder / "image.onnx").graph
    assert sum(weights.data_type == wanted for weights in graph.initializer) >= 8
    assert result.manifest.fingerprint != float32.manifest.fingerprint


@pytest.fixture(scope="session")
def outliers(checkpoint_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with one huge activation that the next weights undo: exact in floating point, fatal in int8."""
    folder = tmp_path_factory.mktemp("outliers") / "outliers"
    shutil.copytree(checkpoint_folder, folder)
    model = CLIPModel.from_pretrained(folder)
    with torch.no_grad():
        for layer in (*model.text_model.encoder.layers, *model.vision_model.encoder.layers):
            layer.mlp.fc1.weight *= 20
            layer.mlp.fc2.weight *= 20
            layer.mlp.fc1.bias[0] = 3000
            layer.mlp.fc2.weight[:, 0] = 0
    model.save_pretrained(folder)
    return folder


def test_int8_that_fails_the_gate_is_refused_when_forced(outliers: Path, sample: ParitySample, tmp_path: Path) -> None:
    with pytest.raises(
        ParityError, match=r"outliers does not pass .* int8: image cosine, mean 0\.\d{4} \(needs 0\.99\)"
    ):
        export_checkpoint(str(outliers), layout=Layout(tmp_path), precision=Precision.INT8, sample=sample)
    assert names(tmp_path / "models") == set()


def test_int8_that_fails_the_gate_gives_way_to_float32(outliers: Path, sample: ParitySample, tmp_path: Path) -> None:
    result = export_checkpoint(str(outliers), layout=Layout(tmp_path), sample=sample)
    assert result.manifest.precision is Precision.FLOAT32
    assert [row.passed for row in result.rows] == [False, True]
    assert result.manifest.parity["candidates"]["int8"]["passed"] is False


def test_a_missing_provider_is_an_error(checkpoint_folder: Path, tmp_path: Path) -> None:
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine has the provider that must be missing")
    with pytest.raises(ProviderUnavailable, match="cuda is not available"):
        export_checkpoint(str(checkpoint_folder), layout=Layout(tmp_path), provider=Provider.CUDA)


def test_a_full_disk_is_said_beforehand(
    checkpoint_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 9, 1000))
    with pytest.raises(ModelError, match="1,000 are free"):
        export_checkpoint(str(checkpoint_folder), layout=Layout(tmp_path))
    assert names(tmp_path / "models") == set()


def test_what_a_killed_export_left_is_swept_and_a_running_one_is_not(
    checkpoint_folder: Path, tmp_path: Path, sample: ParitySample
) -> None:
    dead, alive = tmp_path / "models" / ".export.tmp-dead", tmp_path / "models" / ".export.tmp-alive"
    for folder in (dead, alive):
        folder.mkdir(parents=True)
        (folder / "image.onnx").write_bytes(b"half")
    long_ago = time.time() - ABANDONED_SECONDS - 60
    os.utime(dead, (long_ago, long_ago))
    export_checkpoint(str(checkpoint_folder), layout=Layout(tmp_path), precision=Precision.FLOAT32, sample=sample)
    assert not dead.exists()
    assert (alive / "image.onnx").read_bytes() == b"half"
