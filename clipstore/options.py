"""Options that several commands share, so that they read and behave the same everywhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console

from clipstore.analysis.allrules import AllRules
from clipstore.analysis.rulesfile import rules_from_file
from clipstore.model.bands import DEFAULT_MODEL
from clipstore.output import FORMATS, PIPED_WIDTH, visible_text
from clipstore.sources.pattern import PathPattern, parse_pattern
from clipstore.sources.prompts import load_prompt_file
from clipstore.types import Prompt

Decorated = TypeVar("Decorated", bound=Callable[..., object])


def db_option(function: Decorated) -> Decorated:
    """--db: which database."""
    return click.option(
        "--db",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Database file. Default: $CLIPSTORE_DB, else ./clipstore.duckdb.",
    )(function)


def format_option(function: Decorated) -> Decorated:
    """--format: how results are written to stdout."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(FORMATS),
        default="table",
        show_default=True,
        help="How to write the result.",
    )(function)


def model_options(function: Decorated) -> Decorated:
    """--model, --device, --offline, --allow-pickle: which model scores, and where it runs."""
    for option in (
        click.option("--allow-pickle", is_flag=True, help="Load .bin weights of unknown origin."),
        click.option(
            "--offline", is_flag=True, help="Never connect, not even for missing weights."
        ),
        click.option(
            "--device",
            type=click.Choice(["auto", "cuda", "mps", "cpu"]),
            default="auto",
            show_default=True,
            help="Where the model runs.",
        ),
        click.option(
            "--model",
            default=DEFAULT_MODEL,
            show_default=True,
            help="Hub id, or a folder with a CLIP or SigLIP model; hf-hub:ID for open_clip's "
            "files.",
        ),
    ):
        function = option(function)
    return function


def scoring_options(function: Decorated) -> Decorated:
    """--dtype, --workers, --no-embeddings: how pictures are scored, and what is kept of them."""
    for option in (
        click.option(
            "--no-embeddings", is_flag=True, help="Keep scores only, not the picture vectors."
        ),
        click.option(
            "--workers",
            type=click.IntRange(min=0),
            help="Reading processes at most. Default: one per core. 0 reads in the main process.",
        ),
        click.option(
            "--dtype",
            type=click.Choice(["auto", "float32", "float16", "bfloat16"]),
            default="auto",
            show_default=True,
            help="Arithmetic of the image tower. auto: float16 on CUDA if it passes a check, else "
            "float32.",
        ),
    ):
        function = option(function)
    return function


def prompts_option(function: Decorated) -> Decorated:
    """--prompts: a prompt library of the user's."""
    return click.option(
        "--prompts",
        type=click.Path(path_type=Path),
        help="Prompt file: JSON, JSONL, CSV, TSV or text. Wins over the prompt files of a run.",
    )(function)


class RulesFile(click.ParamType[AllRules]):
    """A file with constants. A value in rules, those of the file or the usual ones, so that a
    command that calls another one need not say which."""

    name = "file"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> AllRules:
        return value if isinstance(value, AllRules) else rules_from_file(Path(str(value)))


def rules_option(function: Decorated) -> Decorated:
    """--rules: constants of the analysis, as `rules`."""
    return click.option(
        "--rules",
        "rules",
        type=RulesFile(),
        default=AllRules(),
        help="TOML or JSON file with constants of the analysis that differ from the usual, in "
        "sections: verdict, compare, pictures, calibration.",
    )(function)


def planned_steps_option(function: Decorated) -> Decorated:
    """--planned-steps: for runs whose settings do not say."""
    return click.option(
        "--planned-steps",
        type=click.IntRange(min=1),
        metavar="N",
        help="Optimizer steps planned, for runs whose own settings do not say.",
    )(function)


def layout_option(function: Decorated) -> Decorated:
    """--layout: no detecting."""
    return click.option(
        "--layout", metavar="NAME", help="Read every run as this layout instead of detecting it."
    )(function)


def pattern_option(function: Decorated) -> Decorated:
    """--pattern: a naming of the user's own."""
    return click.option(
        "--pattern",
        metavar="PATTERN",
        callback=_to_pattern,
        help="Read everything below PATH by this pattern of names, for example "
        "'{run}/samples/{step}_{prompt_id}_{index}.png'; other fields are free.",
    )(function)


def _to_pattern(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> PathPattern | None:
    return None if text is None else parse_pattern(text)


def read_user_prompts(path: Path | None, messages: Console) -> tuple[Prompt, ...]:
    """The prompts of --prompts; single ones that cannot be used are named on stderr."""
    if path is None:
        return ()
    loaded = load_prompt_file(path)
    for refused in loaded.refused:
        line = f"{path}: {refused.prompt_id}: {refused.why}"
        messages.print(visible_text(line), markup=False)
    return loaded.prompts


def result_console() -> Console:
    """stdout: results. Wide when piped, so that no terminal cuts what a file could hold."""
    width = None if sys.stdout.isatty() else PIPED_WIDTH
    return Console(file=sys.stdout, width=width, highlight=False, soft_wrap=False)


def message_console() -> Console:
    """stderr: progress and everything that is not the result."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True)
