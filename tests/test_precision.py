"""Short dtypes and faster products score only where they were compared with float32."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from clipstore.model import cputuning
from clipstore.model.cputuning import (
    CLEARLY_FASTER,
    CpuTuning,
    choose_threads,
    slowdown,
    tune_cpu,
)
from clipstore.model.device import PlainDevice
from clipstore.model.embed import ClipEmbedder, load_clip
from clipstore.model.precision import (
    COMPILE_FROM_PICTURES,
    MAX_BOUND,
    MEAN_BOUND,
    HalfError,
    compare_cosines,
    pays_to_compile,
    resolve_dtype,
)
from clipstore.model.vectors import DtypeChoice
from tests.test_embed import cosines_of, edit_weights, load, pictures
from tests.tiny_clip import build_tiny_clip

TEXTS = ["a red cat", "a dog", "猫"]
COMPILING = (
    "600,000 pictures or more: compiling the image tower first, which is estimated to take a "
    "minute and to pay from there on."
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny CLIP whose attention is no sharper than a trained one's: float16 is fine for it."""
    folder = build_tiny_clip(tmp_path_factory.mktemp("clip") / "tiny", dimension=64)

    def soften(tensors: dict[str, torch.Tensor]) -> None:
        for key, tensor in tensors.items():
            if key.startswith("vision_model.encoder") and tensor.ndim == 2:
                tensor.mul_(0.3)

    edit_weights(folder, soften)
    return folder


def load_in(folder: Path, dtype: DtypeChoice) -> tuple[ClipEmbedder, list[str]]:
    said: list[str] = []
    embedder = load_clip(str(folder), device="cpu", dtype=dtype, offline=True, announce=said.append)
    return embedder, said


