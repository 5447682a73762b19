"""Which files a model is loaded from, what is refused, and that nothing connects unasked.

The files here only look like a model: this is decided without torch.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from clipstore.errors import ModelMissing, ModelNameForeign, ModelRefused
from clipstore.model import bands, hub, weights
from clipstore.model.bands import DEFAULT_MODEL, DEFAULT_MODEL_BAND
from clipstore.model.modelsettings import TokenIds, check_token_ids
from clipstore.model.weights import ModelFiles, find_model
from tests.fake_hub import COMMIT, serve_model

MODEL_FILES = {
    "config.json": b'{"model_type": "clip"}',
    "preprocessor_config.json": b'{"size": 336}',
    "tokenizer.json": b"{}",
    "model.safetensors": b"weights",
}


def write_folder(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def write_cached(cache: Path, name: str, files: dict[str, bytes]) -> Path:
    """A hub cache as huggingface_hub lays it out, with main at `COMMIT`."""
    model = cache / f"models--{name.replace('/', '--')}"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text(COMMIT)
    return write_folder(model / "snapshots" / COMMIT, files)


def without(*names: str) -> dict[str, bytes]:
    return {name: content for name, content in MODEL_FILES.items() if name not in names}


def find(
    name_or_folder: str | Path,
    *,
    cache: Path = Path("no cache"),
    offline: bool = True,
    allow_pickle: bool = False,
) -> ModelFiles:
    return find_model(
        str(name_or_folder),
        offline=offline,
        allow_pickle=allow_pickle,
        announce=lambda sentence: pytest.fail(f"announced: {sentence}"),
        cache=cache,
    )


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any step towards the network fails the test."""
    monkeypatch.setattr(hub, "list_files", lambda *_: pytest.fail("asked the hub"))
    monkeypatch.setattr(hub, "fetch_files", lambda *_: pytest.fail("downloaded"))


