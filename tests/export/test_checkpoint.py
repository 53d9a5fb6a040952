"""Every way a checkpoint can be unusable is one line that says what to do."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from aisle.errors import ModelError
from export.checkpoint import open_checkpoint


def without(*names: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return change


def truncated(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])

    return change


def with_values(name: str, **values: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        found = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(found | values))

    return change


def lfs_pointer(folder: Path) -> None:
    (folder / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")


def fewer_weights(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["text_projection.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def missing_shard(folder: Path) -> None:
    index = {"metadata": {}, "weight_map": {"logit_scale": "model-00001-of-00002.safetensors"}}
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def pickle_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"half a file")


DAMAGE = {
    "no config": (without("config.json"), "has no config.json: give the folder of a checkpoint"),
    "config cut": (truncated("config.json"), r"config\.json cannot be read .* half-downloaded"),
    "siglip": (with_values("config.json", model_type="siglip"), "model_type 'siglip'; Aisle exports 'clip'"),
    "bert": (with_values("config.json", model_type="bert"), "model_type 'bert'"),
    "no weights": (without("model.safetensors"), "has no weights .* half-downloaded"),
    "weights cut": (truncated("model.safetensors"), "model.safetensors is truncated"),
    "lfs pointer": (lfs_pointer, r"model.safetensors is truncated or not a safetensors file \(\d+ bytes"),
    "weights missing": (fewer_weights, "lacks 1 weights of CLIPModel, the first is text_projection.weight"),
    "shard missing": (missing_shard, "lacks the weights model-00001-of-00002.safetensors"),
    "bin cut": (pickle_weights, "pytorch_model.bin is truncated"),
    "no tokenizer": (without("tokenizer.json", "vocab.json", "merges.txt"), "has no tokenizer"),
    "tokenizer cut": (truncated("tokenizer.json"), "tokenizer of .* cannot be opened"),
    "no processor": (without("preprocessor_config.json"), "has no preprocessor_config.json"),
    "other processor": (
        with_values("preprocessor_config.json", image_processor_type="ViTImageProcessor"),
        "prepares pictures with ViTImageProcessor",
    ),
}


@pytest.mark.parametrize(("change", "message"), DAMAGE.values(), ids=DAMAGE.keys())
def test_damage_is_named(change: Callable[[Path], None], message: str, checkpoint_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    shutil.copytree(checkpoint_folder, folder)
    change(folder)
    with pytest.raises(ModelError, match=message) as caught:
        open_checkpoint(str(folder))
    assert "\n" not in str(caught.value)


def test_the_name_is_the_folders(checkpoint_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkpoint_folder)
    assert open_checkpoint(".").name == "tiny-clip"
