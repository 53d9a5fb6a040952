"""What a run needs to go on after a kill: weights, optimizer moments and the step, in one safetensors file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from aisle.errors import ModelError, SettingsError
from aisle.files import write_atomically
from train.optimizer import Optimizer
from train.standing import Standing

FORMAT_VERSION = 1
_HEADER = "aisle.training"


@dataclass(frozen=True, slots=True)
class Position:
    """How far a run has come.

    Attributes:
        step: Steps done.
        steps_per_epoch: Of this run; another number means other catalogs or another batch.
        standing: Against its own best.
    """

    step: int
    steps_per_epoch: int
    standing: Standing = field(default_factory=Standing)


Settings = Mapping[str, int | float | str | bool]
"""What a resumed run must have in common with its beginning, by name."""


def save_state(
    path: Path, model: torch.nn.Module, optimizer: Optimizer, position: Position, *, settings: Settings
) -> None:
    """Write the state; it appears whole or the former one stays."""
    tensors = {f"model.{name}": tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state_of(parameter).items():
            tensors[f"optimizer.{key}.{name}"] = value.detach().cpu().contiguous()
    header = {
        "format_version": FORMAT_VERSION,
        "optimizer": optimizer.kind,
        "settings": dict(settings),
        **asdict(position),
    }
    write_atomically(path, lambda file: save_file(tensors, file, metadata={_HEADER: json.dumps(header)}))


def load_state(path: Path, model: torch.nn.Module, optimizer: Optimizer, *, settings: Settings) -> Position:
    """Fill model and optimizer from a file of `save_state`.

    Raises:
        SettingsError: It is of a run with other settings.
        ModelError: It is damaged, of another format version, or of another model.
    """
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            header = json.loads((file.metadata() or {})[_HEADER])
            if header.pop("format_version") != FORMAT_VERSION:
                raise ModelError(f"{path} is of another format version: start the run again in another folder")
            then = {"optimizer": header.pop("optimizer"), **header.pop("settings", {})}
            _check({"optimizer": optimizer.kind, **settings}, then, path)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        weights = {name.removeprefix("model."): t for name, t in tensors.items() if name.startswith("model.")}
        model.load_state_dict(weights)
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise ModelError(f"{path} cannot be resumed ({error}): start the run again in another folder") from error
    _fill(optimizer, model, tensors)
    return Position(**{**header, "standing": Standing(**header.get("standing", {}))})


def _check(now: Settings, then: Settings, path: Path) -> None:
    for name, value in now.items():
        if then.get(name, value) != value:
            raise SettingsError(
                f"{path} is of a run with {name} {then[name]}, not {value}: resume with the settings of then, or start "
                "again in another folder"
            )


def _fill(optimizer: Optimizer, model: torch.nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    parameters = dict(model.named_parameters())
    for name, tensor in tensors.items():
        kind, _, rest = name.partition(".")
        if kind == "optimizer":
            key, _, parameter = rest.partition(".")
            optimizer.state_of(parameters[parameter])[key] = tensor.to(parameters[parameter].device)
