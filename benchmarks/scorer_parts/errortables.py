"""Measured errors to Markdown. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.scorer_parts.errors import MAX_BOUND, MEAN_BOUND, ErrorReport, PathError


def errors_to_markdown(reports: Sequence[ErrorReport]) -> str:
    """Two tables: ways through the model, and kinds of files on the default way."""
    lines = [
        f"The bound: mean below {MEAN_BOUND:.0e} and largest below {MAX_BOUND:.0e}.",
        "",
        "| model | asked for | ran in | pictures (real + drawn) × prompts | mean \\|Δcosine\\| "
        "| largest | bound | mean cosine, spread between pictures |",
        "| --- | --- | --- | ---: | ---: | ---: | --- | ---: |",
    ]
    for report in reports:
        lines += [_path_line(report, path) for path in report.paths]
    for report in reports:
        lines += [
            "",
            f"{report.model}, as `{report.paths[0].wanted}`, by kind of file:",
            "",
            "| kind of file | pictures | same pixels as the reference | largest pixel difference "
            "| mean \\|Δcosine\\| | largest |",
            "| --- | ---: | ---: | ---: | ---: | ---: |",
        ]
        lines += [
            f"| {kind.kind} | {kind.n_pictures} | {kind.n_same_pixels} "
            f"| {kind.largest_pixel_difference} | {kind.mean:.1e} | {kind.largest:.1e} |"
            for kind in report.kinds
        ]
    return "\n".join(lines)


def _path_line(report: ErrorReport, path: PathError) -> str:
    cells = (
        report.model,
        path.wanted,
        path.ran,
        f"{path.n_pictures} ({report.n_real} + {report.n_drawn}) × {report.n_prompts}",
        f"{path.mean:.1e}",
        f"{path.largest:.1e}",
        "holds" if path.holds_bound else "**fails**",
        f"{report.mean_cosine:.3f}, {report.spread:.4f}",
    )
    return f"| {' | '.join(cells)} |"
