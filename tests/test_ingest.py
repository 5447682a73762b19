"""The pipeline with a scorer that is a picture's mean colour: what is scored is what was cut,
nothing is scored twice, and every file is accounted for."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from clipstore.pipeline.discover import outline
from clipstore.pipeline.ingest import (
    IngestOptions,
    IngestReport,
    Progress,
    ingest_surveyed,
)
from clipstore.pipeline.stopping import StopSwitch
from clipstore.pipeline.survey import survey
from clipstore.storage.store import open_current
from tests.mean_colour import MeanColourEmbedder
from tests.run_trees import made_old, write_folder_run, write_simpletuner_run

PROMPTS = {"red": "a red square", "blue": "a blue square"}


def ingest(
    root: Path, store: Path, embedder: MeanColourEmbedder | None = None, **options: object
) -> IngestReport:
    stop_after, stop = options.pop("stop_after", None), StopSwitch()

    def look(progress: Progress) -> None:
        if stop_after is not None and progress.tally.scored >= stop_after:
            stop.set()

    return ingest_surveyed(
        [survey(outline(root))],
        store,
        embedder or MeanColourEmbedder(),
        # Reading processes have tests of their own; without them these are fast.
        IngestOptions(**{"workers": 0, **options}),
        on_progress=look,
        stop=stop,
    )


def rows(store: Path, sql: str) -> list[dict[str, object]]:
    with open_current(store) as reader:
        return reader.frame(sql).to_dicts()


SCORES = """
    SELECT run, step, prompt_id, image_index, panel, round(cosine, 4) AS cosine
    FROM current_scores ORDER BY ALL
