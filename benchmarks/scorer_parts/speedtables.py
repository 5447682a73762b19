"""Heats to Markdown. Pure: figures in, text out.

Invariant: nothing is left out. Who did not run has a row that says why, and what was not measured
says so.
"""

from __future__ import annotations

from benchmarks.scorer_parts.contestants import OURS
from benchmarks.scorer_parts.heats import Absent, Heat, Row
from benchmarks.scorer_parts.machine import Machine
from benchmarks.scorer_parts.process import Failed

NO_GPU = "not yet measured on a GPU"
PRECISIONS = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}
HEADER = (
    "| who | precision | pictures/s | clipstore is faster by | whole process, s | CPU s/picture "
    "| peak memory, GB | largest \\|Δcosine\\| |"
)


def heat_to_markdown(heat: Heat, machine: Machine) -> str:
    """One heat: its conditions, its table, the command, the stages."""
    form, size = heat.pictures.format, heat.checkpoint.architecture
    rounds = "one round" if heat.rounds == 1 else f"{heat.rounds} rounds: median (lowest–highest)"
    count, ours = len(heat.pictures.entries), our_row(heat)
    lines = [
        f"### {size.name}, {form.name}",
        "",
        f"{count} files of {heat.pictures.mean_bytes / 1e6:.2f} MB on average; {rounds}.",
        "",
        HEADER,
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(_row_line(row, ours) for row in sorted(heat.rows, key=lambda r: -r.per_second)),
        *(_absent_line(absent) for absent in heat.absent),
    ]
    if machine.device != "cuda":
        lines.append(f"| everyone | fp16, GPU | {NO_GPU} | | | | | |")
    return "\n".join([*lines, "", _command_line(heat), *_stage_lines(heat)])


def our_row(heat: Heat) -> Row | None:
    """clipstore as it runs when nothing is asked for."""
    return next((row for row in heat.rows if (row.name, row.asked) == (OURS, "default")), None)


def best_peer(heat: Heat, precision: str) -> Row | None:
    """The fastest of the others at that precision."""
    peers = [row for row in heat.rows if row.name != OURS and to_short(row.precision) == precision]
    return max(peers, key=lambda row: row.per_second, default=None)


def to_short(precision: str) -> str:
    """clipstore's names of dtypes to the peers'."""
    return PRECISIONS.get(precision, precision)


def _row_line(row: Row, ours: Row | None) -> str:
    rate = f"{row.per_second:.3g}"
    if row.highest_per_second > row.lowest_per_second:
        rate += f" ({row.lowest_per_second:.3g}–{row.highest_per_second:.3g})"
    is_peer = row.name != OURS
    ratio = f"{ours.per_second / row.per_second:.2f} ×" if ours is not None and is_peer else ""
    cells = (
        row.name if is_peer else f"**{row.name}**, {row.asked}",
        to_short(row.precision),
        rate,
        ratio,
        f"{row.whole_seconds:.0f} for {row.pictures}",
        f"{row.cpu_seconds_per_picture:.3g}",
        "unknown" if row.peak_bytes is None else f"{row.peak_bytes / 1e9:.1f}",
        _error_text(row),
    )
    return f"| {' | '.join(cells)} |"


def _error_text(row: Row) -> str:
    if row.largest_error is None:
        return "no reference ran"
    error = f"{row.largest_error:.0e}" if row.largest_error else "0: it is the reference"
    return (
        error if row.pictures_per_group == 1 else f"{error}, of means over {row.pictures_per_group}"
    )


def _absent_line(absent: Absent) -> str:
    return f"| {absent.name} | {to_short(absent.precision)} | {absent.why} | | | | | |"


def _command_line(heat: Heat) -> str:
    if isinstance(heat.command, Failed):
        return f"The command `clipstore ingest` failed: {heat.command.why}"
    count, wall = len(heat.pictures.entries), heat.command.wall_seconds
    peak = heat.command.peak_bytes
    memory = "" if peak is None else f", peak memory {peak / 1e9:.1f} GB"
    return (
        f"The whole command `clipstore ingest`, from Enter to the prompt: {wall:.1f} s for {count} "
        f"files, {count / wall:.3g} per second{memory}."
    )


def _stage_lines(heat: Heat) -> list[str]:
    if heat.own is None:
        return []
    spent, files = heat.own.timings, heat.own.files
    main_thread = {
        "the model": spent.model_s,
        "waiting for pixels (at first, for the readers to start)": spent.pixels_s,
        "waiting for the disk": spent.disk_s,
        "the rest": spent.other_s,
    }
    readers = {
        "read and hash": spent.read_s,
        "decode": spent.decode_s,
        "cut and hash": spent.cut_s,
        "resize": spent.resize_s,
    }
    writers = {"write": spent.write_s, "merge into the database": spent.merge_s}
    shares = ", ".join(
        f"{name} {100 * seconds / spent.wall_s:.0f} %" for name, seconds in main_thread.items()
    )
    beside = ", ".join(
        f"{name} {1000 * seconds / files:.1f}" for name, seconds in (readers | writers).items()
    )
    return [
        "",
        f"Stages of clipstore. Of the wall time: {shares}. Beside the model, milliseconds per "
        f"file, in {spent.n_readers} reading processes and a writing thread: {beside}.",
    ]