@pytest.mark.usefixtures("no_hub")
class TestAFolder:
    def test_with_open_clip_s_files_alone_is_open_clip_s(self, tmp_path: Path) -> None:
        own = {
            "open_clip_config.json": b'{"model_cfg": {"text_cfg": {}}}',
            "open_clip_model.safetensors": b"other weights",
        }
        found = find(write_folder(tmp_path / "my-clip", own))
        assert (found.library, found.family) == ("open_clip", None)
        assert found.weights == (tmp_path / "my-clip" / "open_clip_model.safetensors",)
        both = find(write_folder(tmp_path / "my-clip", MODEL_FILES))
        assert both.library == "transformers"
        assert both.weights == (tmp_path / "my-clip" / "model.safetensors",)

    def test_in_the_cache_is_open_clip_s_when_asked_for_as_open_clip_does(
        self, tmp_path: Path
    ) -> None:
        own = {
            "open_clip_config.json": b'{"model_cfg": {"text_cfg": {}}}',
            "open_clip_model.safetensors": b"other weights",
        }
        write_cached(tmp_path, "some/clip", {**MODEL_FILES, **own})
        assert find("some/clip", cache=tmp_path).library == "transformers"
        found = find("hf-hub:some/clip", cache=tmp_path)
        assert (found.library, found.name, found.revision) == ("open_clip", "some/clip", COMMIT)

    def test_of_open_clip_without_the_library_says_what_to_install(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from clipstore.model import embed  # noqa: PLC0415  slow

        own = {
            "open_clip_config.json": b'{"model_cfg": {"text_cfg": {}}}',
            "open_clip_model.safetensors": b"other weights",
        }
        monkeypatch.setattr(embed.importlib.util, "find_spec", lambda _name: None)
        with pytest.raises(ModelRefused, match=r"pip install 'clipstore\[openclip\]'"):
            embed.load_clip(
                str(write_folder(tmp_path, own)), device="cpu", offline=True, announce=print
            )

    def test_has_another_tokenizer_when_any_of_its_files_changes(self, tmp_path: Path) -> None:
        folder = write_folder(tmp_path / "my-clip", MODEL_FILES)
        seen = {find(folder).tokenizer_sha256}
        for name in ("vocab.json", "tokenizer_config.json", "merges.txt"):
            (folder / name).write_text('{"tokenizer_class": "CLIPTokenizer", "x": "y"}')
            seen.add(find(folder).tokenizer_sha256)
        assert len(seen) == 4
        (folder / "README.md").write_text("no tokenizer")
        assert find(folder).tokenizer_sha256 in seen

    def test_is_named_by_its_own_name_and_known_by_its_weights(self, tmp_path: Path) -> None:
        folder = write_folder(tmp_path / "my-clip", MODEL_FILES)
        found = find(folder, offline=False)
        assert found == ModelFiles(
            name="my-clip",
            revision="",
            library="transformers",
            folder=folder,
            weights=(folder / "model.safetensors",),
            weights_sha256=hashlib.sha256(b"weights").hexdigest(),
            is_pickle=False,
            tokenizer_sha256=found.tokenizer_sha256,
            config={"model_type": "clip"},
            family="clip",
            tokenizer_class="CLIPTokenizer",
            preprocessing={"size": 336},
            band=None,
        )

    @pytest.mark.parametrize("lacking", MODEL_FILES)
    def test_that_lacks_a_file_is_missing_with_the_file_s_name(
        self, tmp_path: Path, lacking: str
    ) -> None:
        folder = write_folder(tmp_path, without(lacking))
        with pytest.raises(ModelMissing, match=rf"(?m) lacks {lacking}( \(or .*\))?\.$"):
            find(folder, offline=False)

    def test_may_have_its_tokenizer_in_two_files_and_its_pixels_in_processor_config(
        self, tmp_path: Path
    ) -> None:
        files = {
            **without("tokenizer.json", "preprocessor_config.json"),
            "vocab.json": b"{}",
            "merges.txt": b"",
            "processor_config.json": b'{"image_processor": {"size": 224}}',
        }
        assert find(write_folder(tmp_path, files)).preprocessing == {"size": 224}

    def test_may_have_its_weights_in_shards(self, tmp_path: Path) -> None:
        index = {"weight_map": {"a": "m-2.safetensors", "b": "m-1.safetensors"}}
        files = {
            **without("model.safetensors"),
            "model.safetensors.index.json": json.dumps(index).encode(),
            "m-1.safetensors": b"one",
        }
        with pytest.raises(ModelMissing, match=r"m-2\.safetensors"):
            find(write_folder(tmp_path, files))
        (tmp_path / "m-2.safetensors").write_bytes(b"two")
        found = find(tmp_path)
        assert [path.name for path in found.weights] == ["m-1.safetensors", "m-2.safetensors"]
        (tmp_path / "m-2.safetensors").write_bytes(b"other")
        assert find(tmp_path).weights_sha256 != found.weights_sha256

    @pytest.mark.parametrize("shard", ["../secret.safetensors", "/etc/passwd", 3, ""])
    def test_whose_shards_lie_elsewhere_is_refused(self, tmp_path: Path, shard: object) -> None:
        files = {
            **without("model.safetensors"),
            "model.safetensors.index.json": json.dumps({"weight_map": {"a": shard}}).encode(),
        }
        with pytest.raises(ModelRefused, match="does not list"):
            find(write_folder(tmp_path, files))

    def test_with_safetensors_and_a_pickle_never_opens_the_pickle(self, tmp_path: Path) -> None:
        found = find(write_folder(tmp_path, {**MODEL_FILES, "pytorch_model.bin": b"pickle"}))
        assert [path.name for path in found.weights] == ["model.safetensors"]

    def test_with_an_unknown_pickle_is_refused_and_the_hash_is_shown(self, tmp_path: Path) -> None:
        files = {**without("model.safetensors"), "pytorch_model.bin": b"pickle"}
        folder = write_folder(tmp_path, files)
        sha256 = hashlib.sha256(b"pickle").hexdigest()
        with pytest.raises(ModelRefused, match=sha256) as caught:
            find(folder)
        assert "--allow-pickle" in str(caught.value)
        allowed = find(folder, allow_pickle=True)
        assert (allowed.is_pickle, allowed.weights_sha256) == (True, sha256)

    def test_with_a_known_pickle_is_loaded_unasked(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        known = hashlib.sha256(b"pickle").hexdigest()
        monkeypatch.setattr(weights, "KNOWN_PICKLES", frozenset({known}))
        files = {**without("model.safetensors"), "pytorch_model.bin": b"pickle"}
        assert find(write_folder(tmp_path, files)).is_pickle

    def test_that_does_not_exist_is_not_taken_for_a_hub_model(self) -> None:
        for path in ("./models/clip", "/models/clip", "a/b/c", "~/no/clip", "C:\\clip"):
            with pytest.raises(ModelMissing, match="no such folder"):
                find(path, offline=False)


@pytest.mark.usefixtures("no_hub")
class TestSettings:
    @pytest.mark.parametrize(
        "name", ["config.json", "preprocessor_config.json", "tokenizer_config.json"]
    )
    def test_that_name_code_of_the_model_are_refused(self, tmp_path: Path, name: str) -> None:
        content = {"model_type": "clip", "deep": [{"auto_map": {"AutoModel": "evil.Model"}}]}
        files = {**MODEL_FILES, name: json.dumps(content).encode()}
        with pytest.raises(ModelRefused, match="auto_map"):
            find(write_folder(tmp_path, files))

    @pytest.mark.parametrize(
        "network, told",
        [
            ({}, "no model_cfg with a text_cfg"),
            ({"text_cfg": {"hf_model_name": "xlm-roberta"}}, "'xlm-roberta'"),
            ({"text_cfg": {}, "multimodal_cfg": {}}, "CoCa"),
            ({"text_cfg": {"tokenizer_kwargs": {"trust_remote_code": True}}}, "trust_remote_code"),
        ],
    )
    def test_of_open_clip_that_need_more_than_the_folder_are_refused(
        self, tmp_path: Path, network: dict[str, object], told: str
    ) -> None:
        files = {
            "open_clip_config.json": json.dumps({"model_cfg": network}).encode(),
            "open_clip_model.safetensors": b"weights",
        }
        with pytest.raises(ModelRefused, match=told):
            find(write_folder(tmp_path, files))

    def test_of_a_siglip_2_of_variable_resolution_are_refused(self, tmp_path: Path) -> None:
        files = {**MODEL_FILES, "config.json": b'{"model_type": "siglip2"}'}
        with pytest.raises(ModelRefused, match="NaFlex"):
            find(write_folder(tmp_path, files))

    @pytest.mark.parametrize(
        "family, stated, found",
        [
            ("clip", "CLIPTokenizerFast", "CLIPTokenizer"),
            ("clip", None, "CLIPTokenizer"),
            ("siglip", "SiglipTokenizer", "SiglipTokenizer"),
            ("siglip", "GemmaTokenizerFast", "Siglip2Tokenizer"),
            ("siglip", None, "Siglip2Tokenizer"),
            ("siglip", "CLIPTokenizer", None),
            ("clip", "GemmaTokenizer", None),
        ],
    )
    def test_name_the_tokenizer_of_their_family(
        self, tmp_path: Path, family: str, stated: str | None, found: str | None
    ) -> None:
        files = {
            **MODEL_FILES,
            "config.json": json.dumps({"model_type": family}).encode(),
            "tokenizer_config.json": json.dumps({"tokenizer_class": stated}).encode(),
        }
        folder = write_folder(tmp_path, files)
        if found is None:
            with pytest.raises(ModelRefused, match=f"its tokenizer is a {stated}"):
                find(folder)
        else:
            assert (find(folder).family, find(folder).tokenizer_class) == (family, found)

    @pytest.mark.parametrize("kind", ["clip_vision_model", "align", None])
    def test_of_another_architecture_are_refused(self, tmp_path: Path, kind: str | None) -> None:
        files = {**MODEL_FILES, "config.json": json.dumps({"model_type": kind}).encode()}
        with pytest.raises(ModelRefused, match=f"model_type {kind!r}"):
            find(write_folder(tmp_path, files))

    def test_of_a_quantised_model_are_refused(self, tmp_path: Path) -> None:
        config = {"model_type": "clip", "quantization_config": {"bits": 4}}
        with pytest.raises(ModelRefused, match="quantised"):
            find(
                write_folder(tmp_path, {**MODEL_FILES, "config.json": json.dumps(config).encode()})
            )

    def test_of_another_tokenizer_are_refused(self, tmp_path: Path) -> None:
        files = {**MODEL_FILES, "tokenizer_config.json": b'{"tokenizer_class": "T5Tokenizer"}'}
        with pytest.raises(ModelRefused, match="T5Tokenizer"):
            find(write_folder(tmp_path, files))

    @pytest.mark.parametrize(
        "content",
        [b"", b'{"model_type": "cl', b"[]", b"\xff\xfe", b"[" * 100_000, b" " * (17 << 20)],
        ids=["empty", "cut", "list", "binary", "deep", "huge"],
    )
    def test_that_are_no_json_object_are_refused_with_the_file_s_name(
        self, tmp_path: Path, content: bytes
    ) -> None:
        with pytest.raises(ModelRefused, match=r"config\.json"):
            find(write_folder(tmp_path, {**MODEL_FILES, "config.json": content}))


@pytest.mark.usefixtures("no_hub")
class TestTheHubsCache:
    def test_is_used_without_connecting_and_tells_the_commit(self, tmp_path: Path) -> None:
        snapshot = write_cached(tmp_path, "some/clip", MODEL_FILES)
        found = find("some/clip", cache=tmp_path, offline=False)
        assert (found.name, found.revision, found.folder) == ("some/clip", COMMIT, snapshot)

    def test_comes_after_a_folder_of_the_same_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_cached(tmp_path / "cache", "some/clip", MODEL_FILES)
        folder = write_folder(tmp_path / "some" / "clip", MODEL_FILES)
        monkeypatch.chdir(tmp_path)
        assert find("some/clip", cache=tmp_path / "cache").folder == folder

    def test_that_lacks_the_model_is_a_clear_error_when_offline(self, tmp_path: Path) -> None:
        with pytest.raises(ModelMissing, match="--offline forbids") as caught:
            find("some/clip", cache=tmp_path)
        assert str(tmp_path) in str(caught.value)

    def test_that_is_incomplete_names_what_it_lacks_when_offline(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_cached(tmp_path, "some/clip", without("model.safetensors"))
        monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
        with pytest.raises(ModelMissing, match="HF_HUB_OFFLINE forbids") as caught:
            find("some/clip", cache=tmp_path, offline=False)
        assert "lacks model.safetensors (or pytorch_model.bin)." in str(caught.value)

    def test_refuses_names_that_no_hub_model_can_have(self, tmp_path: Path) -> None:
        with pytest.raises(ModelMissing, match="neither a folder here nor"):
            find("some/clip--x", cache=tmp_path)


FIND_IN_A_PROCESS = """
import sys
from clipstore.errors import ClipstoreError
from clipstore.model.weights import find_model
try:
    found = find_model(sys.argv[1], offline=False, allow_pickle=False,
                       announce=lambda sentence: print("announced:", sentence))
    print("found:", found.revision, [path.name for path in found.weights])
except ClipstoreError as error:
    print(type(error).__name__ + ":", error)
"""


def find_in_a_process(name: str, endpoint: str, home: Path) -> list[str]:
    """Lines printed by a process that looks for `name`, with its own hub and cache."""
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("HF_")},
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",
    }
    command = [sys.executable, "-c", FIND_IN_A_PROCESS, name]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return ran.stdout.splitlines()


class TestADownload:
    def test_is_announced_brings_only_what_is_needed_and_is_not_repeated(
        self, tmp_path: Path
    ) -> None:
        files = {
            **MODEL_FILES,
            "pytorch_model.bin": b"pickle",
            "tf_model.h5": b"tensorflow",
            "README.md": b"read me",
        }
        with serve_model("some/clip", files) as fake:
            first, second, third = find_in_a_process("some/clip", fake.endpoint, tmp_path)
            asked = len(fake.asked)
            again = find_in_a_process("some/clip", fake.endpoint, tmp_path)
        cache = tmp_path / "hub"
        assert first == (
            f"announced: some/clip is not complete in {cache}: asking {fake.endpoint} "
            "for its files."
        )
        assert second == (
            f"announced: Downloading model.safetensors of some/clip (0.00 GB) into {cache}."
        )
        assert third == f"found: {COMMIT} ['model.safetensors']"
        assert fake.downloaded() == sorted(MODEL_FILES)
        assert again == [third]
        assert len(fake.asked) == asked, "a cached model asked the hub"

    def test_of_an_unknown_pickle_is_refused_before_it_starts(self, tmp_path: Path) -> None:
        files = {**without("model.safetensors"), "pytorch_model.bin": b"pickle"}
        with serve_model("some/clip", files) as fake:
            lines = find_in_a_process("some/clip", fake.endpoint, tmp_path)
        assert lines[1].startswith("ModelRefused: the model some/clip was not loaded")
        assert hashlib.sha256(b"pickle").hexdigest() in "\n".join(lines)
        assert "pytorch_model.bin" not in fake.downloaded()

    def test_of_another_architecture_is_refused_before_it_starts(self, tmp_path: Path) -> None:
        files = {**MODEL_FILES, "config.json": b'{"model_type": "align"}'}
        with serve_model("some/align", files) as fake:
            lines = find_in_a_process("some/align", fake.endpoint, tmp_path)
        assert lines[1].startswith("ModelRefused: ")
        assert "model.safetensors" not in fake.downloaded()

    def test_brings_all_shards(self, tmp_path: Path) -> None:
        index = {"weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"}}
        files = {
            **without("model.safetensors"),
            "model.safetensors.index.json": json.dumps(index).encode(),
            "m-1.safetensors": b"one",
            "m-2.safetensors": b"two",
        }
        with serve_model("some/clip", files) as fake:
            lines = find_in_a_process("some/clip", fake.endpoint, tmp_path)
        assert lines[-1] == f"found: {COMMIT} ['m-1.safetensors', 'm-2.safetensors']"

    def test_completes_a_copy_that_was_begun_at_its_own_commit(self, tmp_path: Path) -> None:
        write_cached(tmp_path / "hub", "some/clip", without("model.safetensors"))
        with serve_model("some/clip", MODEL_FILES) as fake:
            lines = find_in_a_process("some/clip", fake.endpoint, tmp_path)
        assert lines[-1] == f"found: {COMMIT} ['model.safetensors']"
        assert not [path for path in fake.asked if path.endswith("/main")]

    def test_of_a_model_the_hub_does_not_have_is_a_clear_error(self, tmp_path: Path) -> None:
        with serve_model("some/clip", MODEL_FILES) as fake:
            lines = find_in_a_process("other/clip", fake.endpoint, tmp_path)
        assert lines[1].startswith("ModelMissing: the model other/clip is not available")
        assert "--model FOLDER" in lines[2]

    def test_without_a_network_is_a_clear_error(self, tmp_path: Path) -> None:
        lines = find_in_a_process("some/clip", "http://127.0.0.1:9", tmp_path)
        assert lines[1].startswith("ModelMissing: the model some/clip is not available")


