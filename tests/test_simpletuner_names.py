"""Every form in which SimpleTuner has named its pictures, and what decides between two readings."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipstore.simpletuner.names import (
    BaseReading,
    MediaRow,
    NameEvidence,
    Reading,
    base_name_to_reading,
    name_to_readings,
    resolve_names,
    split_adapter,
)
from clipstore.types import Size

EXAMPLES = {
    "step_500_val_img_3.png": Reading("counter", 500, "val_img", 3, None, "png"),
    "step_500_val_img_3_1024.png": Reading("counter", 500, "val_img", 3, Size(1024, 1024), "png"),
    "step_500_val_img_3_(1024, 768).png": Reading(
        "counter", 500, "val_img", 3, Size(1024, 768), "png"
    ),
    "step_500_validation_(1024, 1024).png": Reading(
        "tuple", 500, "validation", None, Size(1024, 1024), "png"
    ),
    "step_500_validation_1024.png": Reading(
        "edge", 500, "validation", None, Size(1024, 1024), "png"
    ),
    "step_500_validation_1024x768.png": Reading(
        "plain", 500, "validation", None, Size(1024, 768), "png"
    ),
    "step_500_validation_0_1024x768.webp": Reading(
        "indexed", 500, "validation", 0, Size(1024, 768), "webp"
    ),
    "step_500_validation_0_1024x768.jpg": Reading(
        "indexed", 500, "validation", 0, Size(1024, 768), "jpg"
    ),
    "step_500_validation_0_512x512.mp4": Reading(
        "indexed", 500, "validation", 0, Size(512, 512), "mp4"
    ),
    "step_500_validation_4_unknown.png": Reading("indexed", 500, "validation", 4, None, "png"),
    "step_500_song_2.wav": Reading("audio", 500, "song", 2, None, "wav"),
    "step_500__0_512x512.webp": Reading("indexed", 500, "", 0, Size(512, 512), "webp"),
    "step_500_ein Wörtchen\n\N{FOX FACE}__2_7_512x512.webp": Reading(
        "indexed", 500, "ein Wörtchen\n\N{FOX FACE}__2", 7, Size(512, 512), "webp"
    ),
}


@pytest.mark.parametrize("name", EXAMPLES, ids=repr)
def test_every_form_of_name_is_read(name: str) -> None:
    assert name_to_readings(name)[0] == EXAMPLES[name]


def test_an_index_before_the_size_can_be_part_of_the_prompt_id() -> None:
    assert name_to_readings("step_500_ds_3_1024x1024.png") == (
        Reading("indexed", 500, "ds", 3, Size(1024, 1024), "png"),
        Reading("plain", 500, "ds_3", None, Size(1024, 1024), "png"),
    )


@pytest.mark.parametrize(
    "name",
    [
        "grid.png",
        "step_x_fox_0_512x512.png",
        "step_-5_fox_0_512x512.png",
        "step_500_fox_0_512x512.gif",
        "step_500_fox_512x512.webp",  # formats other than PNG came after the index
        "xstep_500_fox_0_512x512.png",
        "step_500_fox_0_512x512.png\n",
        "step_٥_fox_0_512x512.png",
        "",
    ],
    ids=repr,
)
def test_other_names_have_no_reading(name: str) -> None:
    assert name_to_readings(name) == ()


@pytest.mark.parametrize(
    ("name", "reading"),
    [
        ("fox_512x768.png", BaseReading("fox", Size(512, 768), None, "png")),
        ("ds_3_512x768.png", BaseReading("ds_3", Size(512, 768), None, "png")),
        ("fox_512x512_2.mp4", BaseReading("fox", Size(512, 512), 2, "mp4")),
        ("fox_2.mp4", BaseReading("fox", None, 2, "mp4")),
        ("_512x512.png", BaseReading("", Size(512, 512), None, "png")),
        ("fox.png", None),
        ("fox_512x512.txt", None),
    ],
)
def test_base_pictures_are_named_without_a_step(name: str, reading: BaseReading | None) -> None:
    assert base_name_to_reading(name) == reading


SHORTNAMES = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), max_size=40
)
COUNTS = st.integers(0, 999_999)
SIZES = st.tuples(st.integers(1, 99_999), st.integers(1, 99_999))


@given(COUNTS, SHORTNAMES, COUNTS, SIZES, st.sampled_from(["png", "webp", "jpg", "mp4"]))
def test_whatever_the_trainer_writes_today_is_among_the_readings(
    step: int, shortname: str, index: int, size: tuple[int, int], extension: str
) -> None:
    name = f"step_{step}_{shortname}_{index}_{size[0]}x{size[1]}.{extension}"

    assert Reading("indexed", step, shortname, index, Size(*size), extension) in name_to_readings(
        name
    )


@given(COUNTS, SHORTNAMES, COUNTS, SIZES)
def test_a_known_prompt_id_decides_between_the_readings(
    step: int, shortname: str, index: int, size: tuple[int, int]
) -> None:
    written = {
        f"step_{step}_{shortname}_{index}_{size[0]}x{size[1]}.png": "indexed",
        f"step_{step}_{shortname}_{size[0]}x{size[1]}.png": "plain",
    }
    for name, form in written.items():
        readings = name_to_readings(name)
        others = {reading.shortname for reading in readings if reading.form != form}
        if shortname in others:
            continue
        resolved = resolve_names({name: readings}, evidence(known_ids={shortname}))
        assert resolved.readings[name].shortname == shortname
        assert resolved.readings[name].form == form


@given(st.text(string.printable + "\ud800é", max_size=80))
@settings(max_examples=300)
def test_any_name_is_read_or_not_but_never_fails(name: str) -> None:
    for reading in name_to_readings(name):
        assert reading.step >= 0
    base_name_to_reading(name)


def evidence(
    *,
    media_rows: dict[str, MediaRow] | None = None,
    known_ids: set[str] | None = None,
    base_ids: set[str] | None = None,
    is_older: bool = False,
) -> NameEvidence:
    return NameEvidence(
        media_rows or {}, known_ids or set(), base_ids or set(), lambda name: is_older
    )


def resolve(names: list[str], given_evidence: NameEvidence) -> dict[str, tuple[str, int | None]]:
    resolved = resolve_names({name: name_to_readings(name) for name in names}, given_evidence)
    return {
        name: (reading.shortname, reading.image_index)
        for name, reading in resolved.readings.items()
    }


NAME = "step_500_ds_3_512x512.png"


def test_the_media_log_is_the_strongest_evidence() -> None:
    as_index = evidence(media_rows={NAME: MediaRow(500, "ds", 3)}, known_ids={"ds_3"})

    assert resolve([NAME], as_index) == {NAME: ("ds", 3)}


def test_a_media_row_that_contradicts_the_name_is_no_evidence() -> None:
    wrong = evidence(media_rows={NAME: MediaRow(400, "ds", 3)}, known_ids={"ds_3"})

    assert resolve([NAME], wrong) == {NAME: ("ds_3", None)}


def test_an_adapter_s_suffix_means_an_index_as_it_came_later() -> None:
    name = "step_500_fox__my_lora_2_512x512.png"

    assert resolve([name], evidence(known_ids={"fox"})) == {name: ("fox__my_lora", 2)}


def test_benchmark_pictures_decide_after_known_ids() -> None:
    assert resolve([NAME], evidence(base_ids={"ds_3"})) == {NAME: ("ds_3", None)}
    assert resolve([NAME], evidence(base_ids={"ds_3"}, known_ids={"ds"})) == {NAME: ("ds", 3)}


def test_other_names_of_the_same_step_decide_next() -> None:
    beside = "step_500_unconditional_512x512.png"

    assert resolve([NAME, beside], evidence())[NAME] == ("ds_3", None)


def test_names_of_another_step_say_nothing() -> None:
    elsewhere = ["step_400_unconditional_512x512.png", "step_500_ds_0_512x512.png"]

    assert resolve(elsewhere, evidence())["step_500_ds_0_512x512.png"] == ("ds", 0)


def test_a_file_older_than_the_index_has_none() -> None:
    name = "step_500_ds_0_512x512.png"

    assert resolve([name], evidence(is_older=True)) == {name: ("ds_0", None)}


def test_numbers_from_zero_without_gaps_are_indices() -> None:
    names = [f"step_{step}_ds_{k}_512x512.png" for step in (1, 2) for k in (0, 1)]

    assert resolve(names, evidence())[names[1]] == ("ds", 1)


def test_numbers_with_a_gap_at_any_step_are_part_of_the_id() -> None:
    names = ["step_1_ds_0_512x512.png", "step_2_ds_0_512x512.png", "step_2_ds_2_512x512.png"]

    assert resolve(names, evidence()) == {
        names[0]: ("ds_0", None),
        names[1]: ("ds_0", None),
        names[2]: ("ds_2", None),
    }


def test_names_that_only_numbering_decided_are_reported() -> None:
    readings = {name: name_to_readings(name) for name in [NAME, "step_600_fox_0_64x64.png"]}

    assert resolve_names(readings, evidence(known_ids={"fox"})).guessed == (NAME,)


def test_the_word_val_img_is_a_counter_unless_it_is_a_prompt_id() -> None:
    name = "step_5_val_img_1_64x64.png"

    assert resolve([name], evidence()) == {name: ("val_img", 1)}
    assert resolve_names(
        {name: name_to_readings(name)}, evidence(known_ids={"val_img_1"})
    ).readings[name] == Reading("plain", 5, "val_img_1", None, Size(64, 64), "png")


@pytest.mark.parametrize(
    ("shortname", "expected"),
    [
        ("fox", ("fox", "")),
        ("fox__my_lora", ("fox", "my_lora")),
        ("fox__my__lora", ("fox__my", "lora")),
        ("fox__night", ("fox__night", "")),
        ("cat__my_lora", ("cat__my_lora", "")),
        ("fox__My Lora", ("fox__My Lora", "")),
        ("fox__", ("fox__", "")),
    ],
)
def test_adapters_are_split_at_the_last_double_underscore_of_a_known_id(
    shortname: str, expected: tuple[str, str]
) -> None:
    assert split_adapter(shortname, {"fox", "fox__night", "fox__my"}) == expected
