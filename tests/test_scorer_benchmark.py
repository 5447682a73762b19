"""The scorer's benchmark: its pictures, its weights, its honesty about who did not run."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from transformers import CLIPModel, CLIPTokenizer

from benchmarks import scorer
from benchmarks.scorer_parts import command
from benchmarks.scorer_parts.ceilings import Ceilings
from benchmarks.scorer_parts.contestants import OURS
from benchmarks.scorer_parts.errorpictures import KINDS, ErrorPicture, make_error_pictures
from benchmarks.scorer_parts.errors import MAX_BOUND, ErrorJob, measure_errors
from benchmarks.scorer_parts.floortables import floors_to_markdown
from benchmarks.scorer_parts.heats import Absent, Heat, OwnFigures, Row
from benchmarks.scorer_parts.machine import Machine
from benchmarks.scorer_parts.models import (
    ARCHITECTURES,
    VOCABULARY_SIZE,
    Architecture,
    Checkpoint,
    architecture_to_config,
    make_checkpoint,
    to_open_clip,
)
from benchmarks.scorer_parts.picturesets import PictureFormat, PictureSet, make_picture_set
from benchmarks.scorer_parts.process import Failed, Finished, run_process
from benchmarks.scorer_parts.report import Findings, findings_to_markdown
from benchmarks.scorer_parts.widesums import SumsInFloat32
from clipstore.pictures.panels import CutPicture, PanelReader
from clipstore.pipeline.timings import IngestTimings
from tests.discovered import discover

SMALL = Architecture("small", "none", 32, 8, 64, 2, 64, 32)
COMPOSITE = PictureFormat("composite", 256, "png", is_composite=True)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return make_checkpoint(SMALL, tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def composites(tmp_path_factory: pytest.TempPathFactory) -> PictureSet:
    return make_picture_set(COMPOSITE, 5, tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def one_of_each_kind(tmp_path_factory: pytest.TempPathFactory) -> tuple[ErrorPicture, ...]:
    return tuple(make_error_pictures(len(KINDS), [], tmp_path_factory.mktemp("kinds")))


def test_the_command_can_be_called_by_its_file_name_from_anywhere(tmp_path: Path) -> None:
    called = subprocess.run(
        [sys.executable, Path(scorer.__file__), "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--make-environments" in called.stdout
    assert scorer.main is command.main, "and so it can with `python -m benchmarks.scorer`"


def test_only_what_the_asked_part_needs_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "make_checkpoint", lambda *_: Checkpoint(SMALL, tmp_path))
    asked = ["--prepare", "--work", str(tmp_path), "--error-pictures", "1", "--pictures", "1"]
    asked += ["--device", "cpu", "--models", "ViT-B-32", "--formats", "png-512", "--parts"]
    for part, made in (("errors", "error-1-0"), ("speed", "png-512-1")):
        monkeypatch.setattr(sys, "argv", ["scorer", *asked, part])
        command.main()
        (folder,) = (path for path in (tmp_path / "pictures").iterdir() if path.is_dir())
        assert folder.name.startswith(made)
        shutil.rmtree(tmp_path / "pictures")


class TestPictureSets:
    def test_composites_are_cut_where_the_peers_are_told(self, composites: PictureSet) -> None:
        told = {entry.path: entry.box for entry in composites.entries}
        reader = PanelReader()
        (contents,) = discover(composites.root).runs
        cut_at = {}
        for picture in contents.pictures:
            cut = reader.read(picture, now_ns=0)
            assert isinstance(cut, CutPicture)
            for panel in cut.panels:
                if panel.panel == "checkpoint":
                    box = panel.box
                    cut_at[str(picture.path)] = (box.left, box.top, box.right, box.bottom)
        assert cut_at == told

    def test_every_picture_has_the_prompt_that_clipstore_reads(
        self, composites: PictureSet
    ) -> None:
        (contents,) = discover(composites.root).runs
        texts = {prompt.prompt_id: prompt.text for prompt in contents.prompts}
        read = {str(p.path): texts[p.prompt_id] for p in contents.pictures if p.step > 0}
        assert read == {entry.path: entry.prompt for entry in composites.entries}

    @pytest.mark.parametrize(
        "form",
        [
            PictureFormat("png", 64, "png"),
            PictureFormat("jpeg", 64, "jpg", quality=95),
            PictureFormat("webp", 64, "webp", quality=90),
        ],
        ids=lambda form: form.name,
    )
    def test_are_the_same_every_time(self, form: PictureFormat, tmp_path: Path) -> None:
        first, second = (make_picture_set(form, 2, tmp_path / name) for name in ("a", "b"))
        files = [[Path(e.path).read_bytes() for e in each.entries] for each in (first, second)]
        assert files[0] == files[1]
        assert files[0][0] != files[0][1]


class TestCheckpoints:
    @pytest.mark.parametrize(
        ("name", "flops", "parameters"),
        [("ViT-B-32", 8.8e9, 151_277_313), ("ViT-L-14-336", 382e9, 427_944_193)],
    )
    def test_have_the_published_sizes(self, name: str, flops: float, parameters: int) -> None:
        architecture = ARCHITECTURES[name]
        assert architecture.flops_per_picture == pytest.approx(flops, rel=0.01)
        with torch.device("meta"):
            network = CLIPModel(architecture_to_config(architecture))
        assert sum(p.numel() for p in network.parameters()) == parameters

    def test_give_positive_cosines_that_differ(self, checkpoint: Checkpoint) -> None:
        network = CLIPModel.from_pretrained(checkpoint.folder).eval()
        random = torch.Generator().manual_seed(0)
        with torch.inference_mode():
            output = network(
                pixel_values=torch.randn((6, 3, 32, 32), generator=random),
                input_ids=torch.randint(0, 49_000, (6, 77), generator=random),
            )
        cosines = output.image_embeds @ output.text_embeds.T
        assert 0.1 < cosines.mean() < 0.6
        assert cosines.min() > 0
        assert cosines.std(dim=0).mean() > 1e-3

    def test_give_every_token_one_id_in_both_tokenizers(self, checkpoint: Checkpoint) -> None:
        vocabulary = CLIPTokenizer.from_pretrained(checkpoint.folder).get_vocab()
        assert len(vocabulary) == VOCABULARY_SIZE
        with gzip.open(checkpoint.merges, "rt", encoding="utf-8") as file:
            merges = file.read().split("\n")[1 : 49_152 - 256 - 2 + 1]  # open_clip's own slice
        ids = [vocabulary["".join(merge.split())] for merge in merges]
        assert ids == list(range(512, VOCABULARY_SIZE - 2))

    def test_lose_no_tensor_on_the_way_to_open_clip(self, checkpoint: Checkpoint) -> None:
        tensors = CLIPModel.from_pretrained(checkpoint.folder).state_dict()
        renamed = to_open_clip(tensors)
        assert sum(t.numel() for t in renamed.values()) == sum(
            t.numel() for name, t in tensors.items() if not name.endswith("position_ids")
        )


def test_a_process_that_failed_says_why(tmp_path: Path) -> None:
    failed = run_process(["sh", "-c", "echo no such weights; exit 3"], log=tmp_path / "log")
    assert failed == Failed("exit code 3: no such weights")


class TestErrors:
    def test_are_nothing_beside_the_bound_in_float32(
        self, checkpoint: Checkpoint, one_of_each_kind: tuple[ErrorPicture, ...]
    ) -> None:
        texts = ("a red fox", "two")
        job = ErrorJob(str(checkpoint.folder), "cpu", ("auto",), one_of_each_kind, texts)
        report = measure_errors(job)
        assert [kind.n_same_pixels for kind in report.kinds] == [1] * len(KINDS)
        assert report.paths[0].largest < 1e-5
        assert report.paths[0].ran == "float32"

    def test_of_float16_can_be_those_of_sums_in_float32(
        self, checkpoint: Checkpoint, one_of_each_kind: tuple[ErrorPicture, ...]
    ) -> None:
        job = ErrorJob(
            str(checkpoint.folder),
            "cpu",
            ("float32", "float16"),
            one_of_each_kind[:2],
            ("a red fox",),
            wide_sums=True,
        )
        exact, half = measure_errors(job).paths
        assert (exact.ran, half.ran) == ("float32", "float16, summed in float32")
        assert exact.largest < 1e-5 < half.largest < MAX_BOUND

    def test_are_seen_when_pixels_are_wrong(
        self,
        checkpoint: Checkpoint,
        one_of_each_kind: tuple[ErrorPicture, ...],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        pictures = one_of_each_kind[:2]
        job = ErrorJob(str(checkpoint.folder), "cpu", ("auto",), pictures, ("a red fox",))
        convert = Image.Image.convert
        monkeypatch.setattr(  # the reference sees red and blue swapped
            "benchmarks.scorer_parts.errors._pillow_rgb",
            lambda path: Image.fromarray(np.asarray(convert(Image.open(path), "RGB"))[:, :, ::-1]),
        )
        report = measure_errors(job)
        assert report.paths[0].largest > 1e-4
        assert not report.paths[0].holds_bound


class DtypesSeen(TorchFunctionMode):
    """Of the first tensor of each matrix product and convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[torch.dtype] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (functional.linear, functional.conv2d):
            self.seen.append(args[0].dtype)
        return func(*args, **(kwargs or {}))


