"""What was predicted and what came in, as one Markdown table over all heats. Pure.

Floor: operations per picture over the measured matrix rate, bytes per picture over the measured
bandwidth; then the model alone and decoding alone; clipstore cannot pass the lower of these two.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.scorer_parts.heats import Heat

LINES = (
    "| model, files | 10⁹ operations per picture | matrix rate, 10¹² /s "
    "| arithmetic allows, pictures/s | memory allows, pictures/s | 1: model alone "
    "| 2: decoding alone | 3: clipstore, steady | 3 / min(1, 2) | model's share of the time |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
)


def floors_to_markdown(heats: Sequence[Heat]) -> str:
    """One row per heat."""
    return "\n".join([*LINES, *map(_line, heats)])


def _line(heat: Heat) -> str:
    size, ceilings, own = heat.checkpoint.architecture, heat.ceilings, heat.own
    cells = [f"{size.name}, {heat.pictures.format.name}", f"{size.flops_per_picture / 1e9:.1f}"]
    if ceilings is None:
        return f"| {' | '.join([*cells, *['not measured'] * 8])} |"
    half = own is not None and own.dtype != "float32"
    tera = ceilings.matrix_half_tflops if half else ceilings.matrix_tflops
    arithmetic = (tera or ceilings.matrix_tflops) * 1e12 / size.flops_per_picture
    batch = own.batch_size if own is not None else 1
    # Each batch reads all weights once; what a picture's activations move is left out.
    memory = ceilings.copy_gb_per_s * 1e9 * batch / size.weight_bytes
    lower = min(ceilings.model_per_second, ceilings.decode_per_second)
    cells += [f"{tera or ceilings.matrix_tflops:.2f}", f"{arithmetic:.3g}", f"{memory:.3g}"]
    cells += [f"{ceilings.model_per_second:.3g}", f"{ceilings.decode_per_second:.3g}"]
    if own is None or own.steady_per_second is None:
        cells += ["too few batches"] * 3
    else:
        ratio = own.steady_per_second / lower
        cells += [f"{own.steady_per_second:.3g}", f"**{ratio:.2f}**"]
        cells += [f"{100 * (own.model_share or 0):.0f} %"]
    return f"| {' | '.join(cells)} |"
