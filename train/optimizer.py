"""AdamW over two groups of parameters, and the learning rate of every step."""

import math

import torch

_NO_DECAY = ("bias", "logit_scale", "class_embedding", "position_embedding.weight")


def parameter_groups(model: torch.nn.Module, *, weight_decay: float) -> list[dict[str, object]]:
    """Split the trainable parameters: matrices decay; biases, norms, positions and the temperature do not."""
    decayed: list[torch.nn.Parameter] = []
    others: list[torch.nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            spared = parameter.ndim < 2 or name.endswith(_NO_DECAY)
            (others if spared else decayed).append(parameter)
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def adamw(model: torch.nn.Module, *, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101) with CLIP's betas, which forget old squares sooner."""
    groups = parameter_groups(model, weight_decay=weight_decay)
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.98), eps=1e-6, fused=True)


def learning_rate_at(step: int, *, steps: int, warm_up: float, peak: float) -> float:
    """Linear rise over the first `warm_up` share of the steps, then half a cosine down to zero.

    Args:
        step: From 0 to `steps` - 1.
        steps: Of the whole run.
        warm_up: Share of the steps, 0 to below 1.
        peak: The largest rate.
    """
    rising = math.ceil(warm_up * steps)
    if step < rising:
        return peak * (step + 1) / rising
    share = (step - rising) / max(1, steps - rising)
    return peak * (1 + math.cos(math.pi * share)) / 2
