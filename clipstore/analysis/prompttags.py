"""How the prompts of one tag value changed together.

Invariant: a tag's mean speaks of prompts of its kind, so its error is the spread of the prompts'
changes and the checkpoints' shake. Holm over the values of a tag: they are few, and each is a claim
that people act on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import stdtr, stdtrit

from clipstore.analysis.analysed import AnalysedRun
from clipstore.analysis.comparerules import CompareRules
from clipstore.analysis.multiple import holm
from clipstore.analysis.pairs import may_be_in_band, satterthwaite_df
from clipstore.promptfindings import PromptChange, TagChange


def tag_changes(
    prompts: Sequence[PromptChange], run: AnalysedRun, shake_variance: float, rules: CompareRules
) -> tuple[TagChange, ...]:
    """One value per tag and value that any prompt has, by tag, then value."""
    members: dict[tuple[str, str], list[PromptChange]] = {}
    for prompt in prompts:
        for pair in prompt.tags:
            members.setdefault(pair, []).append(prompt)
    unadjusted = [
        _tag_change(tag, value, members[tag, value], run, shake_variance, rules)
        for tag, value in sorted(members)
    ]
    found: list[TagChange] = []
    for tag in sorted({tag for tag, _ in members}):
        found += _adjusted([each for each in unadjusted if each.tag == tag], run, rules)
    return tuple(found)


def _tag_change(
    tag: str,
    value: str,
    prompts: Sequence[PromptChange],
    run: AnalysedRun,
    shake_variance: float,
    rules: CompareRules,
) -> TagChange:
    """With p not yet adjusted, and no verdict but "too few prompts"."""
    known = [
        (p.level, p.reference, p.change)
        for p in prompts
        if p.reference is not None and p.change is not None
    ]
    found = TagChange(
        tag=tag,
        value=value,
        n_prompts=len(known),
        n_flagged=sum(bool(prompt.flags) for prompt in prompts),
        level=None,
        reference=None,
        change=None,
        low=None,
        high=None,
        p_holm=None,
        verdict="too few prompts",
    )
    if len(known) < rules.min_common_prompts:
        return found
    level, reference, change = np.array(known).mean(axis=0).tolist()
    own = float(np.var([each[2] for each in known], ddof=1)) / len(known)
    se = max(math.sqrt(own + shake_variance), 1e-9)
    df = satterthwaite_df((own, len(known) - 1), (shake_variance, run.rules.jitter_prior_weight))
    half = float(stdtrit(df, 0.975)) * se
    p = float(2 * stdtr(df, -abs(change) / se))
    return replace(
        found,
        level=level,
        reference=reference,
        change=change,
        low=change - half,
        high=change + half,
        p_holm=p,
        verdict="cannot tell",
    )


def _adjusted(
    values: Sequence[TagChange], run: AnalysedRun, rules: CompareRules
) -> list[TagChange]:
    adjusted = iter(holm([each.p_holm for each in values if each.p_holm is not None]))
    done = []
    for each in values:
        if each.p_holm is None or each.level is None or each.reference is None:
            done.append(each)
            continue
        p = float(next(adjusted))
        levels = (each.level, each.reference)
        if all(may_be_in_band(level, 0.0, run.band, run.rules) for level in levels):
            done.append(replace(each, p_holm=p, verdict="judge by eye"))
        elif p < rules.alpha:
            rose = (each.change or 0) > 0
            done.append(replace(each, p_holm=p, verdict="rose" if rose else "fell"))
        else:
            done.append(replace(each, p_holm=p))
    return done
