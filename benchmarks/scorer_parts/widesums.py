"""float16 on a CPU as a GPU's matrix units do it: products of float16 numbers, summed in float32,
rounded to float16 at the end of each operation.

torch sums them so on a CPU too, but without units for float16 in a loop on one core: hours for a
large model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode


class SumsInFloat32(TorchFunctionMode):
    """While it is entered, matrix products, convolutions and attention of float16 tensors go by
    float32. All else stays what it is."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        is_half = bool(args) and getattr(args[0], "dtype", None) == torch.float16
        if is_half and func is functional.scaled_dot_product_attention:
            return _attention(*args, **kwargs)
        if is_half and func in (functional.linear, torch.conv2d):
            wide = {name: _wide(value) for name, value in kwargs.items()}
            return func(*map(_wide, args), **wide).half()
        return func(*args, **kwargs)


def _attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
) -> torch.Tensor:
    """(batch, heads, tokens, size) each. The weights are rounded to float16 before the second
    product, as a fused kernel does."""
    if attn_mask is not None or dropout_p or is_causal:
        raise NotImplementedError("an image tower's attention has no mask and no dropout")
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    weights = (query.float() @ key.float().transpose(-1, -2) * scale).softmax(-1)
    return (weights.half().float() @ value.float()).half()


def _wide(value: Any) -> Any:
    is_half = isinstance(value, torch.Tensor) and value.dtype == torch.float16
    return value.float() if is_half else value
