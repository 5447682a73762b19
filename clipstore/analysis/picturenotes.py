"""What the pictures' vectors show becomes sentences with their numbers.

Invariant: a note says what was seen and against what, never that a run is good, bad or to be
stopped.
"""

from __future__ import annotations

import numpy as np

from clipstore.analysis.phrases import cosine_text, count_text
from clipstore.analysis.picturecells import RunPictures
from clipstore.analysis.picturerules import PictureRules
from clipstore.analysis.pictures import PictureFacts, facts_of, picture_steps
from clipstore.findings import Plateau
from clipstore.picturefindings import PictureFindings, PictureNote

NO_VECTORS = (
    "The pictures were not compared: no picture vectors of this run are stored (the table "
    "embeddings was dropped, or the ingest kept scores only)."
)


def picture_findings(
    run: RunPictures, plateau: Plateau | None, rules: PictureRules | None = None
) -> PictureFindings:
    """All that the vectors say of one run. `plateau`: what its scores say, for the comparison."""
    if not (run.trained >= 0).any():
        return PictureFindings((), (), None, None, None, None, (), None, (NO_VECTORS,))
    facts = facts_of(run, plateau, rules or PictureRules())
    frozen_at, mismatched = facts.frozen_at, facts.mismatched()
    notes = (
        _of_other_prompts(facts, mismatched),
        _control_moved(facts),
        _at_chance(facts),
        _diversity_fell(facts),
        _near_duplicates(facts),
        _repeated_images(facts),
        _same_as_base(facts),
        _frozen(facts),
        _moving(facts),
    )
    return PictureFindings(
        notes=tuple(note for note in notes if note is not None),
        steps=picture_steps(facts),
        reference_distance=facts.reference,
        frozen_since_step=None if frozen_at is None else int(run.steps[frozen_at]),
        moved_while_flat=facts.drift.distance if facts.drift else None,
        diversity_fall=facts.fall.share if facts.fall else None,
        mismatched_steps=tuple(int(run.steps[t]) for t in mismatched),
        scoring_jitter=facts.jitter,
        missing=_missing(run),
    )


def _missing(run: RunPictures) -> tuple[str, ...]:
    told = []
    if run.n_without_vector:
        told.append(
            f"{run.n_without_vector:,} of {count_text(run.n_pictures, 'picture')} have no stored "
            "vector and were not compared."
        )
    n_without = int((run.text < 0).sum())
    if n_without:
        told.append(
            f"Whether pictures fit their own prompts best is not known for {n_without:,} of "
            f"{count_text(len(run.text), 'prompt')}: their vectors are not stored. "
            "`clipstore ingest --rescore` stores them."
        )
    return tuple(told)


def _of_other_prompts(facts: PictureFacts, mismatched: list[int]) -> PictureNote | None:
    if not mismatched:
        return None
    t = max(mismatched, key=lambda at: facts.strays[at].n)
    strays, pairing = facts.strays[t], facts.pairings[t]
    n_prompts = len(pairing.prompts) if pairing else 0
    names = facts.run.prompt_ids
    like = "; ".join(f"{names[one]}: fits {names[other]}" for one, other in strays.examples)
    also = f" and {len(mismatched) - 1:,} more" if len(mismatched) > 1 else ""
    return PictureNote(
        "PICTURES_OF_OTHER_PROMPTS",
        int(facts.run.steps[t]),
        f"Pictures seem to belong to other prompts at step {facts.run.steps[t]:,}{also}: those of "
        f"{strays.n:,} of {count_text(n_prompts, 'prompt')} look like, and fit, another prompt's "
        f"({like}).",
    )


def _control_moved(facts: PictureFacts) -> PictureNote | None:
    limit = facts.rules.control_share * (facts.reference or np.inf)
    moved = np.flatnonzero(np.nan_to_num(facts.control) > limit)
    if len(moved) == 0:
        return None
    t = int(moved[0])
    jitter = "" if facts.jitter is None else f" Its clip/mean varies by {cosine_text(facts.jitter)}"
    return PictureNote(
        "CONTROL_MOVED",
        int(facts.run.steps[t]),
        f"The base model's pictures are others at step {facts.run.steps[t]:,} than at first "
        f"(distance {cosine_text(float(facts.control[t]))}), though no training can move them: "
        "seeds, prompts, resolution or the base model changed, and validations before and after "
        f"do not compare.{jitter + ' (SD) over the validations.' if jitter else ''}",
    )


