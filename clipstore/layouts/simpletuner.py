"""SimpleTuner's output folder: validation_images/ and benchmarks/base_model/.

Invariant: pictures in validation_images/ are composites until the box finder has cut them; those
of the benchmark are clean and belong to step 0. Pictures of `{prompt}__{adapter}` show other
weights and become a run of their own, named "run@adapter". Copies in checkpoints and assets are
never scored. How names, settings and prompts are read is in the modules `simpletuner_*`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from clipstore.layouts import ReadContext
from clipstore.simpletuner.assets import tell_copies
from clipstore.simpletuner.files import BASE_PICTURES, PICTURES, NamedFiles, name_files, sort_files
from clipstore.simpletuner.logs import (
    MEDIA_LOG,
    MediaLog,
    epochs_to_planned_steps,
    read_media_log,
    steps_to_epochs,
)
from clipstore.simpletuner.names import base_name_to_reading, name_to_readings
from clipstore.simpletuner.pictures import build_pictures
from clipstore.simpletuner.prompts import (
    RunPrompts,
    add_model_card,
    advice_on_missing,
    gather_prompts,
)
from clipstore.simpletuner.settings import FilesByParts, config_to_planned_steps, find_config
from clipstore.sources.listing import file_names, is_own_folder, list_tree
from clipstore.sources.prompts import list_ids
from clipstore.sources.promptversions import attach_texts
from clipstore.sources.trainerconfig import TrainerConfig
from clipstore.types import Run, RunContents

NAME = "simpletuner"


def claims(folder: Path) -> str | None:
    """A folder whose validation_images/ has a name of SimpleTuner's; or one with a SimpleTuner
    config and either benchmark pictures or a validation_images/ that is still empty."""
    pictures, base = folder / PICTURES, folder.joinpath(*BASE_PICTURES)
    is_empty = is_own_folder(pictures)
    if is_empty:
        for name in file_names(pictures):
            is_empty = False
            if name_to_readings(name):
                return f"{PICTURES}/ holds pictures named step_<number>_<prompt>"
    has_base = is_own_folder(base) and any(map(base_name_to_reading, file_names(base)))
    if not has_base and not is_empty:
        return None
    listed = {
        (*below, name): folder.joinpath(*below, name)
        for below in ((), ("config",))
        for name in file_names(folder.joinpath(*below))
    }
    if find_config(folder, listed, folder).config is None:
        return None
    if has_base:
        return "benchmarks/base_model/ holds pictures and a SimpleTuner config is beside it"
    return f"{PICTURES}/ is still empty and a SimpleTuner config is beside it"


def read(folder: Path, context: ReadContext) -> tuple[RunContents, ...]:
    """The run in `folder` and one more for each adapter it was compared with."""
    tree = list_tree(folder, without=context.other_runs)
    files = {file.parts: file.path for file in tree.beside_samples()}
    found = find_config(folder, files, context.search_root)
    config = found.config
    prompts = gather_prompts(folder, files, config, context.search_root, context.user_prompts)
    log = read_media_log(files.get((MEDIA_LOG,)))
    by_kind = sort_files(tree.files)
    named = name_files(by_kind, prompts, context.user_prompts, config, log)
    prompts = _with_model_card(prompts, named, files, log)

    advice = [*found.advice, *prompts.advice, *log.advice, *_advice_on_names(named)]
    run = Run(
        context.run_name,
        folder,
        NAME,
        claims(folder) or "--layout simpletuner asks for it",
        config_to_planned_steps(config) or _steps_of_planned_epochs(config, files),
        {} if config is None else config.values,
    )
    own = RunContents(
        run,
        (),
        (),
        (*tree.problems, *by_kind.problems),
        (*tree.skipped, *tell_copies(by_kind.skipped, folder, by_kind.pictures, by_kind.folder)),
        tuple(advice),
    )
    del tree, by_kind
    slugs = named.slugs
    variants = [
        RunContents(replace(run, name=f"{run.name}@{slug}", variant=slug), (), ())
        for slug in sorted(slugs - {""})
    ]
    if variants and "" not in slugs:
        # Only adapters were validated: a run without pictures would be noise, so the first
        # adapter's run accounts for the folder's other files.
        own = replace(own, run=variants.pop(0).run)
    return tuple(_fill(contents, named, prompts, config, files) for contents in (own, *variants))


def _steps_of_planned_epochs(config: TrainerConfig | None, files: FilesByParts) -> int | None:
    """For a plan in epochs whose length the settings do not tell: what the checkpoints show."""
    epochs = None if config is None else config.whole("num_train_epochs")
    return epochs_to_planned_steps(epochs, files) if epochs is not None and epochs > 0 else None


def _fill(
    contents: RunContents,
    named: NamedFiles,
    prompts: RunPrompts,
    config: TrainerConfig | None,
    files: FilesByParts,
) -> RunContents:
    """Add the pictures of the run's own weights, and a problem for each without a text."""
    slug = contents.run.variant
    own = [file for file in named.pictures if file.slug == slug]
    base = [file for file in named.base if file.slug == slug]
    epochs = steps_to_epochs({file.reading.step for file in own}, files)
    built = build_pictures(own, base, config, epochs)
    told = attach_texts(built.pictures, prompts.find)
    missing = told.untold - prompts.book.refused.keys()
    more = [advice_on_missing(missing, prompts, config)] if missing else []
    more += [prompts.book.refused[key].why for key in sorted(told.untold - missing)]
    return replace(
        contents,
        pictures=told.pictures,
        prompts=told.prompts,
        problems=(*contents.problems, *told.problems),
        skipped=(*contents.skipped, *built.skipped),
        advice=(*contents.advice, *told.advice, *more),
    )


def _with_model_card(
    prompts: RunPrompts, named: NamedFiles, files: FilesByParts, log: MediaLog
) -> RunPrompts:
    """Texts from the model card, for the prompts of the last validation."""
    if not named.pictures or any(file.slug for file in named.pictures):
        return prompts  # with adapters the card lists pictures under wrong texts
    last_step = max(file.reading.step for file in named.pictures)
    last_ids = {file.prompt_id for file in named.pictures if file.reading.step == last_step}
    return add_model_card(prompts, files, last_ids, log.last_order)


def _advice_on_names(named: NamedFiles) -> list[str]:
    if not named.pictures and not named.base:
        return [
            "this run has no pictures yet. If training is past its first validation, look at "
            "validation_step_interval and at the trainer's log."
        ]
    if not named.guessed:
        return []
    return [
        f"{len(named.guessed)} names can be read in two ways, for example "
        f"{list_ids(named.guessed[:1])}: number before the size as index or as part of the prompt "
        "id. Numbers that start at 0 were read as indices; --prompts FILE with the ids settles it."
    ]
