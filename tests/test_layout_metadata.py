"""Pictures made outside a trainer: prompt and step by what the file says of itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from clipstore.errors import NothingFound
from clipstore.sources.checkpointnames import CheckpointName, parse_checkpoint_name
from clipstore.sources.embeddedprompts import MadeWith, NotOnePrompt, texts_to_made_with
from clipstore.sources.embeddedtexts import file_to_texts
from tests.discovered import discover
from tests.generated_pictures import INFOTEXT, a1111, comfy, comfy_graph, png
from tests.layout_trees import draw, read_one, reasons, rows, rules, texts, touch


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_a_picture_of_a1111_says_its_prompt_and_its_lora_s_step(
    tmp_path: Path, suffix: str
) -> None:
    a1111(tmp_path / "out" / f"00001-7.{suffix}", "a (red:1.2) fox <lora:mine-step00000500:0.8>")

    contents = read_one(tmp_path)

    assert contents.run.layout_reason == f"00001-7.{suffix} says inside how A1111 made it"
    assert (contents.run.name, contents.run.variant) == ("out@mine", "mine")
    assert rows(contents) == [(500, "a red fox", 0, "only")]
    assert texts(contents) == {"a red fox": "a red fox"}
    assert contents.prompts[0].source == "A1111 in the file"


def test_a_picture_of_comfyui_says_it_by_its_graph(tmp_path: Path) -> None:
    for n, step in enumerate((250, 250, 500)):
        graph = comfy_graph("a \\(red\\) fox", f"mine_{step:09d}.safetensors")
        comfy(tmp_path / f"ComfyUI_0000{n}_.png", graph)

    contents = read_one(tmp_path)

    assert rows(contents) == [
        (250, "a (red) fox", 0, "only"),
        (250, "a (red) fox", 1, "only"),
        (500, "a (red) fox", 0, "only"),
    ]


def test_each_trained_lora_is_a_run_and_one_numbered_by_epoch_says_so(tmp_path: Path) -> None:
    a1111(tmp_path / "r" / "00001-1.png", "a fox <lora:one-step00000100:1>")
    a1111(tmp_path / "r" / "00002-1.png", "a fox <lora:two-000004:1><lora:detail:0.5>")

    one, two = discover(tmp_path).runs

    assert (one.run.name, rows(one)) == ("r@one", [(100, "a fox", 0, "only")])
    assert (two.run.name, rows(two)) == ("r@two", [(4, "a fox", 0, "only")])
    assert two.pictures[0].notes == ("step_is_epoch",)
    assert "numbered by epoch" in two.advice[0]


def test_the_step_may_stand_in_the_file_s_name(tmp_path: Path) -> None:
    a1111(tmp_path / "00001-1-step_300.png", "a fox <lora:mine:1>")
    a1111(tmp_path / "00002-1-step 400.png", "a fox", model="model-000002")

    runs = discover(tmp_path).runs

    assert [(one.run.variant, rows(one)[0][0]) for one in runs] == [("mine", 300), ("model", 400)]


def test_what_does_not_say_one_step_is_refused_with_advice(tmp_path: Path) -> None:
    a1111(tmp_path / "00001-1.png", "a fox <lora:mine-step00000100:1>")
    a1111(tmp_path / "00002-1.png", "a fox <lora:mine:1>")
    a1111(tmp_path / "00003-1.png", "a fox <lora:mine-step00000100:1><lora:o-step00000200:1>")
    a1111(tmp_path / "00004-1-step300.png", "a fox <lora:mine-step00000100:1>")
    a1111(tmp_path / "00005-1.png", "a fox <lora:mine-000003:1>")
    draw(tmp_path / "00006-1.png", 32, 32)
    a1111(tmp_path / "00007-1.png", "a [fox:cat:0.5] <lora:mine-step00000100:1>")
    touch(tmp_path, ["notes.txt", "deeper/x.png"])

    contents = read_one(tmp_path)

    assert reasons(contents) == {
        "00002-1.png": "no_step",
        "00003-1.png": "no_step",
        "00004-1-step300.png": "no_step",
        "00005-1.png": "no_step",
        "00006-1.png": "no_metadata",
        "00007-1.png": "not_one_prompt",
    }
    details = {one.path.name: one.detail for one in contents.problems}
    assert "(mine, sdxl) says a step; write the step into the file's name" in details["00002-1.png"]
    assert "several LoRAs with a step" in details["00003-1.png"]
    assert "its name says step 300, its LoRA step 100" in details["00004-1-step300.png"]
    assert "epoch 3, and the run's other pictures are by step" in details["00005-1.png"]
    assert "--pattern" in details["00006-1.png"]
    assert rules(contents) == {"notes.txt": "not_a_picture", "deeper/x.png": "not_in_the_folder"}


def test_a_folder_of_other_pictures_is_not_claimed(tmp_path: Path) -> None:
    a1111(tmp_path / "holiday.png", "a fox <lora:mine-step00000100:1>")
    draw(tmp_path / "00001-1.png", 32, 32)

    with pytest.raises(NothingFound):
        discover(tmp_path)


def test_pictures_in_a_step_folder_are_the_folder_layout_s(tmp_path: Path) -> None:
    a1111(tmp_path / "step_5" / "00001-1.png", "a fox <lora:mine-step00000100:1>")

    assert read_one(tmp_path).run.layout == "folder"


@pytest.mark.parametrize(
    ("prompt", "plain"),
    [
        ("a fox", "a fox"),
        ("((a)) (red (deep:1.1):0.9) [old] fox", "a red deep old fox"),
        ("a \\(red\\) fox, :) smile", "a (red) fox, :) smile"),
        ("first\nsecond BREAK third", "first second third"),
        ("<lora:x:1> a fox <hypernet:y>", "a fox"),
        ("", ""),
    ],
)
def test_marks_that_only_steer_are_no_part_of_the_prompt(prompt: str, plain: str) -> None:
    made = texts_to_made_with({"parameters": INFOTEXT.format(prompt=prompt, model="m")})

    assert isinstance(made, MadeWith)
    assert made.prompt == plain
    assert made.checkpoint == "m"


@pytest.mark.parametrize("prompt", ["[a|b] fox", "a [fox:0.5]", "a fox AND a cat", "x" * 20_000])
def test_a_prompt_that_is_not_one_text_is_refused(prompt: str) -> None:
    made = texts_to_made_with({"parameters": INFOTEXT.format(prompt=prompt, model="m")})

    assert isinstance(made, NotOnePrompt)


def made_by(graph: object) -> MadeWith | NotOnePrompt | None:
    return texts_to_made_with({"prompt": json.dumps(graph)})


def test_a_graph_is_followed_from_the_sampler_and_not_further(tmp_path: Path) -> None:
    string = {"class_type": "String", "inputs": {"value": "a fox"}}
    control = {
        "class_type": "ControlNetApplyAdvanced",
        "inputs": {"positive": ["3", 0], "negative": ["4", 0], "image": ["1", 0]},
    }
    sampler = {
        "class_type": "KSampler",
        "inputs": {"model": ["2", 0], "positive": ["8", 0], "negative": ["8", 1]},
    }
    unused = {"class_type": "CLIPTextEncode", "inputs": {"text": "unused", "clip": ["1", 1]}}
    other = {"class_type": "LoraLoader", "inputs": {"lora_name": "unused", "model": ["1", 0]}}
    graph = comfy_graph(["7", 0], "used.safetensors", **{"7": string, "8": control, "5": sampler})

    made = made_by({**graph, "9": unused, "10": other})

    assert made == MadeWith("ComfyUI", "a fox", ("used.safetensors",), "sdxl.safetensors")


def test_a_guider_s_conditioning_and_a_loader_of_several_are_read() -> None:
    guider = {"class_type": "BasicGuider", "inputs": {"model": ["2", 0], "conditioning": ["3", 0]}}
    loras = {
        "lora_1": {"on": True, "lora": "a_000000250.safetensors", "strength": 1},
        "lora_2": {"on": False, "lora": "b.safetensors", "strength": 1},
        "model": ["1", 0],
    }
    graph = comfy_graph("a fox", **{"5": guider, "2": {"class_type": "Power", "inputs": loras}})

    made = made_by(graph)

    assert isinstance(made, MadeWith)
    assert made.networks == ("a_000000250.safetensors",)


def test_graphs_that_go_in_circles_or_encode_several_prompts_end() -> None:
    circle = {"class_type": "X", "inputs": {"positive": ["6", 0], "text": ["6", 0], "clip": 1}}
    graph = comfy_graph(["6", 0], **{"6": circle})
    assert made_by(graph) is None

    second = {
        "class_type": "KSampler",
        "inputs": {"model": ["1", 0], "positive": ["4", 0], "negative": ["3", 0]},
    }
    assert made_by(comfy_graph("a fox", **{"11": second})) == NotOnePrompt(
        "its graph encodes 2 prompts"
    )


@pytest.mark.parametrize("text", ["", "a fox", "{", "[]", '{"1": 2}', "a\nb: 1, c: 2", "\0"])
def test_other_texts_are_no_metadata(text: str) -> None:
    assert texts_to_made_with({"parameters": text, "prompt": text}) is None


def test_the_generator_of_sd_scripts_writes_plain_texts(tmp_path: Path) -> None:
    path = png(tmp_path / "im.png", prompt="a fox", sampler="ddim", scale="7")

    assert texts_to_made_with(file_to_texts(path)) == MadeWith("gen_img", "a fox", (), None)


def test_comfyui_s_webp_carries_its_graph_in_exif(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0110] = "prompt:" + json.dumps(comfy_graph("a fox"))
    Image.new("RGB", (32, 32)).save(tmp_path / "x.webp", exif=exif)

    made = texts_to_made_with(file_to_texts(tmp_path / "x.webp"))

    assert isinstance(made, MadeWith)
    assert made.prompt == "a fox"


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"\xff\xd8\xff"])
def test_broken_files_have_no_texts(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.png").write_bytes(data)

    assert file_to_texts(tmp_path / "x.png") == {}


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("mine-step00000500.safetensors", CheckpointName("mine", 500, None)),
        ("mine-000012.safetensors", CheckpointName("mine", None, 12)),
        ("mine_000000250", CheckpointName("mine", 250, None)),
        ("lr2-2024-02-03_00-00-00-save-300-2-100", CheckpointName("lr2", 300, None)),
        ("2024-02-03_00-00-00-save-300-2-100.ckpt", CheckpointName("", 300, None)),
        ("style_step_1500.pt", CheckpointName("style", 1500, None)),
        (
            "run7\\checkpoint-900\\pytorch_lora_weights.safetensors",
            CheckpointName("run7", 900, None),
        ),
        ("checkpoint-900/x.safetensors", CheckpointName("x", 900, None)),
        ("sd15-512.safetensors", CheckpointName("sd15-512", None, None)),
        ("epoch_7", CheckpointName("epoch_7", None, None)),
    ],
)
def test_only_trainers_own_numbers_count_in_checkpoint_names(
    name: str, parsed: CheckpointName
) -> None:
    assert parse_checkpoint_name(name) == parsed
