"""Whatever is found of a run, one label follows and contradicts nothing."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import get_args

import pytest

from clipstore.analysis.cases import Case, answer_of, case_of, label_of
from clipstore.analysis.looks import Blocker, Look
from clipstore.analysis.plateau import FLAT, PlateauFit
from clipstore.analysis.rules import Rules
from clipstore.findings import Location, Plateau, PlateauStatus

FIT = PlateauFit(
    Plateau(
        status="plateau",
        onset_step=100,
        onset_low_step=100,
        onset_high_step=200,
        level=0.25,
        level_low=0.24,
        level_high=0.26,
        level_any_low=0.23,
        level_any_high=0.27,
        location="BELOW_BAND",
        drift=0.0,
        drift_low=-0.001,
        drift_high=0.001,
        horizon_steps=500,
        bound=0.001,
    ),
    n_tail=10,
    drift_se=0.001,
    drift_prompt_share=0.5,
    swing=0.0,
)
LOOK = Look(
    step=1000,
    reason=None,
    blocker="PATIENCE",
    level=0.25,
    n_window=5,
    n_under=0,
    limit=0.26,
    line_end=0.27,
    peak_step=None,
    peak=0.3,
    n_dropped=0,
    last_good_step=None,
    n_to_confirm=4,
    for_any_prompts=True,
    n_flat=0,
    n_flat_needed=0,
    prompts_needed=None,
)
EVERYTHING = list(
    itertools.product(get_args(PlateauStatus), get_args(Location), get_args(Blocker), (0, 3, 5))
)


def case(
    status: PlateauStatus = "plateau",
    location: Location = "BELOW_BAND",
    blocker: Blocker = "PATIENCE",
    n_dropped: int = 0,
    n_prompts: int = 50,
    pictures_lost: bool = False,
    flagged: bool = False,
    too_slow: bool = False,
) -> Case:
    fit = replace(FIT, plateau=replace(FIT.plateau, status=status, location=location))
    look = replace(LOOK, blocker=blocker, n_dropped=n_dropped)
    return case_of(
        fit,
        look,
        flagged=flagged,
        n_prompts=n_prompts,
        pictures_lost=pictures_lost,
        too_slow=too_slow,
        rules=Rules(),
    )


def test_every_combination_has_a_label_that_fits_it() -> None:
    for status, location, blocker, n_dropped in EVERYTHING:
        label = label_of(case(status, location, blocker, n_dropped))
        found = (status, location, blocker, n_dropped, label)
        assert label != "abandon", found  # only a flag says that
        if label == "in band: judge by eye":
            assert location in ("IN_BAND", "ABOVE_BAND"), found
        if label == "keep going":
            points_up = blocker in ("PATIENCE", "RISING", "LINE_REACHES")
            assert location not in ("IN_BAND", "ABOVE_BAND"), found
            assert status == "rising" or (status in FLAT and points_up), found
        if status == "too_short" or n_dropped == 3:
            assert label == "cannot tell yet", found


def test_no_to_stopping_needs_scores_that_say_so() -> None:
    for status, location, blocker, n_dropped in EVERYTHING:
        answer = answer_of(case(status, location, blocker, n_dropped))
        found = (status, location, blocker, n_dropped, answer)
        assert answer != "yes", found
        if answer == "no":
            assert status == "rising" or location != "UNKNOWN", found
            assert status != "too_short", found


@pytest.mark.parametrize(
    ("found", "label", "answer"),
    [
        (case(flagged=True), "abandon", "yes"),
        (case(n_prompts=4, location="IN_BAND"), "cannot tell yet", "cannot tell yet"),
        (case(pictures_lost=True, location="IN_BAND"), "cannot tell yet", "cannot tell yet"),
        (case("rising", "IN_BAND"), "in band: judge by eye", "no"),
        (case("falling", "IN_BAND"), "in band: judge by eye", "no"),
        (case("rising", "POOR"), "keep going", "no"),
        (case("rising", "POOR", too_slow=True), "cannot tell yet", "cannot tell yet"),
        (case("rising", "IN_BAND", too_slow=True), "in band: judge by eye", "no"),
        (case("rising", "UNKNOWN"), "keep going", "no"),
        (case("plateau", "UNKNOWN"), "cannot tell yet", "cannot tell yet"),
        (case("plateau", "BORDERLINE"), "cannot tell yet", "no"),
        (case(blocker="PATIENCE"), "keep going", "cannot tell yet"),
        (case(blocker="BUDGET_UNKNOWN"), "cannot tell yet", "cannot tell yet"),
        (case(blocker="RISING"), "keep going", "no"),
        (case(blocker="LEVEL_UNSURE"), "cannot tell yet", "cannot tell yet"),
        (case(blocker="WAS_NEAR_BAND"), "cannot tell yet", "cannot tell yet"),
        (case("plateau", "IN_BAND", n_dropped=3), "cannot tell yet", "cannot tell yet"),
        (case("plateau", "BORDERLINE", n_dropped=5), "cannot tell yet", "no"),
        (case("falling", blocker="PATIENCE"), "cannot tell yet", "cannot tell yet"),
    ],
)
def test_the_table_of_verdicts(found: Case, label: str, answer: str) -> None:
    assert (label_of(found), answer_of(found)) == (label, answer)