@pytest.mark.usefixtures("no_hub")
class TestBands:
    def test_the_default_model_from_the_hub_has_the_built_in_band(self, tmp_path: Path) -> None:
        write_cached(tmp_path, DEFAULT_MODEL, MODEL_FILES)
        assert find(DEFAULT_MODEL, cache=tmp_path).band == DEFAULT_MODEL_BAND

    def test_a_folder_merely_named_like_it_has_none(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_folder(tmp_path / DEFAULT_MODEL, MODEL_FILES)
        monkeypatch.chdir(tmp_path)
        assert find(DEFAULT_MODEL).band is None

    def test_a_folder_with_its_weights_has_it_whatever_its_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ours = hashlib.sha256(b"weights").hexdigest()
        monkeypatch.setattr(bands, "DEFAULT_MODEL_PICKLE_SHA256", ours)
        assert find(write_folder(tmp_path / "copy", MODEL_FILES)).band == DEFAULT_MODEL_BAND

    def test_another_hub_model_has_none(self, tmp_path: Path) -> None:
        write_cached(tmp_path, "openai/clip-vit-base-patch32", MODEL_FILES)
        assert find("openai/clip-vit-base-patch32", cache=tmp_path).band is None

    @pytest.mark.parametrize("derived_for", [None, hashlib.sha256(b"weights").hexdigest()])
    def test_a_band_file_beside_the_weights_states_theirs(
        self, tmp_path: Path, derived_for: str | None
    ) -> None:
        stated = {"poor_below_cosine": -0.1, "low_cosine": 0.5, "high_cosine": 0.75}
        if derived_for:
            stated = {**stated, "weights_sha256": derived_for, "derived": "500 held-out pairs"}
        files = {**MODEL_FILES, "clipstore_band.json": json.dumps(stated).encode()}
        band = find(write_folder(tmp_path, files)).band
        assert band is not None
        assert (band.poor_below_cosine, band.low_cosine, band.high_cosine) == (-0.1, 0.5, 0.75)

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"[]",
            b'{"low_cosine": 0.3, "high_cosine": 0.4}',
            b'{"poor_below_cosine": 0.2, "low_cosine": 0.4, "high_cosine": 0.3}',
            b'{"poor_below_cosine": 22, "low_cosine": 30, "high_cosine": 39}',
            b'{"poor_below_cosine": 0.2, "low_cosine": NaN, "high_cosine": 0.3}',
            b'{"poor_below_cosine": true, "low_cosine": 0.2, "high_cosine": 0.3}',
            b'{"poor_below_cosine": 0.1, "low_cosine": 0.2, "high_cosine": 0.3, '
            b'"weights_sha256": "of others"}',
        ],
    )
    def test_a_band_file_that_cannot_be_meant_is_refused(
        self, tmp_path: Path, content: bytes
    ) -> None:
        with pytest.raises(ModelRefused, match=r"clipstore_band\.json"):
            find(write_folder(tmp_path, {**MODEL_FILES, "clipstore_band.json": content}))