class TestAShortDtype:
    def test_scores_within_the_bound_and_says_how_far_it_is_off(self, folder: Path) -> None:
        embedder, said = load_in(folder, "float16")
        assert embedder.model.dtype == "float16"
        assert said[-1].startswith("image tower in float16: its cosines differ from float32's by")
        plain = load(folder)
        error = np.abs(
            cosines_of(embedder, pictures(), TEXTS) - cosines_of(plain, pictures(), TEXTS)
        )
        assert error.mean() > 0
        assert error.max() < 10 * MAX_BOUND
        assert embedder.model.model_id != plain.model.model_id

    def test_gives_texts_the_vectors_of_float32(self, folder: Path) -> None:
        embedder, _ = load_in(folder, "float16")
        np.testing.assert_array_equal(
            embedder.embed_texts(TEXTS).vectors, load(folder).embed_texts(TEXTS).vectors
        )

    def test_is_left_for_float32_when_its_numbers_overflow(
        self, folder: Path, tmp_path: Path
    ) -> None:
        copy = Path(shutil.copytree(folder, tmp_path / "copy"))
        # A vector's length is taken out again, so that in float32 nothing changes.
        edit_weights(copy, lambda tensors: tensors["visual_projection.weight"].mul_(1e6))
        embedder, said = load_in(copy, "float16")
        assert embedder.model.dtype == "float32"
        assert "float16 was tried" in said[-1]
        assert "inf at most" in said[-1]
        assert "Scoring in float32" in said[-1]
        np.testing.assert_allclose(
            cosines_of(embedder, pictures(), TEXTS),
            cosines_of(load(folder), pictures(), TEXTS),
            atol=1e-5,
        )

    def test_is_left_for_float32_when_it_is_off_by_more_than_the_bound(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("clipstore.model.precision.MAX_BOUND", 1e-9)
        embedder, said = load_in(folder, "float16")
        assert embedder.model.dtype == "float32"
        assert "float16 was tried" in said[-1]
        assert "inf" not in said[-1]

    def test_may_be_off_by_more_when_it_is_bfloat16_which_only_users_choose(
        self, folder: Path
    ) -> None:
        embedder, said = load_in(folder, "bfloat16")
        assert embedder.model.dtype == "bfloat16"
        assert said[0].startswith("image tower in bfloat16: its cosines differ")
        assert np.isfinite(cosines_of(embedder, pictures(), TEXTS)).all()

    def test_computes_rows_that_overflow_in_float32(self, folder: Path, tmp_path: Path) -> None:
        embedder, _ = load_in(folder, "float16")
        tower = embedder.batches._tower
        embedder.batches._tower = lambda pixels: tower(pixels) * torch.inf
        np.testing.assert_allclose(
            cosines_of(embedder, pictures(), TEXTS),
            cosines_of(load(folder), pictures(), TEXTS),
            atol=1e-5,
        )

    @pytest.mark.parametrize("times", [0.5, 40.0])
    def test_is_warned_of_before_it_starts_on_a_cpu_that_is_slow_in_it(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, times: float
    ) -> None:
        monkeypatch.setattr("clipstore.model.precision.slowdown", lambda *_: times)
        _, said = load_in(folder, "float16")
        warned = "--dtype float16 on this CPU" in said[0]
        assert warned == (times > 2)
        assert not warned or "take 40 times as long as in float32" in said[0]
        assert "float16 on this CPU" not in load_in(folder, "bfloat16")[1][0]

    def test_is_chosen_on_cuda_only(self) -> None:
        chosen = {name: resolve_dtype("auto", name) for name in ("cuda", "mps", "cpu")}
        assert chosen == {"cuda": "float16", "mps": "float32", "cpu": "float32"}
        assert resolve_dtype("bfloat16", "cpu") == "bfloat16"


@pytest.mark.parametrize(
    "differences, holds",
    [
        ([0.9 * MEAN_BOUND] * 4, True),
        ([1.1 * MEAN_BOUND] * 4, False),
        ([0.9 * MAX_BOUND, 0, 0, 0], True),
        ([1.1 * MAX_BOUND, 0, 0, 0], False),
        ([math.nan, 0, 0, 0], False),
        ([math.inf, 0, 0, 0], False),
    ],
)
def test_the_bound_is_on_the_mean_and_on_the_largest_error(
    differences: list[float], holds: bool
) -> None:
    exact = np.zeros((2, 2), np.float32)
    error = compare_cosines(exact + np.reshape(np.float32(differences), (2, 2)), exact)
    assert error.holds_bound is holds
    assert error == HalfError(math.inf, math.inf) or math.isfinite(error.mean)


def test_only_a_large_job_on_cuda_is_worth_a_compilation() -> None:
    assert pays_to_compile("cuda", COMPILE_FROM_PICTURES)
    assert not pays_to_compile("cuda", COMPILE_FROM_PICTURES - 1)
    assert not pays_to_compile("cuda", None)
    assert not pays_to_compile("cpu", 10**9)


class TestACompiledTower:
    """Compiled by a device that a test plays: what `torch.compile` gives is the network it says."""

    @staticmethod
    def load_with(
        folder: Path, monkeypatch: pytest.MonkeyPatch, compiles: Callable[[nn.Module], nn.Module]
    ) -> tuple[ClipEmbedder, list[str]]:
        said: list[str] = []
        monkeypatch.setattr("clipstore.model.embed.pays_to_compile", lambda *_: True)
        monkeypatch.setattr(PlainDevice, "compile", lambda _self, network: compiles(network))
        embedder = load_clip(str(folder), device="cpu", offline=True, announce=said.append)
        return embedder, said

    def test_scores_when_its_vectors_are_the_plain_one_s(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made: list[nn.Module] = []

        def wrap(network: nn.Module) -> nn.Module:
            made.append(nn.Sequential(network))
            return made[-1]

        plain = cosines_of(load(folder), pictures(), TEXTS)
        embedder, said = self.load_with(folder, monkeypatch, wrap)
        assert embedder.batches._tower.network is made[0]
        assert embedder.batches._plain.network is made[0][0], "for when memory runs out"
        assert said == [COMPILING]
        # Not to the bit: the two may have been tuned to different products.
        np.testing.assert_allclose(cosines_of(embedder, pictures(), TEXTS), plain, atol=1e-6)

    def test_is_left_when_it_computes_something_else(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        embedder, said = self.load_with(
            folder, monkeypatch, lambda network: nn.Sequential(network, nn.ReLU())
        )
        assert said[1:] == [
            "the compiled image tower computes other vectors; going on without compiling."
        ]
        assert (cosines_of(embedder, pictures(), TEXTS) < 0).any()

    def test_is_left_when_it_cannot_be_compiled(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class NoCompiler(nn.Module):
            def forward(self, _values: torch.Tensor) -> torch.Tensor:
                raise RuntimeError("Failed to find C compiler.\nmore")

        embedder, said = self.load_with(folder, monkeypatch, lambda _network: NoCompiler())
        assert said[1:] == [
            "compiling the image tower failed; going on without: Failed to find C compiler."
        ]
        assert np.isfinite(cosines_of(embedder, pictures(), TEXTS)).all()


class TestTheCpu:
    NETWORK = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 64))

    @pytest.mark.parametrize(
        "difference, speed, chosen",
        [(1e-6, 1.4, "medium"), (3e-3, 1.4, "highest"), (1e-6, 0.9, "highest")],
    )
    def test_multiplies_otherwise_only_where_that_is_faster_and_the_numbers_stay_float32_s(
        self, monkeypatch: pytest.MonkeyPatch, difference: float, speed: float, chosen: str
    ) -> None:
        def seconds(_rows: int, _shape: tuple[int, int], tuning: CpuTuning) -> float:
            return 1.0 / speed if tuning.matmul_precision == "medium" else 1.0

        monkeypatch.setattr(cputuning, "_relative_difference", lambda *_: difference)
        monkeypatch.setattr(cputuning, "_seconds", seconds)
        assert tune_cpu(self.NETWORK, 50).matmul_precision == chosen

    def test_is_timed_in_float16_on_products_of_the_network_s_largest_shape(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        timed = []

        def seconds(
            rows: int, shape: tuple[int, int], _tuning: object, dtype: torch.dtype
        ) -> float:
            timed.append((rows, shape, dtype))
            return {torch.float32: 2.0, torch.float16: 30.0}[dtype]

        monkeypatch.setattr(cputuning, "_seconds", seconds)
        assert slowdown(self.NETWORK, torch.float16) == 15.0
        assert {shape for _, shape, _ in timed} <= {(64, 128), (128, 64)}
        assert slowdown(nn.GELU(), torch.float16) == 1.0
        monkeypatch.undo()
        assert slowdown(self.NETWORK, torch.float16) > 0

    def test_sees_a_product_in_bfloat16(self, monkeypatch: pytest.MonkeyPatch) -> None:
        set_precision = torch.set_float32_matmul_precision
        truth: list[str] = []

        def remember(level: str) -> None:
            truth.append(level)
            set_precision(level)

        def product_of_amx(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
            if truth[-1] == "medium":
                left, right = left.bfloat16().float(), right.bfloat16().float()
            return torch.linalg.multi_dot([left, right])

        monkeypatch.setattr(torch, "set_float32_matmul_precision", remember)
        monkeypatch.setattr(torch.Tensor, "__matmul__", product_of_amx)
        monkeypatch.setattr(
            cputuning, "_seconds", lambda _r, _s, tuning: 1 + (tuning.matmul_precision == "highest")
        )
        assert tune_cpu(self.NETWORK, 50).matmul_precision == "highest"

    def test_keeps_torch_s_threads_unless_fewer_are_clearly_faster(self) -> None:
        def seconds(by_threads: dict[int, float]) -> int:
            return choose_threads(max(by_threads), by_threads.__getitem__)

        assert seconds({1: 1.0}) == 1
        assert seconds({2: 1.0, 1: 1.9}) == 2
        assert seconds({2: 1.0, 1: 1.01 / CLEARLY_FASTER}) == 2
        assert seconds({2: 1.0, 1: 0.99 / CLEARLY_FASTER}) == 1
        container = {64: 9.0, 32: 4.0, 16: 2.0, 8: 1.1, 4: 0.6, 2: 0.3, 1: 0.5}
        assert seconds(container) == 2

    def test_is_left_as_it_was_found(self) -> None:
        before = torch.get_float32_matmul_precision(), torch.get_num_threads()
        with pytest.raises(KeyError), CpuTuning("medium", 1).applied():
            assert (torch.get_float32_matmul_precision(), torch.get_num_threads()) == ("medium", 1)
            raise KeyError
        assert (torch.get_float32_matmul_precision(), torch.get_num_threads()) == before
        tune_cpu(self.NETWORK, 50)
        assert (torch.get_float32_matmul_precision(), torch.get_num_threads()) == before

    def test_has_nothing_to_try_on_a_network_without_products(self) -> None:
        assert tune_cpu(nn.Sequential(nn.GELU()), 50).matmul_precision == "highest"