"""


def test_the_cut_decides_the_score(tmp_path: Path) -> None:
    """A red checkpoint beside a green base: 1.0 for the panel, .7 for the file as it lies."""
    run = write_simpletuner_run(tmp_path / "runs/a", {"red": "red"}, {100: ["red"]})
    store, embedder = tmp_path / "s.duckdb", MeanColourEmbedder()
    ingest(tmp_path / "runs", store, embedder)
    cut = rows(store, "SELECT cosine FROM current_scores WHERE panel = 'checkpoint'")
    assert cut[0]["cosine"] == pytest.approx(1.0, abs=1e-6)
    file = np.asarray(Image.open(run / "validation_images/step_100_red_0_64x64.png"))
    whole = embedder.embed_images(embedder.preprocessing.prepare(file[:64])[None])[0]
    assert float(whole @ embedder.embed_texts(["red"]).vectors[0]) == pytest.approx(0.7, abs=0.03)


def test_base_and_checkpoint_are_stored_side_by_side_and_never_mixed(tmp_path: Path) -> None:
    write_simpletuner_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]})
    store = tmp_path / "s.duckdb"
    ingest(tmp_path / "runs", store)
    assert rows(store, "SELECT step, panel, n_prompts, round(mean, 3) AS mean FROM run_step "
                       "ORDER BY step, panel") == [
        {"step": 0, "panel": "base", "n_prompts": 2, "mean": 0.0},
        {"step": 100, "panel": "base", "n_prompts": 2, "mean": 0.0},
        {"step": 100, "panel": "checkpoint", "n_prompts": 2, "mean": 1.0},
    ]  # fmt: skip


def test_equal_panels_of_all_steps_and_prompts_go_through_the_model_once(tmp_path: Path) -> None:
    steps = {step: ["red", "blue"] for step in (100, 200, 300, 400)}
    write_simpletuner_run(tmp_path / "runs/a", PROMPTS, steps)
    embedder = MeanColourEmbedder(batch_size=2)
    report = ingest(tmp_path / "runs", tmp_path / "s.duckdb", embedder)
    assert report.n_scores == 4 * 2 * 2 + 2  # four steps of two composites, two benchmark pictures
    assert embedder.n_pictures == report.n_embedded == 3  # green bases, red and blue checkpoints


def test_a_second_ingest_scores_nothing_and_calls_no_model(tmp_path: Path) -> None:
    write_simpletuner_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]})
    store = tmp_path / "s.duckdb"
    first = ingest(tmp_path / "runs", store)
    before = rows(store, SCORES)
    embedder = MeanColourEmbedder()
    second = ingest(tmp_path / "runs", store, embedder)
    assert (embedder.n_pictures, embedder.n_texts, second.n_scores) == (0, 0, 0)
    assert second.tally.known == first.tally.scored == 4
    assert rows(store, SCORES) == before


def test_a_file_scored_right_after_it_was_written_is_judged_by_its_content(tmp_path: Path) -> None:
    run = write_simpletuner_run(tmp_path / "runs/a", {"red": "red"}, {100: ["red"]})
    path = run / "validation_images/step_100_red_0_64x64.png"
    path.touch()
    store = tmp_path / "s.duckdb"
    ingest(tmp_path / "runs", store)
    assert ingest(tmp_path / "runs", store).tally.known == 2


def test_new_steps_are_picked_up(tmp_path: Path) -> None:
    store = tmp_path / "s.duckdb"
    write_simpletuner_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]})
    ingest(tmp_path / "runs", store)
    write_simpletuner_run(tmp_path / "runs/a", PROMPTS, {200: ["red", "red"]})
    report = ingest(tmp_path / "runs", store)
    assert report.tally.scored == 2
    assert rows(store, "SELECT mean FROM run_step WHERE step = 200 AND panel = 'checkpoint'") == [
        {"mean": pytest.approx(0.5)}
    ]


def test_an_overwritten_picture_is_scored_again_and_only_the_new_score_counts(
    tmp_path: Path,
) -> None:
    store = tmp_path / "s.duckdb"
    write_simpletuner_run(tmp_path / "runs/a", {"red": "red"}, {100: ["red"]})
    ingest(tmp_path / "runs", store)
    write_simpletuner_run(tmp_path / "runs/a", {"red": "red"}, {100: ["blue"]})
    ingest(tmp_path / "runs", store)
    current = rows(store, "SELECT cosine FROM current_scores WHERE panel = 'checkpoint'")
    assert [row["cosine"] for row in current] == [pytest.approx(0.0)]
    assert rows(store, "SELECT count(*) AS n FROM scores WHERE panel = 'checkpoint'") == [{"n": 2}]


def test_every_file_ends_in_one_state_and_the_states_add_up(tmp_path: Path) -> None:
    run = write_simpletuner_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]})
    pictures = run / "validation_images"
    good = (pictures / "step_100_red_0_64x64.png").read_bytes()
    (pictures / "step_200_red_0_64x64.png").write_bytes(good[: len(good) // 2])
    (pictures / "step_200_nobody_0_64x64.png").write_bytes(good)
    (pictures / "step_200_red_0.wav").write_bytes(b"audio")
    (run / "notes.txt").write_text("mine")
    made_old(run)
    (pictures / "step_300_red_0_64x64.png").write_bytes(good[: len(good) // 2])
    report = ingest(tmp_path / "runs", tmp_path / "s.duckdb")
    files = sum(path.is_file() for path in (tmp_path / "runs").rglob("*"))
    assert report.tally.seen == files
    assert report.tally.scored == 4
    assert report.tally.pending == 1
    assert sorted(problem.reason for problem in report.problems) == [
        "no_prompt_text",
        "truncated",
        "truncated",
    ]
    account = rows(tmp_path / "s.duckdb", "SELECT * FROM ingests")[0]
    assert account["n_seen"] == files == sum(
        account[f"n_{state}"] for state in ("scored", "known", "pending", "refused", "skipped")
    )  # fmt: skip


def test_a_composite_that_cannot_be_cut_is_refused_and_not_scored_whole(tmp_path: Path) -> None:
    run = write_simpletuner_run(tmp_path / "runs/a", {"red": "red"}, {100: ["red"]})
    odd = Image.new("RGB", (333, 77), "red")
    odd.save(run / "validation_images/step_200_red_0_64x64.png")
    made_old(run)
    report = ingest(tmp_path / "runs", tmp_path / "s.duckdb")
    assert [problem.stage for problem in report.problems] == ["cut"]
    assert rows(tmp_path / "s.duckdb", "SELECT * FROM scores WHERE step = 200") == []


def test_the_blank_prompt_is_stored_and_belongs_to_no_mean(tmp_path: Path) -> None:
    prompts = {"unconditional": "", "red": "red"}
    write_simpletuner_run(tmp_path / "runs/a", prompts, {100: ["blue", "red"]})
    store = tmp_path / "s.duckdb"
    ingest(tmp_path / "runs", store)
    assert rows(store, "SELECT count(*) AS n FROM current_scores WHERE is_blank") == [{"n": 3}]
    assert rows(store, "SELECT n_prompts, mean FROM run_step WHERE panel = 'checkpoint'") == [
        {"n_prompts": 1, "mean": pytest.approx(1.0)}
    ]


def test_scores_of_two_models_stay_apart(tmp_path: Path) -> None:
    write_folder_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]})
    store = tmp_path / "s.duckdb"
    other = MeanColourEmbedder("other")
    object.__setattr__(other.model, "weights_sha256", "1" * 64)
    assert ingest(tmp_path / "runs", store).n_scores == 2
    assert ingest(tmp_path / "runs", store, other).n_scores == 2
    assert rows(store, "SELECT model, n_images FROM run_step ORDER BY model") == [
        {"model": "mean-colour", "n_images": 2},
        {"model": "other", "n_images": 2},
    ]


def test_an_edited_prompt_keeps_old_scores_until_a_rescore_is_asked_for(tmp_path: Path) -> None:
    store, root = tmp_path / "s.duckdb", tmp_path / "runs/a"
    write_simpletuner_run(root, {"p": "red"}, {100: ["red"]})
    ingest(tmp_path / "runs", store)
    write_simpletuner_run(root, {"p": "blue"}, {})
    ingest(tmp_path / "runs", store)
    old = "SELECT text, cosine FROM current_scores WHERE panel = 'checkpoint'"
    assert rows(store, old) == [{"text": "red", "cosine": pytest.approx(1.0)}]
    ingest(tmp_path / "runs", store, rescore=True)
    assert rows(store, old) == [{"text": "blue", "cosine": pytest.approx(0.0)}]


def test_two_folders_of_one_name_are_two_runs(tmp_path: Path) -> None:
    store = tmp_path / "s.duckdb"
    for parent in ("monday", "tuesday"):
        write_folder_run(tmp_path / parent / "lora", PROMPTS, {100: ["red", "blue"]})
        ingest(tmp_path / parent, store)
    names = [row["name"] for row in rows(store, "SELECT name FROM runs ORDER BY name")]
    assert names == ["lora", "tuesday/lora"]


def test_an_interrupted_ingest_goes_on_to_the_same_result(tmp_path: Path) -> None:
    steps = {step: ["red", "blue"] for step in range(100, 1100, 100)}
    write_simpletuner_run(tmp_path / "runs/a", PROMPTS, steps)
    whole, broken = tmp_path / "whole.duckdb", tmp_path / "broken.duckdb"
    ingest(tmp_path / "runs", whole)
    first = ingest(tmp_path / "runs", broken, stop_after=7)
    assert first.interrupted
    assert first.tally.scored + first.n_left >= 7
    second = ingest(tmp_path / "runs", broken)
    assert first.tally.scored + second.tally.scored == 22
    assert rows(broken, SCORES) == rows(whole, SCORES)


def test_a_limit_stops_after_that_many_files(tmp_path: Path) -> None:
    steps = {step: ["red", "blue"] for step in (100, 200)}
    write_folder_run(tmp_path / "runs/a", PROMPTS, steps)
    report = ingest(tmp_path / "runs", tmp_path / "s.duckdb", limit=3)
    assert (report.tally.scored, report.n_left) == (3, 1)


def test_a_limit_counts_scored_files_and_not_refused_ones(tmp_path: Path) -> None:
    steps = {step: ["red", "blue"] for step in range(100, 900, 100)}
    write_folder_run(tmp_path / "runs/a", PROMPTS, steps)
    for step in (100, 200):
        (tmp_path / f"runs/a/step_{step:06d}/red.png").write_bytes(b"no picture")
    made_old(tmp_path / "runs")
    for batch_size in (1, 4, 64):
        embedder = MeanColourEmbedder(batch_size=batch_size)
        report = ingest(tmp_path / "runs", tmp_path / f"{batch_size}.duckdb", embedder, limit=5)
        assert (report.tally.scored, report.tally.refused) == (5, 2)
        assert report.n_left == 16 - 7


def test_reading_goes_on_one_by_one_where_no_memory_is_left_to_read_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clipstore.pipeline.ingest.AHEAD_BYTES", 0)
    write_folder_run(tmp_path / "runs/a", PROMPTS, {step: ["red", "blue"] for step in (1, 2, 3)})
    report = ingest(tmp_path / "runs", tmp_path / "s.duckdb", workers=1)
    assert report.tally.scored == 6


def test_a_picture_that_the_store_has_from_another_run_needs_no_model(tmp_path: Path) -> None:
    write_folder_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]})
    store = tmp_path / "s.duckdb"
    ingest(tmp_path / "runs", store)
    write_folder_run(tmp_path / "runs/b", PROMPTS, {900: ["blue", "green"]})
    embedder = MeanColourEmbedder()
    report = ingest(tmp_path / "runs", store, embedder)
    assert (report.tally.scored, embedder.n_pictures) == (2, 1)
    assert rows(store, "SELECT prompt_id, cosine FROM current_scores WHERE run = 'b'") == [
        {"prompt_id": "blue", "cosine": pytest.approx(0.0)},
        {"prompt_id": "red", "cosine": pytest.approx(0.0)},
    ]


def test_without_kept_vectors_known_pictures_go_through_the_model_again(tmp_path: Path) -> None:
    write_folder_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]})
    store = tmp_path / "s.duckdb"
    ingest(tmp_path / "runs", store, keep_embeddings=False)
    embedder = MeanColourEmbedder()
    assert ingest(tmp_path / "runs", store, embedder, rescore=True).tally.scored == 2
    assert embedder.n_pictures == 2


def test_the_stages_of_the_main_thread_add_up_to_the_wall_time(tmp_path: Path) -> None:
    write_simpletuner_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]})
    timings = ingest(tmp_path / "runs", tmp_path / "s.duckdb").timings
    stages = timings.model_s + timings.pixels_s + timings.disk_s + timings.other_s
    assert stages == pytest.approx(timings.wall_s)
    assert min(timings.model_s, timings.pixels_s, timings.other_s, timings.decode_s) > 0
    assert timings.pixels_s >= timings.read_s + timings.decode_s + timings.cut_s + timings.resize_s


SLOW_INGEST = """
    import signal, sys, time
    from pathlib import Path
    from clipstore.pipeline.discover import outline
    from clipstore.pipeline.survey import survey
    from clipstore.pipeline.ingest import IngestOptions, ingest_surveyed
    from clipstore.pipeline.stopping import StopSwitch
    from tests.mean_colour import MeanColourEmbedder

    class Slow(MeanColourEmbedder):
        def embed_images(self, pixels):
            if self.n_pictures:
                print("in the model", flush=True)
                time.sleep(60)
            return super().embed_images(pixels)

    stop = StopSwitch()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    report = ingest_surveyed(
        [survey(outline(Path(sys.argv[1])))], Path(sys.argv[2]), Slow(batch_size=2),
        IngestOptions(workers=1), stop=stop,
    )
    print(report.interrupted, report.tally.scored, report.n_left)
