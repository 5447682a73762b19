"""Trainers' settings files, as people write them and as crashes leave them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipstore.sources.textfiles import Unreadable
from clipstore.sources.trainerconfig import TrainerConfig, read_trainer_config


def read(tmp_path: Path, content: str | bytes, name: str = "config.json") -> TrainerConfig:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_trainer_config(path)


EXPECTED = {"max_train_steps": "20", "validation_prompt": "see http://x # y // z", "use_ema": True}
SAME_SETTINGS = {
    "plain": '{"max_train_steps": "20", "validation_prompt": "see http://x # y // z", '
    '"use_ema": true}',
    "dashes": '{"--max_train_steps": "20", "--validation_prompt": "see http://x # y // z", '
    '"--use_ema": true}',
    "hash comments": '{"max_train_steps": "20", # or more\n '
    '"validation_prompt": "see http://x # y // z", "use_ema": true}',
    "slash comments and a last comma": '// head\n{"max_train_steps": "20", /* a "b" */ '
    '"validation_prompt": "see http://x # y // z", "use_ema": true, // end\n}',
    "json5": "{max_train_steps: '20', 'validation_prompt': 'see http://x # y // z', use_ema: true}",
}


@pytest.mark.parametrize("name", SAME_SETTINGS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_way_to_write_the_settings_reads_the_same(
    tmp_path: Path, name: str, encoding: str
) -> None:
    content = SAME_SETTINGS[name].replace("\n", "\r\n").encode(encoding)

    assert read(tmp_path, content).values == EXPECTED


def test_toml_and_environment_files_are_read_too(tmp_path: Path) -> None:
    toml = 'max_train_steps = "20"\nvalidation_prompt = "see http://x # y // z"\nuse_ema = true\n'
    env = (
        "# settings\nexport MAX_NUM_STEPS=20 # or more\n"
        "VALIDATION_PROMPT='see http://x # y // z'\n\nnot a setting\nUSE_EMA=true\n"
    )

    assert read(tmp_path, toml, "config.toml").values == EXPECTED
    assert read(tmp_path, env, "config.env").values == {**EXPECTED, "use_ema": "true"}


@pytest.mark.parametrize(
    ("value", "whole", "flag", "text"),
    [
        ("20", 20, None, "20"),
        (20, 20, None, None),
        (20.0, 20, None, None),
        ("1e4", 10_000, None, "1e4"),
        ("20.5", None, None, "20.5"),
        (True, None, True, None),
        ("true", None, True, "true"),
        ("False", None, False, "False"),
        (1, 1, True, None),
        ("None", None, False, None),
        (None, None, None, None),
        ([20], None, None, None),
        ("inf", None, None, "inf"),
        ("9" * 400, None, None, "9" * 400),
    ],
)
def test_values_are_read_as_the_type_asked_for_or_not_at_all(
    value: object, whole: int | None, flag: bool | None, text: str | None
) -> None:
    config = TrainerConfig(Path("config.json"), {"key": value})

    assert (config.whole("key"), config.flag("key"), config.text("key")) == (whole, flag, text)


BROKEN = {
    "empty": b"",
    "a list": b"[1]",
    "torn": b'{"max_train_steps": 20, "val',
    "10,000 levels": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "100 levels": b'{"a":' * 100 + b"1" + b"}" * 100,
    "too large": b'{"a": "' + b"x" * (5 * 2**20) + b'"}',
    "not text": b"\xff\xfe\xfd",
    "a number too long to be one": b'{"a": ' + b"9" * 5000 + b"}",
    "comments without an end": b"/*" * 500_000,
    "quotes without an end": b'{"' * 300_000,
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_unreadable_with_a_reason(tmp_path: Path, name: str) -> None:
    with pytest.raises(Unreadable, match=r"it is|it holds|byte"):
        read(tmp_path, BROKEN[name])


def test_a_fifo_named_config_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")

    with pytest.raises(Unreadable, match="not a regular file"):
        read_trainer_config(tmp_path / "config.json")


def test_passwords_are_hidden_at_every_depth_but_tokenizers_are_not(tmp_path: Path) -> None:
    secrets = {
        "hub_token": "hf_x",
        "tokenizer": "t5",
        "max_token": "",
        "webhook": [{"webhook_url": "https://x", "api_key": 5}],
    }

    assert read(tmp_path, json.dumps(secrets)).values == {
        "hub_token": "(hidden)",
        "tokenizer": "t5",
        "max_token": "",
        "webhook": [{"webhook_url": "(hidden)", "api_key": "(hidden)"}],
    }


def test_values_that_no_store_holds_become_text(tmp_path: Path) -> None:
    config = read(tmp_path, r'{"a": NaN, "b": 1e999, "c": "x\ud800\u0000", "d\ud800": 1}')

    assert config.values == {"a": "NaN", "b": "inf", "c": "x\\ud800\\x00", "d\\ud800": 1}
    assert config.escaped == {"c"}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_any_json_object_is_settings_that_can_be_stored(
    tmp_path_factory: pytest.TempPathFactory, value: object
) -> None:
    path = tmp_path_factory.mktemp("any") / "config.json"
    path.write_text(json.dumps({"key": value}))

    config = read_trainer_config(path)

    json.dumps(dict(config.values), allow_nan=False, ensure_ascii=False).encode()
    config.text("key"), config.flag("key"), config.whole("key")
