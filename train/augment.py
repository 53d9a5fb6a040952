"""Random crop, flip and rotation of a whole batch in one resampling. Colours stay: they are what people search for."""

import math

import torch
from torch import Tensor

from aisle.types import PixelBatch

_LARGEST_STRETCH = 1.2


def crop_maps(n: int, *, crop_area: float, rotation: float, generator: torch.Generator) -> Tensor:
    """Draw the affine map of each of n pictures: crop, flip and rotation.

    Args:
        n: How many.
        crop_area: Smallest area of the crop, as a share of the picture; at most 1.
        rotation: Largest rotation, in degrees.
        generator: Where chance comes from, on the CPU.

    Returns:
        Maps from the result's coordinates (-1 to 1) to the picture's: float32 `[n, 2, 3]`.
    """

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(n, generator=generator)

    side = uniform(crop_area, 1.0).sqrt()
    stretch = uniform(-math.log(_LARGEST_STRETCH) / 2, math.log(_LARGEST_STRETCH) / 2).exp()
    width, height = (side * stretch).clamp(max=1.0), (side / stretch).clamp(max=1.0)
    left_right, up_down = uniform(-1.0, 1.0) * (1 - width), uniform(-1.0, 1.0) * (1 - height)
    flip = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
    angle = uniform(-rotation, rotation).deg2rad()
    cos, sin = angle.cos(), angle.sin()
    rows = [cos * width * flip, -sin * height, left_right, sin * width * flip, cos * height, up_down]
    return torch.stack(rows, dim=1).view(n, 2, 3)


def augmented(pixels: PixelBatch, maps: Tensor, *, size: int, device: torch.device) -> Tensor:
    """Resample each picture through its own map.

    Args:
        pixels: uint8 `[n, side, side, 3]`.
        maps: Of `crop_maps`, float32 `[n, 2, 3]`.
        size: Side of the result.
        device: Where to resample.

    Returns:
        float32 `[n, 3, size, size]`, 0 to 255. Outside the picture its border is repeated.
    """
    pictures = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float()
    grid = _grid(maps.to(device), size)
    return torch.nn.functional.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _grid(maps: Tensor, size: int) -> Tensor:
    """`affine_grid` without corner alignment, by broadcasting: its batched matrix product costs as much as sampling."""
    centres = (2 * torch.arange(size, device=maps.device) + 1) / size - 1
    across = maps[:, None, :, 0] * centres[None, :, None]
    down = maps[:, None, :, 1] * centres[None, :, None] + maps[:, None, :, 2]
    return across[:, None, :, :] + down[:, :, None, :]