class TestTokenIds:
    GOOD = TokenIds(network_end=49407, network_size=49408, end=49407, pad=49407, highest=49407)

    def test_that_agree_pass_also_with_the_legacy_end(self) -> None:
        check_token_ids("m", self.GOOD)
        check_token_ids("m", TokenIds(2, 49408, 49407, 0, 49407))

    @pytest.mark.parametrize(
        "ids, told",
        [
            (TokenIds(49407, 49000, 49407, 0, 49407), "only 49000"),
            (TokenIds(1, 49408, 49407, 0, 49407), "wrong token"),
            (TokenIds([49407], 49408, 49407, 0, 49407), "wrong token"),
            (TokenIds(2, 49500, 49407, 0, 49408), "wrong token"),
            (TokenIds(2, 600, 2, 3, 513), "wrong token"),
            (TokenIds(49407, 49408, None, 0, 49407), "wrong token"),
            (TokenIds(49407, 49408, 49407, None, 49407), "padding"),
        ],
    )
    def test_that_would_pool_at_the_wrong_place_are_refused(self, ids: TokenIds, told: str) -> None:
        with pytest.raises(ModelRefused, match=told):
            check_token_ids("m", ids)


OPENAI_S = {
    "ViT-B-32": "base-patch32",
    "ViT-B-16-quickgelu/openai": "base-patch16",
    "ViT-L-14/openai": "large-patch14",
    "ViT-L-14-336:openai": "large-patch14-336",
    "ViT-B/32": "base-patch32",
    "ViT-L/14@336px": "large-patch14-336",
}


