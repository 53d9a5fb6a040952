"""Finding a checkpoint when there is no hub. The hub is never asked: what it would answer is put in."""

from pathlib import Path
from unittest.mock import Mock

import huggingface_hub
import pytest
import requests
from huggingface_hub.errors import GatedRepoError, OfflineModeIsEnabled, RepositoryNotFoundError

from aisle.errors import ModelError
from export.hub import TIMEOUT_SECONDS, find_checkpoint


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (requests.ConnectionError("no route"), "the hub cannot be reached .* give a local folder .* HF_HOME"),
        (requests.ReadTimeout("slow"), "the hub cannot be reached .ReadTimeout"),
        (OfflineModeIsEnabled("offline"), "switched off by HF_HUB_OFFLINE and nobody/nothing is not in its cache"),
        (RepositoryNotFoundError("404", response=Mock()), "the hub has no model nobody/nothing: check the name"),
        (GatedRepoError("403", response=Mock()), "nobody/nothing is gated"),
        (OSError(28, "No space left on device"), "does not fit on this disk"),
    ],
)
def test_what_the_hub_answers_is_one_line(answer: Exception, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = Mock(side_effect=answer)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", ask)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)  # nothing may leave this machine
    with pytest.raises(ModelError, match=message) as caught:
        find_checkpoint("nobody/nothing")
    assert "\n" not in str(caught.value)
    ask.assert_called_once_with("nobody/nothing", timeout=TIMEOUT_SECONDS)  # one bounded question, no retries


@pytest.mark.parametrize("model", ["nothing-here", "./nothing/here", "/nothing/here", "~/nothing", "one/two/three"])
def test_a_path_that_is_not_there_never_asks_the_hub(model: str) -> None:
    with pytest.raises(ModelError, match="does not exist; give a folder, or a hub id"):
        find_checkpoint(model)


def test_a_file_is_not_a_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ModelError, match="is a file; give the checkpoint's folder"):
        find_checkpoint(str(tmp_path / "model.safetensors"))


def test_a_local_folder_wins_over_a_hub_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "openai" / "clip").mkdir(parents=True)
    assert find_checkpoint("openai/clip") == Path("openai/clip")


def test_weights_are_fetched_once_in_the_safe_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [Mock(rfilename=name) for name in ("config.json", "model.safetensors", "pytorch_model.bin")]
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", Mock(return_value=Mock(siblings=files)))
    fetch = Mock(return_value=str(tmp_path))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    assert find_checkpoint("owner/name") == tmp_path
    assert "*.safetensors" in fetch.call_args.kwargs["allow_patterns"]
    assert not any("bin" in pattern for pattern in fetch.call_args.kwargs["allow_patterns"])
