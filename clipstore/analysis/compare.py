"""Which runs differ, and which cannot be told apart: scores in, one `Comparison` per model out.

Invariant: nothing is ranked on a mean alone. Two runs are ordered only by a difference over their
common prompts that stays sure when all pairs are allowed for, never across models, and never where
both may lie in the band. No clock, no database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from clipstore.analysis.analysed import AnalysedRun, analyse_run
from clipstore.analysis.comparerules import CompareRules
from clipstore.analysis.comparing import CompareOptions, Comparing
from clipstore.analysis.modelsapart import models_apart
from clipstore.analysis.rules import Rules
from clipstore.analysis.series import RunScores, numbered_prompts, run_scores_from_frame
from clipstore.analysis.siblings import rules_of_models, with_store_jitter
from clipstore.comparisons import ComparisonSet
from clipstore.modelidentity import Band


def compare_runs(
    scores: pl.DataFrame,
    bands: Mapping[int, Band | None],
    options: CompareOptions,
    rules: Rules | None = None,
    compare_rules: CompareRules | None = None,
    others: pl.DataFrame | None = None,
) -> ComparisonSet:
    """One comparison per model that has a row in `scores`, in the order of the models' names.

    scores: as for `verdict.verdicts_from_scores`, only the runs to compare. `others`: the same of
    further runs, which only show how much checkpoints shake. A run scored by two models is in two
    comparisons. Raises `ValueError` for a step that a run does not have.
    """
    rules = rules or Rules()
    (found,) = compare_run_scores(
        list(run_scores_from_frame(scores, rules)),
        dict(numbered_prompts(scores).select("prompt", "prompt_id").iter_rows()),
        bands,
        (options,),
        rules,
        compare_rules,
        [] if others is None else list(run_scores_from_frame(others, rules)),
    )
    return found


def compare_run_scores(
    found: Sequence[RunScores],
    prompt_ids: Mapping[int, str],
    bands: Mapping[int, Band | None],
    questions: Sequence[CompareOptions],
    rules: Rules | None = None,
    compare_rules: CompareRules | None = None,
    others: Sequence[RunScores] = (),
) -> tuple[ComparisonSet, ...]:
    """The same for runs that are matrices already, an answer to each question: the runs are looked
    at once for all of them. `prompt_ids`: by the number of the prompt in `found`."""
    rules, compare_rules = rules or Rules(), compare_rules or CompareRules()
    by_model: dict[tuple[str, int], list[AnalysedRun]] = {}
    models = rules_of_models(bands, {each.model_id for each in found}, rules)
    known = [each for each in others if each.model_id in models]
    models = with_store_jitter(models, [*found, *known])
    for each in found:
        of_model = models[each.model_id]
        run = analyse_run(each, of_model.band, of_model.rules)
        by_model.setdefault((each.model, each.model_id), []).append(run)
    answers = []
    for options in questions:
        comparisons = tuple(
            Comparing(
                sorted(runs, key=lambda run: run.scores.run),
                options,
                compare_rules,
                prompt_ids,
                models[model_id].store_jitter,
            ).result(model)
            for (model, model_id), runs in sorted(by_model.items())
        )
        apart = () if options.against_base else models_apart(comparisons)
        answers.append(ComparisonSet(comparisons, apart))
    return tuple(answers)
