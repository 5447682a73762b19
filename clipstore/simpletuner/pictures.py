"""Named SimpleTuner files to `Picture`s: index, base picture and what the box finder is told.

Invariant: within one run no two pictures share (step, prompt id, index, panel), an index means the
same picture at every step, and a clean copy of the base model's picture never counts as a
checkpoint's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from clipstore.simpletuner.names import Reading
from clipstore.simpletuner.settings import config_to_drawn_panels, config_to_sizes
from clipstore.sources.imageheaders import file_to_size, same_bytes
from clipstore.sources.promptversions import in_order
from clipstore.sources.trainerconfig import TrainerConfig
from clipstore.types import CompositeHints, Picture, Size, Skipped

COPY_RULE = "copy_of_base_picture"


@dataclass(frozen=True, slots=True)  # there are many of them
class NamedFile:
    """A picture in validation_images/ whose name is understood."""

    folder: Path
    name: str
    reading: Reading
    prompt_id: str
    """Without the adapter's suffix."""
    slug: str = ""
    """The adapter's suffix; empty for the run's own weights."""

    @property
    def path(self) -> Path:
        return self.folder / self.name


@dataclass(frozen=True)
class BaseFile:
    """A picture in benchmarks/base_model/."""

    path: Path
    prompt_id: str
    label: Size | None
    slug: str = ""


@dataclass(frozen=True)
class RunPictures:
    """The pictures of one run."""

    pictures: tuple[Picture, ...]
    skipped: tuple[Skipped, ...]


def build_pictures(
    named: Sequence[NamedFile],
    base: Sequence[BaseFile],
    config: TrainerConfig | None,
    epochs: Mapping[int, int],
) -> RunPictures:
    """All pictures of one run, sorted by step, prompt id and index."""
    sizes = config_to_sizes(config)
    ranked_base = _rank_base_files(base, sizes)
    copies = _find_base_copies(named, ranked_base, sizes)
    trained = [file for file in named if file.name not in copies]
    pictures, skipped = _base_pictures(
        [file for file in named if file.name in copies], ranked_base, sizes
    )
    # The pictures of a prompt have the same: one object for all of them.
    shared: dict[CompositeHints, CompositeHints] = {}

    panels = config_to_drawn_panels(config)
    per_size = (None if config is None else config.whole("num_validation_images")) or 1
    for file, index, notes in _with_indices(trained, sizes):
        of_prompt = ranked_base.get(file.prompt_id, [])
        base_file = _choose_base(of_prompt, file.reading, index, sizes, max(1, per_size))
        label = file.reading.label
        others = [*sizes, *(one.label for one in of_prompt if one.label is not None)]
        hints = CompositeHints(
            label_size=label,
            panel_sizes=tuple(size for size in dict.fromkeys(others) if size != label),
            base_picture=None if base_file is None else base_file.path,
            base_folder_complete=bool(base),
            ema_comparison=panels.ema,
            base_comparison=panels.base,
            input_stitching=panels.conditioning,
        )
        step = file.reading.step
        all_notes = (*notes, "ema_weights") if panels.is_ema_only else notes
        pictures.append(
            Picture(
                *(file.folder, file.name, step, file.prompt_id),
                *(index, "checkpoint", epochs.get(step)),
                composite=shared.setdefault(hints, hints),
                notes=all_notes,
            )
        )
    return RunPictures(tuple(in_order(pictures)), tuple(skipped))


def _rank_base_files(base: Sequence[BaseFile], sizes: Sequence[Size]) -> dict[str, list[BaseFile]]:
    """Benchmark pictures per prompt, in the order in which the trainer takes its resolutions."""
    ranked: dict[str, list[BaseFile]] = {}
    for file in base:
        ranked.setdefault(file.prompt_id, []).append(file)
    for files in ranked.values():
        files.sort(key=lambda file: (_size_rank(file.label, sizes), file.path.name))
    return ranked


def _size_rank(size: Size | None, sizes: Sequence[Size]) -> tuple[int, int, int]:
    """The config's order first, then smaller pictures first."""
    if size is None:
        return (len(sizes) + 1, 0, 0)
    place = sizes.index(size) if size in sizes else len(sizes)
    return (place, size.width_px * size.height_px, size.width_px)


def _find_base_copies(
    named: Sequence[NamedFile], base: Mapping[str, Sequence[BaseFile]], sizes: Sequence[Size]
) -> set[str]:
    """Names of raw copies of the base model's pictures among the checkpoints' pictures.

    The benchmark saves them under the step at which it ran: 0 for a new run, else the step of the
    resume. At step 0 a picture of exactly the labelled size is one (drawn pictures are larger). At
    later steps one file that equals its benchmark file byte by byte gives the step away.
    """
    copies = set()
    by_step: dict[int, list[NamedFile]] = {}
    for file in named:
        by_step.setdefault(file.reading.step, []).append(file)
    for step, files in by_step.items():
        is_suspect = step == 0 or _has_exact_copy(files, base)
        if not is_suspect:
            continue
        for file in files:
            labels = [one.label for one in base.get(file.prompt_id, [])]
            if _is_clean(file, [file.reading.label, *sizes, *labels]):
                copies.add(file.name)
    return copies


