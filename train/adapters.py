"""LoRA (Hu et al. 2021, arXiv:2106.09685) through peft: small matrices beside frozen ones."""

from torch import Tensor
from torch.nn import Module

from aisle.errors import SettingsError

_MATRICES = ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"]
"""All matrices of a CLIP layer, in both towers."""

_TRAINED = ("lora_A", "lora_B", "visual_projection", "text_projection", "logit_scale")
_ADAPTER = "default"
_BASE = ".base_layer"


def add_adapters(model: Module, *, rank: int) -> None:
    """Freeze a CLIP model and put adapters that do nothing yet beside the matrices of its layers, in place.

    What stays to be trained are the adapters, both projections and the temperature. Of random numbers the adapters'
    start takes torch's.

    Args:
        model: A `CLIPModel`.
        rank: Of the adapters.

    Raises:
        SettingsError: peft is not installed.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise SettingsError("lora_rank needs the package peft: pip install 'aisle[train]'") from error
    config = LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules=_MATRICES)
    inject_adapter_in_model(config, model, adapter_name=_ADAPTER)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(any(part in _TRAINED for part in name.split(".")))


def merged_weights(model: Module) -> dict[str, Tensor]:
    """The weights of an ordinary model that computes what this one computes: adapters are added to their matrices.

    The model itself stays as it is.
    """
    weights: dict[str, Tensor] = model.state_dict()
    for name, layer in model.named_modules():
        if hasattr(layer, "get_delta_weight"):
            base = f"{name}{_BASE}.weight"
            weights[base] = weights[base] + layer.get_delta_weight(_ADAPTER).detach()
    return {name.replace(_BASE, ""): tensor for name, tensor in weights.items() if ".lora_" not in name}