@pytest.mark.parametrize("name", OPENAI_S)
def test_a_name_of_openai_s_weights_elsewhere_is_answered_with_their_hub_id(name: str) -> None:
    with pytest.raises(ModelNameForeign) as error:
        find(name, offline=False)
    assert f"--model openai/clip-vit-{OPENAI_S[name]} for OpenAI's weights" in str(error.value)


@pytest.mark.parametrize(
    "name",
    ["ViT-B-32/laion2b_s34b_b79k", "RN50", "convnext_base_w/laion", "ViT-H-14", "coca_ViT-B-32"],
)
def test_a_name_of_open_clip_s_is_answered_with_how_its_weights_are_asked_for(name: str) -> None:
    with pytest.raises(
        ModelNameForeign, match="--model hf-hub:OWNER/NAME for open_clip's"
    ) as error:
        find(name, offline=False)
    assert "for OpenAI's" not in str(error.value)


@pytest.mark.parametrize("name", ["laion/CLIP-ViT-B-32-laion2B-s34B-b79K", "timm/ViT-B-16-SigLIP"])
def test_a_hub_id_that_contains_such_a_name_is_a_hub_id(name: str) -> None:
    with pytest.raises(ModelMissing):
        find(name)


def test_a_folder_of_such_a_name_is_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path / "ViT-B-32", MODEL_FILES)
    monkeypatch.chdir(tmp_path)
    assert find("ViT-B-32").name == "ViT-B-32"
