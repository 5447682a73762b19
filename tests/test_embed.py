"""Our vectors against transformers' own computation, on small real CLIP models on disk."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import CLIPModel, CLIPTokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from clipstore.errors import DeviceFull, DeviceMissing, ModelRefused
from clipstore.model.device import PlainDevice
from clipstore.model.embed import ClipEmbedder, choose_device, load_clip
from clipstore.model.embedder import Arriving
from clipstore.model.towers import TextTower
from clipstore.modelidentity import Model
from tests.tiny_clip import build_tiny_clip

TOLERANCE = 1e-5

PROMPTS = [
    "a red cat",
    "a red dog",
    "A RED   cat\n\ton a table.",
    "",
    " ",
    "naïve café, Straße, ŁÓDŹ, Ⅷ ﬁ",
    "猫がテーブルの上に座っている",
    "قطة حمراء على الطاولة",
    "a 🐈\u200d⬛ and 👩🏽\u200d🚀, 🇩🇪",
    "e\u0301 and é",
    "cats &amp; dogs &lt;b&gt; &#39;quoted&#39;",
    "'; DROP TABLE scores; -- it's",
    "<|endoftext|> in the middle",
    "a\x00b\x1b[31m",
    "cat " * 75,
    "cat " * 76,
    "cat " * 200,
    "dog " + "cat " * 200,
    "x" * 5000,
]

STRACE = shutil.which("strace")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_clip(tmp_path_factory.mktemp("clip") / "tiny")


@pytest.fixture(scope="module")
def embedder(folder: Path) -> ClipEmbedder:
    return load(folder)


@pytest.fixture(scope="module")
def reference(folder: Path) -> NDArray[np.float32]:
    """What transformers says of `pictures` and `PROMPTS`: (n_images, n_texts) cosines."""
    return cosines_of_transformers(folder, pictures(), PROMPTS)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """So small a network only loses by more threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def load(folder: Path, allow_pickle: bool = False) -> ClipEmbedder:
    return load_clip(
        str(folder),
        device="cpu",
        offline=True,
        allow_pickle=allow_pickle,
        announce=lambda sentence: pytest.fail(f"announced: {sentence}"),
    )


def pictures() -> list[NDArray[np.uint8]]:
    """Coloured noise of many shapes."""
    random = np.random.default_rng(7)
    shapes = [(32, 32), (64, 48), (33, 31), (20, 90), (128, 128), (5, 4), (47, 47)]
    tints = random.integers(0, 180, (len(shapes), 3))
    return [
        (tint + random.integers(0, 76, (*shape, 3))).astype(np.uint8)
        for shape, tint in zip(shapes, tints, strict=True)
    ]


