"""What a ranking by mean CLIP score claims of real models, beside what people say, beside ours.

    python -m benchmarks.human_agreement [--legend reports/human_agreement.json]

Reads `tests/data/tifa160.csv` (five models, 160 prompts, people's ratings; CLIP ViT-B/32, which has
no band) through `clipstore import` and `compare`, in both scopes. "People" are their mean ratings,
compared as we compare cosines: paired by prompt, Holm over the pairs. `--legend` writes the figures
that the report prints.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
from scipy.stats import kendalltau, ttest_rel

from clipstore.analysis.comparing import CompareOptions
from clipstore.analysis.fromstore import comparisons_in_store
from clipstore.analysis.multiple import holm
from clipstore.comparisons import Comparison
from clipstore.pipeline.importing import ImportRequest, import_scores
from clipstore.sources.scorefiles import read_scores
from tests.tifa import MODEL, tifa160, write_import_file

CLIP, PEOPLE = "cosine_vit_b_32", "human_mean_1_to_5"
USUAL_BAND_LOW = 0.30
CLOSE = 0.01

Pairs = dict[tuple[str, str], int]
"""(model a, model b), a before b in the alphabet, to 1 (a is ahead), -1 (b), 0 (cannot tell)."""


def by_mean(scores: pl.DataFrame, column: str) -> dict[str, float]:
    """Model to mean, highest first."""
    means = scores.group_by("model").agg(pl.col(column).mean()).sort(column, descending=True)
    return dict(means.iter_rows())


def claims_of_means(means: dict[str, float]) -> Pairs:
    return {(a, b): int(np.sign(means[a] - means[b])) for a, b in combinations(sorted(means), 2)}


def claims_of_people(scores: pl.DataFrame) -> Pairs:
    wide = scores.pivot(on="model", index="prompt_id", values=PEOPLE)
    couples = list(combinations(sorted(scores["model"].unique()), 2))
    tests = [ttest_rel(wide[a].to_numpy(), wide[b].to_numpy()) for a, b in couples]
    adjusted = holm([test.pvalue for test in tests])
    return {
        couple: int(np.sign(test.statistic)) if p < 0.05 else 0
        for couple, test, p in zip(couples, tests, adjusted, strict=True)
    }


def claims_of_comparison(found: Comparison) -> Pairs:
    signs = {"higher": 1, "lower": -1}
    return {(pair.run_a, pair.run_b): signs.get(pair.verdict, 0) for pair in found.pairs}


def agreement(claims: Pairs, people: Pairs, means: Pairs) -> str:
    """How many claims there are and how they stand to people's."""
    made = [couple for couple, sign in claims.items() if sign]
    right = sum(claims[couple] == people[couple] for couple in made)
    open_ = [couple for couple in made if people[couple] == 0]
    against = sum(claims[couple] == -people[couple] for couple in made if people[couple])
    turned = sum(claims[couple] == -means[couple] for couple in made)
    return (
        f"{len(made):>2} of {len(claims)} pairs claimed: {right} as people surely say, "
        f"{against} against it, {len(open_)} where people are not sure; {turned} against the "
        "order of people's means"
    )


def picture_cases(scores: pl.DataFrame) -> list[dict[str, object]]:
    """How often CLIP's pick of two pictures of one prompt is the one that people rate higher."""
    rows = scores.select("prompt_id", "model", CLIP, PEOPLE)
    pairs = rows.join(rows, on="prompt_id", suffix="_b").filter(
        (pl.col("model") < pl.col("model_b")) & (pl.col(PEOPLE) != pl.col(f"{PEOPLE}_b"))
    )
    picks = pairs.with_columns(
        agrees=((pl.col(CLIP) - pl.col(f"{CLIP}_b")) * (pl.col(PEOPLE) - pl.col(f"{PEOPLE}_b")))
        > 0,
        both_high=pl.min_horizontal(CLIP, f"{CLIP}_b") >= USUAL_BAND_LOW,
        close=(pl.col(CLIP) - pl.col(f"{CLIP}_b")).abs() < CLOSE,
    )
    low, close = f"{USUAL_BAND_LOW:.2f}", f"{CLOSE:.2f}"
    cases = {
        f"both at {low} or higher, less than {close} apart": pl.col("both_high") & pl.col("close"),
        f"both at {low} or higher": pl.col("both_high"),
        f"at least one below {low}": ~pl.col("both_high"),
    }
    return [
        {
            "case": name,
            "n_pairs": picks.filter(case).height,
            "n_agree": int(picks.filter(case)["agrees"].sum()),
        }
        for name, case in cases.items()
    ]


def legend(scores: pl.DataFrame) -> dict[str, object]:
    """What `reports/human_agreement.json` holds."""
    return {
        "n_prompts": scores["prompt_id"].n_unique(),
        "n_models": scores["model"].n_unique(),
        "clip_model": MODEL,
        "source": "Hu et al., TIFA, ICCV 2023",
        "cases": picture_cases(scores),
    }


def main() -> None:
    """Import, compare, print; with `--legend` write the report's figures instead."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--legend", type=Path)
    file = parser.parse_args().legend
    scores = tifa160()
    if file is not None:
        file.write_text(json.dumps(legend(scores), indent=2) + "\n", encoding="utf-8")
        return
    clip, people = by_mean(scores, CLIP), by_mean(scores, PEOPLE)
    sure, by_means = claims_of_people(scores), claims_of_means(people)
    tau = kendalltau([clip[m] for m in clip], [people[m] for m in clip]).statistic
    lines = [
        f"{scores['prompt_id'].n_unique()} prompts, {len(clip)} models, {MODEL}",
        "  by CLIP mean    " + " > ".join(f"{m} {v:.4f}" for m, v in clip.items()),
        "  by people       " + " > ".join(f"{m} {v:.2f}" for m, v in people.items()),
        f"  Kendall's tau of the two orders: {tau:.2f}",
        "",
        "ranking by mean   " + agreement(claims_of_means(clip), sure, by_means),
    ]
    with tempfile.TemporaryDirectory() as folder:
        file, store = Path(folder) / "tifa.csv", Path(folder) / "s.duckdb"
        write_import_file(file)
        import_scores(store, ImportRequest(read_scores(file, 1), (), MODEL, 1))
        for scope in ("checkpoint", "run"):
            options = CompareOptions(scope=scope)  # type: ignore[arg-type]
            found = comparisons_in_store(store, (), None, options).comparisons[0]
            told = agreement(claims_of_comparison(found), sure, by_means)
            lines.append(f"compare {scope:<10}{told}")
            lines += [f"    {g.label}: {', '.join(g.runs)}" for g in found.groups]
    lines += ["", "two pictures of one prompt: CLIP picks the one that people rate higher"]
    for case in picture_cases(scores):
        share = 100 * float(str(case["n_agree"])) / float(str(case["n_pairs"]))
        lines.append(f"  {case['case']:<42}{share:5.0f} %  of {case['n_pairs']} pairs")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