def _has_exact_copy(files: Sequence[NamedFile], base: Mapping[str, Sequence[BaseFile]]) -> bool:
    """One prompt is enough: the benchmark runs for all of them at once."""
    prompt_id = min((file.prompt_id for file in files if file.prompt_id in base), default=None)
    return prompt_id is not None and any(
        same_bytes(file.path, one.path)
        for file in files
        if file.prompt_id == prompt_id
        for one in base[prompt_id]
    )


def _is_clean(file: NamedFile, sizes: Iterable[Size | None]) -> bool:
    """Whether the file is as large as one panel. A file that cannot be read counts as clean: its
    problem is found when its turn to be decoded comes."""
    actual = file_to_size(file.path)
    return actual is None or any(
        size is not None
        and actual.width_px in _rounded(size.width_px)
        and actual.height_px in _rounded(size.height_px)
        for size in sizes
    )


def _rounded(side_px: int) -> set[int]:
    """What a nominal side becomes: multiples of 16 since v1.3.1, of 8 or 64 before."""
    return {side_px} | {max(step, step * round(side_px / step)) for step in (8, 16, 64)}


def _base_copy(path: Path, originals: Sequence[Path]) -> Skipped:
    """A second copy of a base picture; of several originals the one that has its bytes."""
    same = [original for original in originals if same_bytes(path, original)]
    original = same[0] if same else originals[0] if len(originals) == 1 else None
    return Skipped(path.parent, path.name, COPY_RULE, copy_of=original)


def _base_pictures(
    copies: Sequence[NamedFile], base: Mapping[str, Sequence[BaseFile]], sizes: Sequence[Size]
) -> tuple[list[Picture], list[Skipped]]:
    """The base model's pictures, each once.

    Per prompt the benchmark folder (lossless) unless step 0 has more pictures: the benchmark
    keeps one file per resolution, however many were drawn.
    """
    pictures: list[Picture] = []
    skipped: list[Skipped] = []
    at_zero: dict[str, list[tuple[NamedFile, int, tuple[str, ...]]]] = {}
    for entry in _with_indices([file for file in copies if file.reading.step == 0], sizes):
        at_zero.setdefault(entry[0].prompt_id, []).append(entry)
    for file in copies:
        if file.reading.step != 0:
            originals = [one.path for one in base.get(file.prompt_id, [])]
            skipped.append(_base_copy(file.path, originals))
    for prompt_id in {**base, **at_zero}:
        benchmark, entries = base.get(prompt_id, []), at_zero.get(prompt_id, [])
        if len(entries) > len(benchmark):
            originals = [file.path for file, _, _ in entries]
            skipped += [_base_copy(file.path, originals) for file in benchmark]
            pictures += [
                Picture(file.folder, file.name, 0, prompt_id, index, "base", notes=notes)
                for file, index, notes in entries
            ]
        else:
            originals = [file.path for file in benchmark]
            skipped += [_base_copy(file.path, originals) for file, _, _ in entries]
            pictures += [
                Picture(file.path.parent, file.path.name, 0, prompt_id, index, "base")
                for index, file in enumerate(benchmark)
            ]
    return pictures, skipped


def _choose_base(
    of_prompt: Sequence[BaseFile],
    reading: Reading,
    index: int,
    sizes: Sequence[Size],
    per_size: int,
) -> BaseFile | None:
    """The base picture drawn beside this one.

    With several resolutions the label is unreliable (it repeats the first one four times), but
    the index is not: the trainer draws `per_size` pictures per resolution in the config's order.
    """
    wanted = [reading.label]
    if reading.form == "indexed" and len(sizes) > 1 and index // per_size < len(sizes):
        wanted.insert(0, sizes[index // per_size])
    for size in wanted:
        for file in of_prompt:
            if size is not None and file.label == size:
                return file
    return of_prompt[0] if len(of_prompt) == 1 else None


def _with_indices(
    files: Sequence[NamedFile], sizes: Sequence[Size]
) -> Iterator[tuple[NamedFile, int, tuple[str, ...]]]:
    """(file, index, notes), by step and prompt: the name's index; where it has none, the rank of
    its size among those of the prompt at any step. A second file for one index gets the next free
    one, with a note."""
    labels: dict[str, list[Size | None]] = {}
    for file in files:
        known = labels.setdefault(file.prompt_id, [])
        if file.reading.label not in known:
            known.append(file.reading.label)
    for known in labels.values():
        known.sort(key=lambda size: _size_rank(size, sizes))

    def rank(file: NamedFile) -> int:
        return labels[file.prompt_id].index(file.reading.label)

    def own_index(file: NamedFile) -> int:
        given = file.reading.image_index
        return rank(file) if given is None else given

    by_prompt = sorted(files, key=attrgetter("prompt_id"))
    by_prompt.sort(key=attrgetter("reading.step"))
    for _, group in groupby(by_prompt, attrgetter("reading.step", "prompt_id")):
        taken: set[int] = set()
        late: list[NamedFile] = []
        for file in sorted(group, key=lambda file: (own_index(file), rank(file), file.name)):
            index = own_index(file)
            if index in taken:
                late.append(file)
            else:
                taken.add(index)
                yield file, index, ()
        for file in late:
            index = max(taken) + 1
            taken.add(index)
            yield file, index, ("index_reassigned",)