def prepare_all(embedder: ClipEmbedder, rgbs: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.stack([embedder.preprocessing.prepare(rgb) for rgb in rgbs])  # (n, side, side, 3)


def cosines_of(
    embedder: ClipEmbedder, rgbs: Sequence[NDArray[np.uint8]], texts: Sequence[str]
) -> NDArray[np.float32]:
    images = embedder.embed_images(prepare_all(embedder, rgbs))
    return images @ embedder.embed_texts(texts).vectors.T  # (n_images, n_texts)


def cosines_of_transformers(
    folder: Path, rgbs: Sequence[NDArray[np.uint8]], texts: Sequence[str]
) -> NDArray[np.float32]:
    """The plain computation: one picture, one text at a time, the model's own forward pass."""
    network = CLIPModel.from_pretrained(folder, local_files_only=True).eval()
    tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    processor = CLIPImageProcessorPil.from_pretrained(folder, local_files_only=True)
    tokens = [tokenizer([t], truncation=True, max_length=77, return_tensors="pt") for t in texts]
    pixels = [processor(images=[Image.fromarray(rgb)], return_tensors="pt") for rgb in rgbs]
    with torch.no_grad():
        images = [network(**tokens[0], **one).image_embeds for one in pixels]
        words = [network(**one, **pixels[0]).text_embeds for one in tokens]
    return (torch.cat(images) @ torch.cat(words).T).numpy()  # (n_images, n_texts)


@pytest.mark.parametrize("legacy_eos", [False, True], ids=["true end id", "legacy end id 2"])
@pytest.mark.parametrize("pickled", [False, True], ids=["safetensors", "pickle"])
def test_cosines_are_those_of_transformers(tmp_path: Path, legacy_eos: bool, pickled: bool) -> None:
    build_tiny_clip(tmp_path, seed=3, legacy_eos=legacy_eos, pickled=pickled)
    ours = cosines_of(load(tmp_path, allow_pickle=pickled), pictures(), PROMPTS)
    theirs = cosines_of_transformers(tmp_path, pictures(), PROMPTS)
    assert np.abs(ours - theirs).max() <= TOLERANCE
    assert theirs.std() > 0.02, "cosines all alike could not tell right from wrong"


def test_a_hundred_times_the_positive_cosine_is_what_torchmetrics_logs(
    embedder: ClipEmbedder, reference: NDArray[np.float32]
) -> None:
    theirs = torch.from_numpy(reference)
    logged = torch.max(100 * theirs, torch.zeros_like(theirs)).numpy()
    ours = 100 * np.maximum(cosines_of(embedder, pictures(), PROMPTS), 0)
    assert (logged == 0).any()
    assert (logged > 1).any()
    assert np.abs(ours - logged).max() <= 100 * TOLERANCE


def test_swapped_red_and_blue_would_be_noticed(
    embedder: ClipEmbedder, reference: NDArray[np.float32]
) -> None:
    swapped = [rgb[:, :, ::-1] for rgb in pictures()]
    ours = cosines_of(embedder, swapped, PROMPTS)
    assert (np.abs(ours - reference).max(axis=1) > 10 * TOLERANCE).all()


def test_vectors_have_length_one_and_the_model_s_dimension(embedder: ClipEmbedder) -> None:
    images = embedder.embed_images(prepare_all(embedder, pictures()))
    texts = embedder.embed_texts(PROMPTS).vectors
    for vectors, n in ((images, len(pictures())), (texts, len(PROMPTS))):
        assert vectors.shape == (n, embedder.model.dimension)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 64])
def test_a_vector_does_not_depend_on_its_neighbours_order_or_place(
    folder: Path, batch_size: int
) -> None:
    embedder = load(folder)
    embedder.batches.size = embedder.text_batch_size = batch_size
    prepared = prepare_all(embedder, pictures())
    together = embedder.embed_images(prepared)
    backwards = embedder.embed_images(prepared[::-1].copy())[::-1]
    alone = np.concatenate([embedder.embed_images(one[None]) for one in prepared])
    # Only the batch's size may show, as another order of adding: fifty times less than is allowed.
    np.testing.assert_allclose(together, backwards, atol=2e-7)
    np.testing.assert_allclose(together, alone, atol=2e-7)
    embedder.batches._device.charges_by_row = False
    filled = [embedder.embed_images(some) for some in (prepared, prepared[::-1].copy())]
    np.testing.assert_array_equal(filled[0], filled[1][::-1])
    texts = embedder.embed_texts(PROMPTS).vectors
    np.testing.assert_array_equal(texts, embedder.embed_texts(PROMPTS[::-1]).vectors[::-1])
    for row, text in enumerate(PROMPTS):
        np.testing.assert_array_equal(texts[row], embedder.embed_texts([text]).vectors[0])


class SmallDevice(PlainDevice):
    """Has memory for `fits` texts at a time, and writes down what it computes and brings."""

    def __init__(self, texts: TextTower, fits: int) -> None:
        super().__init__("cpu")
        self.log: list[str] = []
        self._features, self._fits = texts.features, fits

    def features(self, texts: Sequence[str], device: str) -> torch.Tensor:
        if len(texts) > self._fits:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.log.append(f"compute {len(texts)}")
        return self._features(texts, device)

    def download(self, values: torch.Tensor) -> Arriving:
        return Brought(self.log, super().download(values).wait())


class Brought:
    is_there = False

    def __init__(self, log: list[str], values: np.ndarray) -> None:
        self._log, self._values = log, values

    def wait(self) -> np.ndarray:
        self._log.append("wait")
        return self._values