class TestSumsInFloat32:
    def test_round_once_an_operation(self) -> None:
        torch.manual_seed(0)
        x, w, b = torch.randn(7, 300).half(), torch.randn(5, 300).half(), torch.randn(5).half()
        picture, kernel = torch.randn(2, 3, 8, 8).half(), torch.randn(4, 3, 2, 2).half()
        with DtypesSeen() as below, SumsInFloat32():
            product = functional.linear(x, w, bias=b)
            convolved = functional.conv2d(picture, kernel, stride=2)
            elsewhere = functional.linear(x.float(), w.float())
        assert below.seen == [torch.float32] * 3
        assert product.equal(functional.linear(x.float(), w.float(), b.float()).half())
        assert convolved.equal(functional.conv2d(picture.float(), kernel.float(), stride=2).half())
        assert elsewhere.dtype == torch.float32

    def test_give_the_attention_that_torch_gives(self) -> None:
        torch.manual_seed(0)
        heads = torch.randn(3, 2, 4, 9, 16).half()  # query, key and value
        with SumsInFloat32():
            found = functional.scaled_dot_product_attention(*heads, scale=0.5)
        true = functional.scaled_dot_product_attention(*heads.float(), scale=0.5)
        assert found.dtype == torch.float16
        assert 0 < (found.float() - true).abs().max() < 4e-3


