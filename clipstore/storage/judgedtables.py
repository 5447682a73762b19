"""The columns and types of the tables that hold what the analysis said; the rest of
`storage.tables`."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from clipstore.storage.columntypes import DOUBLE, INTEGER, TEXT, TIME

_INTERVAL = {"low": DOUBLE, "high": DOUBLE}
_JUDGED = {"changed_rules": TEXT, "scores_until": TIME, "judged_at": TIME}

JUDGED_SCHEMAS: Mapping[str, pl.Schema] = {
    "verdicts": pl.Schema(
        {
            **dict.fromkeys(("model_id", "run_id"), INTEGER),
            **dict.fromkeys(("verdict", "reason", "sentence"), TEXT),
            **dict.fromkeys(("first_flag_step", "steps_saved", "peak_step"), INTEGER),
            **dict.fromkeys(("status", "location"), TEXT),
            **dict.fromkeys(("level", "level_low", "level_high"), DOUBLE),
            **dict.fromkeys(("level_any_low", "level_any_high"), DOUBLE),
            **dict.fromkeys(("onset_step", "onset_low_step", "onset_high_step"), INTEGER),
            **dict.fromkeys(("drift", "drift_low", "drift_high"), DOUBLE),
            "horizon_steps": INTEGER,
            **dict.fromkeys(("base_difference", "base_low", "base_high"), DOUBLE),
            **dict.fromkeys(("n_prompts", "n_validations", "last_step"), INTEGER),
            "planned_steps": INTEGER,
            "checkpoint_jitter": DOUBLE,
            "notes": pl.List(TEXT),
            **dict.fromkeys(("rules", "clipstore_version"), TEXT),
            **dict.fromkeys(("scores_until", "judged_at"), TIME),
            "changed_rules": TEXT,
            "base_mean": DOUBLE,
        }
    ),
    "step_intervals": pl.Schema(
        {
            **dict.fromkeys(("model_id", "run_id", "step"), INTEGER),
            "adjusted_mean": DOUBLE,
            **_INTERVAL,
            **_JUDGED,
        }
    ),
    "best_checkpoints": pl.Schema(
        {
            **dict.fromkeys(("model_id", "run_id", "best_step"), INTEGER),
            "steps": pl.List(INTEGER),
            "n_validations": INTEGER,
            **_JUDGED,
        }
    ),
    "run_differences": pl.Schema(
        {
            **dict.fromkeys(("model_id", "run_a_id", "run_b_id"), INTEGER),
            **dict.fromkeys(("verdict", "reason"), TEXT),
            "n_prompts": INTEGER,
            **dict.fromkeys(("level_a", "level_b", "difference"), DOUBLE),
            **_INTERVAL,
            **dict.fromkeys(("p_holm", "alpha", "wanted_difference"), DOUBLE),
            "n_runs": INTEGER,
            **dict.fromkeys(("selection", "changed_rules"), TEXT),
            **dict.fromkeys(("scores_until", "compared_at"), TIME),
        }
    ),
}
"""In the order in which parts are merged."""

JUDGED_NULLABLE_COLUMNS: Mapping[str, frozenset[str]] = {
    "verdicts": frozenset(
        {
            *("reason", "first_flag_step", "steps_saved", "peak_step"),
            *("level", "level_low", "level_high", "level_any_low", "level_any_high"),
            *("onset_step", "onset_low_step", "onset_high_step"),
            *("drift", "drift_low", "drift_high", "horizon_steps"),
            *("base_difference", "base_low", "base_high", "base_mean"),
            *("last_step", "planned_steps", "checkpoint_jitter", "changed_rules"),
        }
    ),
    "step_intervals": frozenset({"adjusted_mean", "low", "high", "changed_rules"}),
    "best_checkpoints": frozenset({"best_step", "changed_rules"}),
    "run_differences": frozenset(
        {
            *("run_b_id", "reason", "level_a", "level_b", "difference", "low", "high", "p_holm"),
            *("selection", "changed_rules"),
        }
    ),
}
"""As `storage.tables.NULLABLE_COLUMNS`."""
