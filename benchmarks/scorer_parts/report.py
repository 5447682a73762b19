"""All findings to one Markdown file. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.scorer_parts.contestants import OURS
from benchmarks.scorer_parts.errors import ErrorReport
from benchmarks.scorer_parts.errortables import errors_to_markdown
from benchmarks.scorer_parts.floortables import floors_to_markdown
from benchmarks.scorer_parts.heats import Heat
from benchmarks.scorer_parts.machine import Machine
from benchmarks.scorer_parts.speedtables import best_peer, heat_to_markdown, our_row, to_short

HOW = """\
Every contestant scores the same files in a process of its own, one after the other, in reversed
order in every second table; the files were read before, so they come from the page cache.
*Pictures/s* is the loop from files to cosines, after a warm-up batch, without imports and loading
of weights; clipstore's loop is a whole ingest: opening the database, starting its reading
processes, finding panels, the spool, the merge. *Whole process* has all of that, without the
warm-up batch. Weights are random, of the true sizes, made so that cosines are near .3; each prompt
is used by four pictures, as in validation, and clipstore embeds it once. Pictures are drawn and
compress like real ones. Contestants that take one picture at a time get an eighth of the files;
the others' batches are 16 pictures of ViT-B/32 or 4 of ViT-L/14-336 on a CPU, 64 on a GPU. The
reference for |Δcosine| is transformers in fp32."""

PREDICTED = """\
Predicted: operations per picture over the rate of a product of the model's own sizes, and the bytes
of the weights over the bandwidth of a copy. Came in: the model alone on pixels in memory, decoding
alone with all cores, and clipstore between its first and its last batch, base panels of composites
counted. On a CPU model and decoding share the cores, so 3 cannot reach the lower of 1 and 2; a GPU
is where that bound is meant."""


@dataclass(frozen=True)
class Findings:
    """What one run of the benchmark measured."""

    machine: Machine
    versions: tuple[tuple[str, str], ...]
    """(environment, its libraries)."""
    heats: tuple[Heat, ...]
    errors: tuple[ErrorReport, ...]
    real_source: str
    """Where the real pictures come from."""
    failures: tuple[str, ...]
    """Models whose errors could not be measured, and why."""
    seconds: float
    """The whole run, without making pictures and weights."""


def findings_to_markdown(findings: Findings) -> str:
    """The file."""
    lines = [
        "# The scorer: speed and error",
        "",
        f"Written by `python -m benchmarks.scorer` in {findings.seconds / 60:.0f} minutes.",
        "",
        findings.machine.to_sentence(),
        "",
        *(f"- {name}: {versions}" for name, versions in findings.versions),
    ]
    if findings.machine.device != "cuda":
        lines += ["", "**Not yet measured on a GPU.**"]
    if findings.heats:
        lines += ["", "## Speed", "", HOW, "", *_summary(findings.heats)]
        lines += ["", "### Predicted, and came in", "", PREDICTED, ""]
        lines.append(floors_to_markdown(findings.heats))
        for heat in findings.heats:
            lines += ["", heat_to_markdown(heat, findings.machine)]
    if findings.errors or findings.failures:
        lines += ["", "## Error", "", _what_errors_are_of(findings.real_source), ""]
        lines += [errors_to_markdown(findings.errors)]
        lines += ["", *(f"- not measured: {why}" for why in findings.failures)]
    return "\n".join(lines) + "\n"


def _what_errors_are_of(real_source: str) -> str:
    return (
        f"Real pictures: crops of 300 to 1024 pixels a side from {real_source}. Others are drawn. "
        "small-clip is the demo's trained model; the large ones have random weights."
    )


def _summary(heats: tuple[Heat, ...]) -> list[str]:
    lines = [
        "| model, files | clipstore, pictures/s | best peer at the same precision | ratio |",
        "| --- | ---: | --- | ---: |",
    ]
    for heat in heats:
        ours = our_row(heat)
        what = f"{heat.checkpoint.architecture.name}, {heat.pictures.format.name}"
        if ours is None:
            lines.append(f"| {what} | {OURS} failed | | |")
            continue
        best = best_peer(heat, to_short(ours.precision))
        rate = f"{ours.per_second:.3g} ({to_short(ours.precision)})"
        lines.append(
            f"| {what} | {rate} | none ran | |"
            if best is None
            else f"| {what} | {rate} | {best.name}: {best.per_second:.3g} "
            f"| **{ours.per_second / best.per_second:.2f}** |"
        )
    return lines
