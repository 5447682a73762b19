"""Constants of the rule from a file: all of it is used, or the error says what is known."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from clipstore.analysis.rules import Rules
from clipstore.analysis.rulesfile import (
    ChangedRule,
    changed_rules,
    changed_rules_text,
    rules_from_file,
)
from clipstore.errors import RulesFileError


def rules_of(folder: Path, text: str, name: str = "rules.toml") -> Rules:
    (folder / name).write_text(text)
    return rules_from_file(folder / name)


def test_toml_and_json_change_what_they_name_and_nothing_else(tmp_path: Path) -> None:
    expected = Rules(patience_share=0.7, min_tail=5, onset_interval=(0.05, 0.95))
    toml = "patience_share = 0.7\nmin_tail = 5\nonset_interval = [0.05, 0.95]\n"
    json = '{"patience_share": 0.7, "min_tail": 5, "onset_interval": [0.05, 0.95]}'
    assert rules_of(tmp_path, toml) == expected
    assert rules_of(tmp_path, json, "rules.json") == expected
    assert rules_of(tmp_path, "") == Rules()


def test_what_is_changed_is_listed_with_the_usual_value() -> None:
    assert changed_rules(Rules(patience_share=0.7)) == (ChangedRule("patience_share", 0.7, 0.6),)
    assert "patience_share = 0.7 (usually 0.6)" in (
        changed_rules_text(Rules(patience_share=0.7)) or ""
    )
    assert changed_rules_text(Rules()) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("patience = 0.7", "no rule named patience"),
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
        rules_of(tmp_path, text)
    assert refused.value.exit_code == 2
    for field in fields(Rules):
        assert field.name in str(refused.value)


def test_a_missing_file_and_another_kind_of_json_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RulesFileError, match="cannot be read"):
        rules_from_file(tmp_path / "none.toml")
    with pytest.raises(RulesFileError, match="not an object"):
        rules_of(tmp_path, "[1]", "rules.json")
