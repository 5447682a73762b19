"""Pictures made outside a trainer, by A1111, Forge or ComfyUI, which write how into the file.

Invariant: prompt and step are what the file says, the step by the name of the LoRA or checkpoint
it was made with or by its own name; a picture that does not say both is refused. Each trained LoRA
or model is a run. A folder is claimed by its files' names and the texts inside one of the first.
"""

from __future__ import annotations

import heapq
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from clipstore.layouts import ReadContext
from clipstore.sources.checkpointnames import CheckpointName, parse_checkpoint_name
from clipstore.sources.embeddedprompts import MadeWith, NotOnePrompt, texts_to_made_with
from clipstore.sources.embeddedtexts import file_to_texts
from clipstore.sources.listedfiles import ListedFile, rule_by_suffix
from clipstore.sources.listing import file_names, list_tree, sort_tree
from clipstore.sources.promptversions import attach_texts
from clipstore.types import Picture, Problem, Prompt, Run, RunContents, Skipped, content_id

NAME = "metadata"

LOOKED_AT = 3
"""Files of a folder that `claims` looks into."""
EPOCH_NOTE = "step_is_epoch"
ID_LETTERS = 48

_GENERATED = re.compile(
    r"(?:.*_[0-9]{5}_|[0-9]{5}-[0-9]+(?:-.*)?)\.(?:png|jpe?g|webp)", re.S | re.I
)
_STEP_FOLDER = re.compile(r"step_[0-9]+")
_STEP_IN_NAME = re.compile(r"(?:^|[^a-z])step[-_ =]?([0-9]{1,10})(?![0-9])", re.I)


class _Generated(NamedTuple):
    """A picture that says all there is to know."""

    file: ListedFile
    prompt: str
    source: str
    trained: CheckpointName


def claims(folder: Path) -> str | None:
    """A folder with files named as these tools name them, one of which says its prompt."""
    if _STEP_FOLDER.fullmatch(folder.name):
        return None  # the user has said the step: that is the folder layout
    names = (name for name in file_names(folder) if _GENERATED.fullmatch(name))
    for name in heapq.nsmallest(LOOKED_AT, names):
        made = texts_to_made_with(file_to_texts(folder / name))
        if isinstance(made, MadeWith):
            return f"{name} says inside how {made.tool} made it"
    return None


def read(folder: Path, context: ReadContext) -> tuple[RunContents, ...]:
    """One run per LoRA or model that the pictures show."""
    tree = list_tree(folder, without=context.other_runs)
    files = sort_tree(tree, _sort)
    by_base: dict[str, list[_Generated]] = {}
    for one in files.found:
        by_base.setdefault(one.trained.base, []).append(one)
    run = Run(context.run_name, folder, NAME, claims(folder) or f"--layout {NAME} asks for it")
    contents = [_to_contents(run, base, found) for base, found in sorted(by_base.items())]
    if not contents:
        nothing = "no picture here says its prompt and its step."
        contents = [RunContents(run, (), (), advice=(nothing,))]
    contents[0] = replace(
        contents[0],
        problems=(*files.problems, *contents[0].problems),
        skipped=files.skipped,
    )
    return tuple(contents)


def _sort(file: ListedFile) -> _Generated | Problem | Skipped:
    other = rule_by_suffix(file)
    if other is not None or file.folders:
        return file.skipped(other or "not_in_the_folder")
    made = texts_to_made_with(file_to_texts(file.path))
    if made is None:
        return Problem(
            file.path,
            "prompt",
            "no_metadata",
            "it does not say how it was made (A1111's parameters, ComfyUI's prompt); arrange it as "
            "step_<number>/name.png with its prompt in name.txt, or read it with --pattern.",
        )
    if isinstance(made, NotOnePrompt):
        return Problem(file.path, "prompt", "not_one_prompt", f"{made.why}; leave it out.")
    trained = _find_trained(file.path, made)
    if isinstance(trained, Problem):
        return trained
    return file.refused_step(max(trained.step or 0, trained.epoch or 0)) or _Generated(
        file, sys.intern(made.prompt), sys.intern(f"{made.tool} in the file"), trained
    )


def _find_trained(path: Path, made: MadeWith) -> CheckpointName | Problem:
    """Which training the picture shows, and how far it had come."""
    in_name = _STEP_IN_NAME.search(path.stem)
    said = None if in_name is None else int(in_name[1])
    networks = [parse_checkpoint_name(name) for name in made.networks]
    model = [] if made.checkpoint is None else [parse_checkpoint_name(made.checkpoint)]
    for candidates in (networks, model):
        numbered = [one for one in candidates if one.is_numbered]
        if len(numbered) > 1:
            listed = ", ".join(made.networks)
            return _no_step(path, f"several LoRAs with a step made it ({listed})")
        if numbered and said is not None and numbered[0].step not in (None, said):
            return _no_step(path, f"its name says step {said}, its LoRA step {numbered[0].step}")
        if numbered:
            return numbered[0] if said is None else numbered[0]._replace(step=said)
    if said is None:
        used = ", ".join((*made.networks, made.checkpoint or "")).strip(", ") or "no LoRA"
        return _no_step(path, f"neither its name nor what made it ({used}) says a step")
    only = networks[0].base if len(networks) == 1 else model[0].base if model else ""
    return CheckpointName(only, said, None)


def _no_step(path: Path, why: str) -> Problem:
    return Problem(
        path,
        "name",
        "no_step",
        f"{why}; write the step into the file's name (step_500), keep the trainer's name of the "
        "checkpoint (lora-step00000500), or arrange it as step_500/name.png.",
    )


def _to_contents(run: Run, base: str, found: list[_Generated]) -> RunContents:
    by_step = any(one.trained.step is not None for one in found)
    problems: list[Problem] = []
    pictures: list[Picture] = []
    prompts: dict[str, Prompt] = {}
    by_text: dict[tuple[str, str], Prompt] = {}
    counts: dict[tuple[int, str], int] = {}
    for one in sorted(found, key=lambda one: one.file.name):
        step, epoch = one.trained.step, one.trained.epoch
        if step is None and by_step:
            why = f"it shows epoch {epoch}, and the run's other pictures are by step"
            problems.append(_no_step(one.file.path, why))
            continue
        place = step if step is not None else epoch or 0
        prompt_id = sys.intern(text_to_id(one.prompt))
        index = counts.get((place, prompt_id), 0)
        counts[place, prompt_id] = index + 1
        notes = () if by_step else (EPOCH_NOTE,)
        file = one.file
        pictures.append(
            Picture(file.folder, file.name, place, prompt_id, index, "only", epoch, notes=notes)
        )
        said = by_text.setdefault(
            (one.prompt, one.source), Prompt(prompt_id, one.prompt, one.source)
        )
        prompts[file.name] = said
    told = attach_texts(pictures, lambda picture: prompts[picture.name])
    advice = [] if by_step else ["checkpoints here are numbered by epoch: a step is an epoch."]
    return RunContents(
        Run(
            f"{run.name}@{base}" if base else run.name,
            run.root,
            run.layout,
            run.layout_reason,
            variant=base,
        ),
        told.pictures,
        told.prompts,
        tuple(problems),
        (),
        tuple(advice),
    )


def text_to_id(text: str) -> str:
    """A prompt without a name is called by its text, a long one by its beginning and a number."""
    if len(text) <= ID_LETTERS:
        return text or "(blank)"
    return f"{text[: ID_LETTERS - 8].rstrip()}… {content_id(text) % 10**6:06d}"
