"""Prepared bytes to unit vectors: the image network in one dtype, on one device.

Invariant: the level table, the last normalisation and what follows are float32 whatever the dtype
of the network.
"""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import Tensor, nn

from clipstore.model.vectors import Dtype


class ImageTower:
    """Bytes (n, side, side, 3) on its device to vectors of length 1 (n, dimension), float32."""

    def __init__(
        self, network: nn.Module, level_table: Tensor, dtype: Dtype, device_type: str
    ) -> None:
        """`network` is on the device, in `dtype` but for bfloat16, and (3, 256) is the table's."""
        self.network = network
        self.dtype = dtype
        self._table = level_table
        self._device_type = device_type

    def with_network(self, network: nn.Module) -> ImageTower:
        """The same with another form of the network."""
        return ImageTower(network, self._table, self.dtype, self._device_type)

    def __call__(self, pixels: Tensor) -> Tensor:
        with torch.inference_mode():
            values = look_up(pixels, self._table)
            if self.dtype == "float16":
                values = values.half()
            # In bfloat16 the sums stay in float32, which halves its error at the same speed.
            with (
                torch.autocast(self._device_type, torch.bfloat16)
                if self.dtype == "bfloat16"
                else nullcontext()
            ):
                features: Tensor = self.network(values)
            return unit_rows(features)


def look_up(pixels: Tensor, level_table: Tensor) -> Tensor:
    """Bytes (n, side, side, 3) to the network's input (n, 3, side, side) by the table (3, 256)."""
    planes = [
        torch.index_select(level_table[channel], 0, pixels[..., channel].flatten().int())
        for channel in range(3)
    ]
    n, height, width, _ = pixels.shape
    return torch.stack([plane.view(n, height, width) for plane in planes], dim=1)


def unit_rows(features: Tensor) -> Tensor:
    """Features (n, dimension) to vectors of length 1 in float32; 0/0 gives NaN."""
    exact = features.float()
    units: Tensor = exact / exact.norm(dim=-1, keepdim=True)
    return units