"""


def test_a_stop_does_not_wait_for_a_slow_model_and_loses_nothing_scored(tmp_path: Path) -> None:
    for step, colour in enumerate(("red", "green", "blue", "grey"), start=1):
        folder = tmp_path / f"runs/a/step_{step:06d}"
        folder.mkdir(parents=True)
        Image.new("RGB", (32, 32), colour).save(folder / "p.png")
        (folder / "p.txt").write_text("red")
    made_old(tmp_path / "runs")
    store = tmp_path / "s.duckdb"
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SLOW_INGEST), str(tmp_path / "runs"), str(store)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "in the model\n"
    process.terminate()
    said, _ = process.communicate(timeout=20)
    assert said.split() == ["True", "2", "2"]
    assert process.returncode == 0
    assert rows(store, "SELECT count(*) AS n FROM scores") == [{"n": 2}]


HOLDER = """
    import sys, duckdb
    connection = duckdb.connect(sys.argv[1])
    print("held", flush=True)
    sys.stdin.read()
"""


def test_scores_wait_in_the_spool_while_another_program_holds_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clipstore.pipeline.ingest.MERGE_WAIT_SECONDS", 0.1)
    store = tmp_path / "s.duckdb"
    write_folder_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]})
    ingest(tmp_path / "runs", store)
    write_folder_run(tmp_path / "runs/a", PROMPTS, {200: ["green", "blue"]})
    holder: list[subprocess.Popen[str]] = []

    class HeldWhileScoring(MeanColourEmbedder):
        def embed_images(self, pixels: np.ndarray) -> np.ndarray:
            code = textwrap.dedent(HOLDER)
            process = subprocess.Popen(
                [sys.executable, "-c", code, str(store)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert process.stdout.readline() == "held\n"
            holder.append(process)
            return super().embed_images(pixels)

    report = ingest(tmp_path / "runs", store, HeldWhileScoring())
    assert report.merge.n_scores_waiting == 2
    assert str(holder[0].pid) in report.merge.holder
    holder[0].communicate()
    assert rows(store, "SELECT count(*) AS n FROM scores") == [{"n": 4}]


CRASHING_INGEST = """
    import os, sys
    from pathlib import Path
    from clipstore.pipeline.discover import outline
    from clipstore.pipeline.survey import survey
    from clipstore.pipeline.ingest import IngestOptions, ingest_surveyed
    from tests.mean_colour import MeanColourEmbedder

    class Dying(MeanColourEmbedder):
        def embed_images(self, pixels):
            if self.n_pictures >= int(sys.argv[3]):
                os.kill(os.getpid(), 9)
            return super().embed_images(pixels)

    options = IngestOptions(workers=2)
    ingest_surveyed([survey(outline(Path(sys.argv[1])))], Path(sys.argv[2]), Dying(), options)
