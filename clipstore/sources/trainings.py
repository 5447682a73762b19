"""Sample pictures with a time in their names to trainings: which belong to one, which are outdated.

Invariant: within a training no step and prompt comes twice, and its steps only grow with time.
Trainers never clear their sample folder, so a second training under the same name writes into it:
steps that begin anew make a run of their own, and a resume from an earlier checkpoint outdates what
was sampled after that checkpoint. Names alone decide, so that a training keeps its identity as
pictures are added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import NamedTuple

from clipstore.sources.promptversions import TextFinder, advice_on_untold, attach_texts
from clipstore.types import Picture, Problem, Run, RunContents, Skipped

AGAIN_RULE = "sampled_again"
OUTDATED_RULE = "outdated_by_a_resume"


class Sampled(NamedTuple):
    """A recognised picture and when it was made."""

    picture: Picture
    time: int
    """Any number that grows with time."""
    output_name: str = ""
    """What the trainer calls its output, where the name says it."""


@dataclass(frozen=True)
class Training:
    """The pictures of one training."""

    output_name: str
    number: int
    """1 for the first under this output name, 2 for the one that began anew, and so on."""
    samples: tuple[Sampled, ...]
    """In order of time."""
    outdated: tuple[Skipped, ...]

    @property
    def variant(self) -> str:
        """What tells it from the folder's other trainings."""
        return self.output_name + (f"#{self.number}" if self.number > 1 else "")


@dataclass(frozen=True)
class OtherFiles:
    """A run folder's files that are no samples."""

    problems: tuple[Problem, ...]
    skipped: tuple[Skipped, ...]


def split_trainings(samples: Iterable[Sampled]) -> tuple[Training, ...]:
    """The trainings of samples that come by path: by output name and then in order of time."""
    by_name: dict[str, list[Sampled]] = {}
    for sample in samples:
        by_name.setdefault(sample.output_name, []).append(sample)
    found: list[Training] = []
    for name in sorted(by_name):
        ordered = by_name.pop(name)
        # Key by key, the last one first, as in `in_order`; equal ones stay by path.
        for key in ("picture.prompt_id", "picture.step", "time"):
            ordered.sort(key=attrgetter(key))
        for number, part in enumerate(_begin_anew(ordered), 1):
            found.append(_to_training(name, number, part))
    return tuple(found)


def last_step_sampled(training: Training) -> int | None:
    """The step of the newest pictures, whose sampling may not be over."""
    return training.samples[-1].picture.step if training.samples else None


def trainings_to_contents(
    run: Run,
    trainings: Sequence[Training],
    others: OtherFiles,
    text_finder: Callable[[Training], tuple[TextFinder, Run, Sequence[str]]],
    what_to_do: str,
) -> tuple[RunContents, ...]:
    """One run per training; the first accounts for the folder's other files.

    `text_finder` gives a training's texts, its run (with name and variant of the one it is given
    to be replaced here), and advice; `what_to_do` ends the sentence on prompts without a text.
    """
    if not trainings:
        nothing = "this run has no pictures that can be scored yet."
        return (RunContents(run, (), (), others.problems, others.skipped, (nothing,)),)
    contents = []
    for place, training in enumerate(trainings):
        find_text, described, advice = text_finder(training)
        told = attach_texts((one.picture for one in training.samples), find_text)
        contents.append(
            RunContents(
                replace(described, name=_run_name(run, training), variant=training.variant),
                told.pictures,
                told.prompts,
                (*(others.problems if place == 0 else ()), *told.problems),
                (*(others.skipped if place == 0 else ()), *training.outdated),
                (
                    *advice,
                    *told.advice,
                    *advice_on_untold(told.untold, what_to_do),
                    *_advice_on_number(training),
                ),
            )
        )
    return tuple(contents)


def _begin_anew(ordered: Sequence[Sampled]) -> list[list[Sampled]]:
    """Cut where steps fall back to the first one of the training, or below."""
    parts: list[list[Sampled]] = []
    for sample in ordered:
        step = sample.picture.step
        falls_back = bool(parts) and step < parts[-1][-1].picture.step
        if not parts or (falls_back and step <= parts[-1][0].picture.step):
            parts.append([])
        parts[-1].append(sample)
    return parts


def _to_training(name: str, number: int, part: Sequence[Sampled]) -> Training:
    # Names have local time, which goes back once a year: that costs one validation, by name.
    kept: dict[tuple[int, str, str], Sampled] = {}
    outdated: list[Skipped] = []
    previous = -1
    for sample in part:
        step = sample.picture.step
        if step < previous:
            late = [key for key in kept if key[0] >= step]
            outdated += [_skipped(kept.pop(key), OUTDATED_RULE) for key in late]
        previous = step
        key = (step, sample.picture.prompt_id, sample.picture.panel)
        if key in kept:
            outdated.append(_skipped(kept.pop(key), AGAIN_RULE))
        kept[key] = sample
    return Training(name, number, tuple(kept.values()), tuple(outdated))


def _skipped(sample: Sampled, rule: str) -> Skipped:
    return Skipped(sample.picture.folder, sample.picture.name, rule)


def _run_name(run: Run, training: Training) -> str:
    again = f"#{training.number}" if training.number > 1 else ""
    if training.output_name in ("", run.root.name):
        return run.name + again
    return f"{run.name}@{training.output_name}{again}"


def _advice_on_number(training: Training) -> list[str]:
    if training.number == 1:
        return []
    what = f" of {training.output_name!r}" if training.output_name else ""
    return [
        f"steps begin anew {training.number - 1} times in this folder, so this is training "
        f"{training.number}{what}: a run of its own."
    ]
