"""What `benchmarks.gpu` found, as Markdown. Pure.

Invariant: what was not measured says so, and why.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.scorer_parts.errortables import errors_to_markdown
from benchmarks.scorer_parts.gpumodel import LoopFigures, ModelFigures
from benchmarks.scorer_parts.machine import Machine
from benchmarks.scorer_parts.speedtables import NO_GPU

HOW = """\
*Model alone*: full batches of pixels that lie in memory, the next call always begun before one is
waited for. *Decoding alone*: files in the page cache to pixels, with a reading process per core.
*Ingest, steady*: `clipstore ingest` between its first and its last call of the model; *whole*: from
its beginning to the end of its merge, the start of the readers included. The ratio is steady over
the lower one of the first two; 0.85 is wanted on a GPU, and on a CPU model and decoding share the
cores. All in pictures a second. Weights are random, of the true sizes."""


def gpu_to_markdown(
    machine: Machine, models: Sequence[ModelFigures], missing: Sequence[str], seconds: float
) -> str:
    """The file. `missing` are steps that were not taken, each with why; `seconds` all so far."""
    lines = [
        "# The scorer on a GPU",
        "",
        f"Written by `python -m benchmarks.gpu` after {seconds / 60:.1f} minutes.",
        "",
        machine.to_sentence(),
    ]
    if machine.device != "cuda":
        lines += ["", f"**N{NO_GPU[1:]}: these figures are a CPU's.**"]
    lines += [
        *("", HOW, ""),
        "| model, files | ran in, batch | 1: model alone | 2: decoding alone | 3: ingest, steady "
        "| 3 / min(1, 2) | ingest, whole | model's share of the steady time |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(_loop_line(model, loop) for model in models for loop in model.loops),
        *("", "## Compiling", ""),
        "| model | not compiled | compiled | compiling took, s |",
        "| --- | ---: | ---: | ---: |",
        *map(_compile_line, models),
        *("", "## Error", "", "Pictures are drawn; the reference is transformers in float32.", ""),
        errors_to_markdown([model.errors for model in models if model.errors is not None]),
        "",
        *(f"- not measured: {why}" for why in missing),
        *(f"- {model.name}: {sentence}" for model in models for sentence in model.said),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _loop_line(model: ModelFigures, loop: LoopFigures) -> str:
    cells = [
        f"{model.name}, {loop.n_files:,} {loop.form}",
        f"{model.dtype}, {model.batch_size}",
        *(f"{loop.model_per_s:.4g}", f"{loop.decode_per_s:.4g}"),
        "too few batches" if loop.steady_per_s is None else f"{loop.steady_per_s:.4g}",
        "" if loop.ratio is None else f"**{loop.ratio:.2f}**",
        f"{loop.whole_per_s:.4g}",
        "" if loop.model_share is None else f"{100 * loop.model_share:.0f} %",
    ]
    return f"| {' | '.join(cells)} |"


def _compile_line(model: ModelFigures) -> str:
    found = model.compiled
    if found is None:
        return f"| {model.name} | not measured | | |"
    rates = f"{found.plain_per_s:.4g} | {found.compiled_per_s:.4g}"
    return f"| {model.name} | {rates} | {found.seconds:.0f} |"