"""


@pytest.mark.parametrize("pictures_before_death", [0, 3, 7])
def test_a_killed_ingest_loses_at_most_one_batch(
    tmp_path: Path, pictures_before_death: int
) -> None:
    generator = np.random.default_rng(3)
    for step in range(100, 700, 100):
        folder = tmp_path / f"runs/a/step_{step:06d}"
        folder.mkdir(parents=True)
        for name, text in PROMPTS.items():
            pixels = generator.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{name}.png")
            (folder / f"{name}.txt").write_text(text)
    made_old(tmp_path / "runs")
    store = tmp_path / "s.duckdb"
    arguments = [str(tmp_path / "runs"), str(store), str(pictures_before_death)]
    code = textwrap.dedent(CRASHING_INGEST)
    died = subprocess.run([sys.executable, "-c", code, *arguments], check=False)
    assert died.returncode == -signal.SIGKILL
    kept = 0 if not store.exists() else len(rows(store, "SELECT * FROM scores"))
    assert kept >= pictures_before_death - MeanColourEmbedder().batch_size
    report = ingest(tmp_path / "runs", store)
    assert report.tally.scored == 12 - kept
    assert rows(store, "SELECT count(*) AS n FROM scores") == [{"n": 12}]


def test_embeddings_can_be_left_out(tmp_path: Path) -> None:
    write_folder_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]})
    ingest(tmp_path / "runs", tmp_path / "with.duckdb")
    ingest(tmp_path / "runs", tmp_path / "without.duckdb", keep_embeddings=False)
    count = "SELECT count(*) AS n FROM embeddings"
    assert rows(tmp_path / "with.duckdb", count) == [{"n": 2}]
    assert rows(tmp_path / "without.duckdb", count) == [{"n": 0}]
    assert rows(tmp_path / "without.duckdb", "FROM text_embeddings") == []


def test_the_vectors_of_a_picture_and_its_text_give_its_score_again(tmp_path: Path) -> None:
    write_folder_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "green"], 200: ["red", "blue"]})
    ingest(tmp_path / "runs", tmp_path / "s.duckdb")
    again = rows(
        tmp_path / "s.duckdb",
        "SELECT cosine, list_inner_product(embeddings.vector, text_embeddings.vector) AS again "
        "FROM scores JOIN embeddings USING (model_id, crop_id) "
        "JOIN text_embeddings USING (model_id, text_id)",
    )
    assert len(again) == 4
    assert [row["again"] for row in again] == pytest.approx([row["cosine"] for row in again])


def test_truncated_prompts_are_marked(tmp_path: Path) -> None:
    prompts = {"red": "red", "long": "a very long text about something blue"}
    write_folder_run(tmp_path / "runs/a", prompts, {100: ["red", "blue"]})
    store = tmp_path / "s.duckdb"
    ingest(tmp_path / "runs", store)
    marked = rows(store, "SELECT prompt_id FROM current_scores WHERE is_truncated")
    assert marked == [{"prompt_id": "long"}]


def test_the_config_of_a_run_is_kept_as_json(tmp_path: Path) -> None:
    write_simpletuner_run(
        tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]}, config={"--learning_rate": "1e-4"}
    )
    store = tmp_path / "s.duckdb"
    ingest(tmp_path / "runs", store)
    run = rows(store, "SELECT planned_steps, config FROM runs")[0]
    assert run["planned_steps"] == 1000
    assert json.loads(run["config"])["learning_rate"] == "1e-4"


def test_a_frame_of_scores_has_the_units_it_says(tmp_path: Path) -> None:
    write_folder_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]})
    store = tmp_path / "s.duckdb"
    started = time.time()
    ingest(tmp_path / "runs", store)
    with open_current(store) as reader:
        frame = reader.frame("SELECT cosine, scored_at FROM scores")
    assert frame["cosine"].is_between(-1, 1).all()
    assert frame.schema["scored_at"] == pl.Datetime("us", "UTC")
    assert frame["scored_at"].min().timestamp() >= started - 1