def test_no_batch_of_texts_waits_for_the_one_before_and_none_is_lost_for_want_of_memory(
    folder: Path,
) -> None:
    embedder = load(folder)
    texts = [f"prompt number {number}" for number in range(11)]
    expected = embedder.embed_texts(texts).vectors
    device = SmallDevice(embedder._texts, fits=5)
    embedder._device, embedder._texts.features = device, device.features
    got = embedder.embed_texts(texts)
    np.testing.assert_allclose(got.vectors, expected, atol=2e-7)
    assert device.log == ["compute 4"] * 3 + ["wait"] * 3
    embedder.embed_texts(texts[:2])
    assert device.log[6:] == ["compute 4", "wait"], "the size that fits is remembered"
    device._fits = 0
    with pytest.raises(DeviceFull):
        embedder.embed_texts(texts)


def test_nothing_in_gives_nothing_out(embedder: ClipEmbedder) -> None:
    assert embedder.embed_images(np.empty((0, 32, 32, 3), np.uint8)).shape == (0, 16)
    texts = embedder.embed_texts([])
    assert (texts.vectors.shape, len(texts.token_counts), len(texts.is_truncated)) == (
        (0, 16),
        0,
        0,
    )


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((1, 31, 32, 3), np.uint8), np.zeros((1, 32, 32, 3), np.float32)],
    ids=["of another size", "normalised already"],
)
def test_pixels_that_were_not_prepared_are_a_programming_error(
    embedder: ClipEmbedder, pixels: NDArray[np.uint8]
) -> None:
    with pytest.raises(ValueError, match="wanted"):
        embedder.embed_images(pixels)


def test_the_network_gets_the_floats_of_transformers_bit_for_bit(
    embedder: ClipEmbedder, folder: Path
) -> None:
    processor = CLIPImageProcessorPil.from_pretrained(folder, local_files_only=True)
    seen: list[torch.Tensor] = []
    network = embedder.batches._tower.network
    hook = network.register_forward_pre_hook(lambda _module, values: seen.append(values[0]))
    embedder.embed_images(prepare_all(embedder, pictures()))
    hook.remove()
    theirs = processor(images=[Image.fromarray(rgb) for rgb in pictures()], return_tensors="pt")
    assert torch.equal(seen[0][: len(pictures())], theirs["pixel_values"])


class TestTexts:
    def test_are_counted_with_start_and_end_before_truncation(self, embedder: ClipEmbedder) -> None:
        found = embedder.embed_texts(["", "cat", "cat " * 75, "cat " * 76, "cat " * 500])
        assert found.token_counts.tolist() == [2, 3, 77, 78, 502]
        assert found.is_truncated.tolist() == [False, False, False, True, True]

    def test_that_are_too_long_are_read_up_to_the_75th_token(self, embedder: ClipEmbedder) -> None:
        full, longer, other = embedder.embed_texts(
            ["cat " * 75, "cat " * 75 + "dog " * 40, "dog " + "cat " * 90]
        ).vectors
        np.testing.assert_array_equal(full, longer)
        assert full @ other < 1 - 1e-4, "both were read at the start token"

    def test_with_half_a_character_are_read_with_a_replacement(
        self, embedder: ClipEmbedder
    ) -> None:
        broken, replaced = embedder.embed_texts(["a \ud800 cat", "a \ufffd cat"]).vectors
        np.testing.assert_array_equal(broken, replaced)

    def test_read_the_same_from_a_vocabulary_in_two_files(
        self, folder: Path, tmp_path: Path, embedder: ClipEmbedder
    ) -> None:
        shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
        words = json.loads((tmp_path / "tokenizer.json").read_text())["model"]
        (tmp_path / "vocab.json").write_text(json.dumps(words["vocab"]))
        merges = "\n".join(" ".join(pair) for pair in words["merges"])
        (tmp_path / "merges.txt").write_text(f"#version: 0.2\n{merges}\n")
        (tmp_path / "tokenizer.json").unlink()
        (tmp_path / "tokenizer_config.json").unlink()
        ours, theirs = load(tmp_path).embed_texts(PROMPTS), embedder.embed_texts(PROMPTS)
        np.testing.assert_array_equal(ours.vectors, theirs.vectors)
        assert ours.is_truncated.tolist() == theirs.is_truncated.tolist()