def _at_chance(facts: PictureFacts) -> PictureNote | None:
    if not facts.is_at_chance:
        return None
    last = [p for p in facts.pairings[-facts.rules.fall_validations :] if p is not None]
    own = cosine_text(float(np.mean([p.own for p in last])))
    chance = cosine_text(float(np.mean([p.chance for p in last])))
    sd = cosine_text(float(np.mean([p.dealt_sd for p in last])))
    return PictureNote(
        "AT_CHANCE",
        int(facts.run.steps[-len(last)]),
        f"At the last {count_text(len(last), 'validation')} the pictures fit their own prompts no "
        f"better than each other's: {own} against {chance} (chance, SD {sd}). They do not follow "
        "their prompts, or are filed under the wrong ones.",
    )


def _diversity_fell(facts: PictureFacts) -> PictureNote | None:
    fall = facts.fall
    if fall is None:
        return None
    against = "the base model's" if fall.step is None else f"its own around step {fall.step:,}"
    return PictureNote(
        "DIVERSITY_FELL",
        int(facts.run.steps[-facts.rules.fall_validations]),
        f"Diversity fell by {100 * fall.share:.0f} %: pictures of different prompts are "
        f"{cosine_text(fall.now)} apart at the last "
        f"{count_text(facts.rules.fall_validations, 'validation')}, against "
        f"{cosine_text(fall.reference)} ({against}).",
    )


def _near_duplicates(facts: PictureFacts) -> PictureNote | None:
    found = facts.duplicates[-1]
    n_pictures = int((facts.run.trained[-1] >= 0).sum())
    if found.example is None or found.n_pictures < facts.rules.duplicate_share * n_pictures:
        return None
    one, other = (facts.run.prompt_ids[prompt] for prompt in found.example)
    return PictureNote(
        "NEAR_DUPLICATES",
        int(facts.run.steps[-1]),
        f"{found.n_pictures:,} of {count_text(n_pictures, 'picture')} of step "
        f"{facts.run.steps[-1]:,} are nearly the same as another prompt's, for example {one} and "
        f"{other}.",
    )


def _repeated_images(facts: PictureFacts) -> PictureNote | None:
    n_repeats = facts.duplicates[-1].n_repeats
    n_pictures = int((facts.run.trained[-1] >= 0).sum())
    if n_repeats == 0 or n_repeats < facts.rules.duplicate_share * n_pictures:
        return None
    return PictureNote(
        "REPEATED_IMAGES",
        int(facts.run.steps[-1]),
        f"{n_repeats:,} of {count_text(n_pictures, 'picture')} of step {facts.run.steps[-1]:,} are "
        "nearly the same as another one of their own prompt: several pictures of a prompt tell "
        "more only where their seeds differ.",
    )


def _same_as_base(facts: PictureFacts) -> PictureNote | None:
    distance = float(facts.moves.from_base[-1])
    if not distance <= facts.rules.same_share * (facts.reference or 0.0):
        return None
    return PictureNote(
        "SAME_AS_BASE",
        int(facts.run.steps[-1]),
        f"The pictures of step {facts.run.steps[-1]:,} are the base model's (distance "
        f"{cosine_text(distance)}): nothing was learned yet, or the trained weights were not used.",
    )


def _frozen(facts: PictureFacts) -> PictureNote | None:
    if facts.frozen_at is None:
        return None
    n_same = len(facts.run.steps) - facts.frozen_at
    step = int(facts.run.steps[facts.frozen_at])
    most = cosine_text(float(np.nanmax(facts.moves.from_last[facts.frozen_at :])))
    return PictureNote(
        "FROZEN",
        step,
        f"Frozen: the pictures have not changed since step {step:,} (distance at most {most} over "
        f"{count_text(n_same, 'validation')}).",
    )


def _moving(facts: PictureFacts) -> PictureNote | None:
    if facts.drift is None or facts.drift_at is None:
        return None
    step = int(facts.run.steps[facts.drift_at])
    distance = facts.drift.distance
    share = 100 * distance / (facts.reference or np.nan)
    between = float(np.nanmedian(facts.moves.from_previous[facts.drift_at + 1 :]))
    return PictureNote(
        "MOVING_WHILE_FLAT",
        step,
        f"clip/mean is flat since step {step:,}, but the pictures still move: from the first to "
        f"the last third of that time by {cosine_text(distance)}, {share:.0f} % of what lies "
        f"between pictures of different prompts, and by {cosine_text(between)} from one "
        "validation to the next.",
    )
