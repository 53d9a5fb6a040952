"""The optimizer over all parameters of a model, and the learning rate of every step."""

import math
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor
from torch.nn import Module, Parameter

_NO_DECAY = ("bias", "logit_scale", "class_embedding", "position_embedding.weight")
_INSIDE = ".encoder.layers."


@dataclass(frozen=True, slots=True)
class ParameterGroups:
    """The trainable parameters of a model.

    Attributes:
        inside: Matrices of the towers' layers.
        decayed: Other matrices: patch filters, tokens, projections.
        spared: Biases, norms, positions and the temperature, which do not decay.
    """

    inside: list[Parameter] = field(default_factory=list)
    decayed: list[Parameter] = field(default_factory=list)
    spared: list[Parameter] = field(default_factory=list)


def parameter_groups(model: Module) -> ParameterGroups:
    """Sort the trainable parameters of a model."""
    groups = ParameterGroups()
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if parameter.ndim < 2 or name.endswith(_NO_DECAY):
            groups.spared.append(parameter)
        elif _INSIDE in name and parameter.ndim == 2:
            groups.inside.append(parameter)
        else:
            groups.decayed.append(parameter)
    return groups


class Optimizer:
    """AdamW for all parameters, or Muon for the matrices inside the towers and AdamW for the others.

    AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101) has CLIP's betas, which forget old squares sooner. Muon (Jordan
    et al. 2024, https://kellerjordan.github.io/posts/muon/) moves every matrix by an orthogonal one: a small model that
    starts from nothing learns shapes and textures in a fraction of the steps.
    """

    def __init__(
        self, model: Module, *, learning_rate: float, weight_decay: float, muon_learning_rate: float = 0.0
    ) -> None:
        """Take hold of the trainable parameters.

        Args:
            model: Whose parameters `step` changes.
            learning_rate: AdamW's peak.
            weight_decay: Per unit of AdamW's learning rate; Muon's matrices decay as fast.
            muon_learning_rate: Muon's peak; 0 leaves every parameter to AdamW.
        """
        groups = parameter_groups(model)
        muon = groups.inside if muon_learning_rate else []
        decayed = groups.decayed if muon else [*groups.decayed, *groups.inside]
        adamw = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": weight_decay}, {"params": groups.spared, "weight_decay": 0.0}],
            lr=learning_rate,
            betas=(0.9, 0.98),
            eps=1e-6,
            fused=True,
        )
        self._parts: list[tuple[torch.optim.Optimizer, float]] = [(adamw, learning_rate)]
        self._state = dict.fromkeys([*decayed, *groups.spared], adamw.state)
        if muon:
            decay = weight_decay * learning_rate / muon_learning_rate
            part = torch.optim.Muon(muon, lr=muon_learning_rate, weight_decay=decay)
            self._parts.append((part, muon_learning_rate))
            self._state |= dict.fromkeys(muon, part.state)

    def step(self, share: float) -> None:
        """Move the parameters by the gradients they hold, at this share of the peak learning rates."""
        for part, peak in self._parts:
            for group in part.param_groups:
                group["lr"] = peak * share
            part.step()

    @property
    def kind(self) -> Literal["adamw", "muon"]:
        """Which: states of one do not fit the other."""
        return "muon" if len(self._parts) > 1 else "adamw"

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for part, _ in self._parts:
            part.zero_grad(set_to_none=True)

    def state_of(self, parameter: Parameter) -> dict[str, Tensor]:
        """What is remembered of a parameter, by name: to be read, and to be filled when a run is resumed.

        A frozen parameter has nothing.
        """
        state = self._state.get(parameter)
        return {} if state is None else state[parameter]


def schedule(step: int, *, steps: int, warm_up: float) -> float:
    """Share of the peak learning rate: a linear rise over the first `warm_up`, then half a cosine down to zero.

    Args:
        step: From 0 to `steps` - 1.
        steps: Of the whole run.
        warm_up: Share of the steps, 0 to below 1.
    """
    rising = math.ceil(warm_up * steps)
    if step < rising:
        return (step + 1) / rising
    share = (step - rising) / max(1, steps - rising)
    return (1 + math.cos(math.pi * share)) / 2