class TestTheModel:
    def test_says_what_it_is(self, folder: Path, embedder: ClipEmbedder) -> None:
        model = embedder.model
        assert model == Model(
            name="tiny",
            revision="",
            weights_sha256=model.weights_sha256,
            preprocessing="pil-bicubic-shortest32-center32-v1",
            dtype="float32",
            dimension=16,
            logit_scale=pytest.approx(np.exp(2.6592)),
            software=model.software,
            band=None,
            backend="torch-cpu",
            tokenizer_sha256=model.tokenizer_sha256,
        )
        assert f"torch {torch.__version__}" in model.software
        assert f"transformers {transformers.__version__}" in model.software

    def test_of_other_weights_is_another(self, tmp_path: Path, embedder: ClipEmbedder) -> None:
        other = load(build_tiny_clip(tmp_path / "tiny", seed=1))
        assert other.model.model_id != embedder.model.model_id

    def test_runs_on_the_cpu_where_there_is_nothing_else(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
        assert choose_device("auto") == "cpu"
        with pytest.raises(DeviceMissing, match=r"--device cuda was asked for.*only: cpu"):
            choose_device("cuda")
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        assert choose_device("auto") == choose_device("cuda") == "cuda"
        with pytest.raises(DeviceMissing, match="tpu"):
            choose_device("tpu")


def edit_weights(folder: Path, edit: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = load_file(folder / "model.safetensors")
    edit(tensors)
    save_file(tensors, folder / "model.safetensors")


def edit_config(folder: Path, part: str, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (config[part] if part else config).update(changes)
    (folder / "config.json").write_text(json.dumps(config))


class TestAModelThatMustNotScore:
    @pytest.fixture
    def copy(self, folder: Path, tmp_path: Path) -> Path:
        return Path(shutil.copytree(folder, tmp_path / "copy"))

    def refusal(self, folder: Path, allow_pickle: bool = False) -> str:
        with pytest.raises(ModelRefused) as caught:
            load(folder, allow_pickle)
        return str(caught.value)

    def test_lacks_weights(self, copy: Path) -> None:
        edit_weights(copy, lambda tensors: tensors.pop("visual_projection.weight"))
        assert "weights lack visual_projection.weight" in self.refusal(copy)

    def test_has_weights_of_something_else(self, copy: Path) -> None:
        edit_weights(copy, lambda tensors: tensors.update(head=torch.zeros(3)))
        assert "besides clip's head" in self.refusal(copy)

    def test_has_weights_of_another_shape(self, copy: Path) -> None:
        edit_weights(copy, lambda t: t.update({"text_projection.weight": torch.zeros(3, 3)}))
        assert "in another shape text_projection.weight" in self.refusal(copy)

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_has_weights_that_are_not_numbers(self, copy: Path, value: float) -> None:
        edit_weights(copy, lambda tensors: tensors["logit_scale"].fill_(value))
        assert "logit_scale are not finite" in self.refusal(copy)

    @pytest.mark.parametrize(
        "damage",
        [
            lambda content: b"",
            lambda content: content[: len(content) // 2],
            lambda content: b"\xff" * 8 + content[8:],
            lambda content: (1 << 63).to_bytes(8, "little") + content[8:],
            lambda content: content.replace(b'"data_offsets":[0,', b'"data_offsets":[9,', 1),
            lambda content: b"PK\x03\x04 not tensors",
        ],
        ids=["empty", "cut", "negative header", "huge header", "overlap", "zip"],
    )
    def test_has_a_damaged_file(self, copy: Path, damage: Callable[[bytes], bytes]) -> None:
        path = copy / "model.safetensors"
        path.write_bytes(damage(path.read_bytes()))
        assert "model.safetensors cannot be read" in self.refusal(copy)

    @pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors"])
    @pytest.mark.parametrize("zipped", [True, False], ids=["zip protocol", "legacy protocol"])
    def test_has_a_pickle_that_runs_code(self, copy: Path, name: str, zipped: bool) -> None:
        (copy / "model.safetensors").unlink()
        marker = copy / "code ran"
        torch.save(
            {"logit_scale": TouchesAFile(marker)},
            copy / name,
            _use_new_zipfile_serialization=zipped,
        )
        assert f"{name} cannot be read" in self.refusal(copy, allow_pickle=True)
        assert not marker.exists()

    def test_has_a_plain_pickle_that_runs_code(self, copy: Path) -> None:
        (copy / "model.safetensors").unlink()
        marker = copy / "code ran"
        (copy / "pytorch_model.bin").write_bytes(pickle.dumps(TouchesAFile(marker)))
        self.refusal(copy, allow_pickle=True)
        assert not marker.exists()

    def test_has_a_pickle_of_no_tensors(self, copy: Path) -> None:
        (copy / "model.safetensors").unlink()
        torch.save([1, 2, 3], copy / "pytorch_model.bin")
        assert "named tensors only" in self.refusal(copy, allow_pickle=True)

    def test_reads_texts_at_the_wrong_token(self, copy: Path) -> None:
        edit_config(copy, "text_config", eos_token_id=7)
        assert "end token at id 7" in self.refusal(copy)

    def test_takes_pictures_of_another_size(self, copy: Path) -> None:
        edit_config(copy, "vision_config", image_size=40)
        assert "(3, 40)" in self.refusal(copy)

    @pytest.mark.parametrize(
        "part, changes",
        [
            ("text_config", {"hidden_size": "wide"}),
            ("text_config", {"hidden_size": 33}),
            ("vision_config", {"patch_size": 0}),
            ("vision_config", {"hidden_act": "no such function"}),
            ("vision_config", {"num_attention_heads": 0}),
            ("", {"text_config": [1]}),
            ("", {"projection_dim": -1}),
        ],
    )
    def test_has_a_nonsense_config(self, copy: Path, part: str, changes: dict[str, object]) -> None:
        edit_config(copy, part, **changes)
        assert "was not loaded" in self.refusal(copy)

    @pytest.mark.parametrize("content", ["", "{}", '{"model": 3}', "[]"])
    def test_has_a_damaged_tokenizer(self, copy: Path, content: str) -> None:
        (copy / "tokenizer.json").write_text(content)
        assert "tokenizer cannot be read" in self.refusal(copy)


class TouchesAFile:
    """Unpickling this runs code."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_attention_code_that_a_config_names_is_not_used(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    for part in ("", "text_config", "vision_config"):
        edit_config(
            copy, part, _attn_implementation="evil/kernel", attn_implementation="evil/kernel"
        )
    ours, theirs = (cosines_of(load(f), pictures(), PROMPTS) for f in (copy, folder))
    np.testing.assert_array_equal(ours, theirs)


def test_loading_is_quiet_and_leaves_transformers_as_it_was(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    chatter = transformers.utils.logging
    before = chatter.get_verbosity()
    chatter.set_verbosity_info()
    try:
        load(folder).embed_texts(["cat " * 100])
        assert chatter.get_verbosity() == chatter.INFO
        assert chatter.is_progress_bar_enabled()
    finally:
        chatter.set_verbosity(before)
    assert capfd.readouterr() == ("", "")


def test_finding_a_model_and_preparing_pixels_need_no_torch() -> None:
    code = (
        "import sys, clipstore.model.weights, clipstore.model.preprocess, clipstore.model.vectors\n"
        "print([m for m in ('torch', 'transformers', 'torchvision') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


LOAD_AND_USE = """
import sys, numpy as np
from clipstore.model.embed import load_clip
embedder = load_clip(sys.argv[1], announce=print)
embedder.embed_texts(["a cat"])
pixels = embedder.preprocessing.prepare(np.zeros((9, 8, 3), np.uint8))
embedder.embed_images(pixels[None])
"""

FIND = """
import sys
from clipstore.model.weights import find_model
find_model(sys.argv[1], offline=False, allow_pickle=False, announce=print)
"""


@pytest.mark.skipif(STRACE is None, reason="needs strace")
def test_a_local_model_is_loaded_and_used_without_any_connection(
    folder: Path, tmp_path: Path
) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    environment["HF_ENDPOINT"] = "http://127.0.0.1:9"
    trace = tmp_path / "trace"

    def count_connections(code: str, model: str) -> tuple[int, int]:
        """Exit status, and how often the process or a child of it called connect."""
        traced = [str(STRACE), "-f", "--seccomp-bpf", "-e", "trace=connect", "-o", str(trace)]
        command = [*traced, sys.executable, "-c", code, model]
        ran = subprocess.run(command, env=environment, capture_output=True, check=False)
        return ran.returncode, trace.read_text().count("AF_INET")

    assert count_connections(LOAD_AND_USE, str(folder)) == (0, 0)
    status, connections = count_connections(FIND, "some/clip-that-is-not-here")
    assert status != 0
    assert connections > 0, "the trace sees nothing"