class TestReport:
    def test_names_everyone_who_did_not_run_and_why(self) -> None:
        text = findings_to_markdown(findings())
        assert "| open_clip, DataLoader | fp32 | not installed |" in text
        assert "not yet measured on a GPU" in text
        assert "not measured: B: no memory" in text

    def test_compares_with_the_best_peer_of_the_same_precision(self) -> None:
        text = findings_to_markdown(findings())
        assert "| 12 (fp32) | transformers, plain batches: 8 | **1.50** |" in text
        assert "slow way | fp32 | 2 | 6.00 × |" in text

    def test_puts_the_three_numbers_and_their_ratio_in_a_row(self) -> None:
        (line,) = floors_to_markdown(findings().heats).splitlines()[2:]
        assert line.endswith("| 16 | 40 | 14 | **0.88** | 95 % |")

    def test_says_when_the_machine_was_busy(self) -> None:
        busy = replace(findings(), machine=replace(findings().machine, load=1.9))
        assert "busy with other work (load 1.9)" in findings_to_markdown(busy)
        assert "busy" not in findings_to_markdown(findings())


def findings() -> Findings:
    """Invented figures with round ratios."""

    def row(name: str, per_second: float) -> Row:
        return Row(
            name, "fp32", "fp32", 8, per_second, per_second, per_second, 9.0, 0.1, 10**9, 0.0, 1
        )

    timings = IngestTimings(
        **dict.fromkeys(IngestTimings.__dataclass_fields__, 1.0) | {"n_readers": 2}
    )
    heat = Heat(
        checkpoint=Checkpoint(SMALL, Path()),
        pictures=PictureSet(COMPOSITE, Path(), ()),
        rounds=1,
        rows=(
            replace(row(OURS, 99.0), asked="bf16", precision="bfloat16"),
            replace(row(OURS, 12.0), asked="default", precision="float32"),
            row("transformers, plain batches", 8.0),
            row("slow way", 2.0),
            replace(row("transformers, plain batches", 30.0), precision="fp16"),
        ),
        absent=(Absent("open_clip, DataLoader", "fp32", "not installed"),),
        own=OwnFigures(14.0, 0.95, "float32", 8, 8, timings),
        command=Finished(10.0, 10**9),
        ceilings=Ceilings(0.1, None, 10.0, 16.0, 40.0, 2),
    )
    machine = Machine("cpu", "on the CPU", "x", 2, 24.0, datetime(2026, 1, 1, tzinfo=UTC), 0.1)
    return Findings(
        machine, (("own", "torch 1"),), (heat,), (), "a folder", ("B: no memory",), 60.0
    )
