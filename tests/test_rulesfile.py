"""Constants of the analysis from a file: all of it is used, or the error says what is known."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

import clipstore.analysis
from clipstore.analysis.allrules import AllRules
from clipstore.analysis.calibrationrules import CalibrationRules
from clipstore.analysis.comparerules import CompareRules
from clipstore.analysis.picturerules import PictureRules
from clipstore.analysis.rules import Rules
from clipstore.analysis.rulesfile import (
    ChangedRule,
    changed_rules,
    changed_rules_text,
    rules_from_file,
)
from clipstore.errors import RulesFileError


def rules_of(folder: Path, text: str, name: str = "rules.toml") -> AllRules:
    (folder / name).write_text(text)
    return rules_from_file(folder / name)


def test_toml_and_json_change_what_they_name_and_nothing_else(tmp_path: Path) -> None:
    expected = AllRules(
        verdict=Rules(patience_share=0.7, min_tail=5, onset_interval=(0.05, 0.95)),
        compare=CompareRules(alpha=0.01),
        pictures=PictureRules(same_share=0.02),
        calibration=CalibrationRules(min_texts=50),
    )
    toml = """
        [verdict]
        patience_share = 0.7
        min_tail = 5
        onset_interval = [0.05, 0.95]
        [compare]
        alpha = 0.01
        [pictures]
        same_share = 0.02
        [calibration]
        min_texts = 50
    """
    json = """{"verdict": {"patience_share": 0.7, "min_tail": 5, "onset_interval": [0.05, 0.95]},
        "compare": {"alpha": 0.01}, "pictures": {"same_share": 0.02},
        "calibration": {"min_texts": 50}}"""
    assert rules_of(tmp_path, toml) == expected
    assert rules_of(tmp_path, json, "rules.json") == expected
    assert rules_of(tmp_path, "") == AllRules()


def test_what_is_changed_is_listed_with_the_usual_value() -> None:
    rules = AllRules(Rules(patience_share=0.7), CompareRules(alpha=0.01))
    assert changed_rules(rules) == (
        ChangedRule("verdict.patience_share", 0.7, 0.57),
        ChangedRule("compare.alpha", 0.01, 0.05),
    )
    told = changed_rules_text(rules) or ""
    assert "verdict.patience_share = 0.7 (usually 0.57), compare.alpha = 0.01" in told
    assert changed_rules_text(AllRules()) is None


def test_every_rule_of_the_analysis_is_under_the_root() -> None:
    parts = {type(getattr(AllRules(), part.name)) for part in fields(AllRules)}
    found = {
        value
        for module in pkgutil.iter_modules(clipstore.analysis.__path__, "clipstore.analysis.")
        for value in vars(importlib.import_module(module.name)).values()
        if is_dataclass(value) and isinstance(value, type) and value.__name__.endswith("Rules")
    }
    assert {each.__name__ for each in found - parts} == {
        "AllRules",
        "ModelRules",  # the rules and band of one model, made from the root
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("patience = 0.7", r"no rule named patience in \[verdict\]"),
        ("patience_share = 'late'", "patience_share must be a number"),
        ("patience_share = true", "patience_share must be a number"),
        ("patience_share = nan", "patience_share must be a number"),
        ("patience_share = -0.1", "patience_share must be a share"),
        ("patience_share = 60", "patience_share must be a share: more than 0 and at most 1"),
        ("alpha = 5", "alpha must be a share: more than 0 and less than 1"),
        ("alpha = 0", "alpha must be a share"),
        ("withdraw_probability = 1", "less than 1"),
        ("drop_cosine = -0.1", "drop_cosine must be a number that is not negative"),
        ("min_tail = 5.5", "min_tail must be a whole number of at least 3"),
        ("min_validations = 2", "a whole number of at least 5"),
        ("few_prompts = 0", "a whole number of at least 1"),
        ("onset_interval = [0.9, 0.1]", "onset_interval must be two numbers"),
        ("onset_interval = 0.9", "onset_interval must be two numbers"),
        ("patience_share 0.7", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_all_names(
    tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(RulesFileError, match=says) as refused:
        rules_of(tmp_path, "[verdict]\n" + text)
    assert refused.value.exit_code == 2
    for part in fields(AllRules):
        for each in fields(getattr(AllRules(), part.name)):
            assert each.name in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("patience_share = 0.7", r"no section named patience_share; .* into \[verdict\]"),
        ("alpha = 0.01", r"belongs into \[verdict\] or \[compare\]"),
        ("[verdicts]\npatience_share = 0.7", "no section named verdicts"),
        ("verdict = 3", "verdict must be a section"),
        ("[compare]\nalpha = 1", "compare.alpha must be a share: more than 0 and less than 1"),
        ("[compare]\nmin_common_prompts = 2", "whole number of at least 3"),
        ("[compare]\nnoise_prior_df = 40", None),
        ("[pictures]\nmin_tail = 8", "whole number of at least 9"),
        ("[pictures]\nchance_sds = 2.5", None),
        ("[calibration]\nconfidence = 95", "calibration.confidence must be a share"),
    ],
)
def test_each_section_has_its_own_names_and_limits(
    tmp_path: Path, text: str, says: str | None
) -> None:
    if says is None:
        assert len(changed_rules(rules_of(tmp_path, text))) == 1
        return
    with pytest.raises(RulesFileError, match=says):
        rules_of(tmp_path, text)


def test_a_missing_file_and_another_kind_of_json_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RulesFileError, match="cannot be read"):
        rules_from_file(tmp_path / "none.toml")
    with pytest.raises(RulesFileError, match="no sections"):
        rules_of(tmp_path, "[1]", "rules.json")
