"""Runs are listed once to be counted and once more when their turn comes: what counts is the second
listing, every file counts once, and no more than one folder's runs are held."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from clipstore.errors import PatternMismatch, StoreTooNew
from clipstore.pipeline.discover import outline
from clipstore.pipeline.ingest import IngestOptions, IngestReport, Progress, ingest_surveyed
from clipstore.pipeline.progress import run_to_text
from clipstore.pipeline.stopping import StopSwitch
from clipstore.pipeline.survey import survey
from clipstore.sources.pattern import parse_pattern
from clipstore.storage.store import run_query
from clipstore.types import RunContents
from tests.mean_colour import MeanColourEmbedder
from tests.run_trees import write_folder_run

PROMPTS = {"red": "a red square", "blue": "a blue square"}
BOTH = ["red", "blue"]
SCORED = "SELECT run, count(*) AS n FROM current_scores GROUP BY run ORDER BY run"


class Looks:
    """Keeps what an ingest says of its progress."""

    def __init__(self, then: Callable[[Progress], None] = lambda _progress: None) -> None:
        self.seen: list[Progress] = []
        self._then = then

    def __call__(self, progress: Progress) -> None:
        self.seen.append(progress)
        self._then(progress)


def ingest(
    root: Path,
    *,
    meanwhile: Callable[[], None] = lambda: None,
    looks: Looks | None = None,
    stop: StopSwitch | None = None,
    batch_size: int = 2,
    **options: int | bool,
) -> IngestReport:
    """What `clipstore ingest` does, with something that happens after the runs were surveyed."""
    surveyed = survey(outline(root / "runs"))
    meanwhile()
    return ingest_surveyed(
        [surveyed],
        root / "s.duckdb",
        MeanColourEmbedder(batch_size=batch_size),
        IngestOptions(**{"workers": 0, **options}),
        on_progress=looks or Looks(),
        stop=stop,
    )


def runs_of_four(root: Path, names: str = "abc") -> None:
    for name in names:
        write_folder_run(root / "runs" / name, PROMPTS, {100: BOTH, 200: BOTH})


def validate(root: Path, name: str) -> None:
    """Two pictures more; the run's other files are not touched."""
    made = write_folder_run(root / "elsewhere", PROMPTS, {300: BOTH})
    (made / "step_000300").rename(root / "runs" / name / "step_000300")


def scored(root: Path) -> dict[str, int]:
    return dict(run_query(root / "s.duckdb", SCORED).iter_rows())


def test_the_first_progress_knows_the_pictures_of_all_runs(tmp_path: Path) -> None:
    runs_of_four(tmp_path)
    looks = Looks()
    report = ingest(tmp_path, looks=looks)
    first, last = looks.seen[0], looks.seen[-1]
    assert (first.n_to_read, first.n_runs_begun, first.n_runs) == (12, 2, 3)
    assert (last.n_to_read, last.n_done, last.n_runs_begun) == (12, 12, 3)
    assert first.n_total == last.n_total == report.tally.seen == 24  # with the prompts' texts


def test_pictures_that_are_known_are_not_promised(tmp_path: Path) -> None:
    runs_of_four(tmp_path, "abc")
    ingest(tmp_path)
    for name in "ac":
        validate(tmp_path, name)
    looks = Looks()
    report = ingest(tmp_path, looks=looks)
    assert {each.n_to_read for each in looks.seen} == {4}
    assert (report.tally.known, report.tally.scored) == (12, 4)


def test_of_many_runs_only_few_are_held_at_any_time(tmp_path: Path) -> None:
    runs_of_four(tmp_path, "abcdefgh")
    held: list[int] = []

    def count(_progress: Progress) -> None:
        gc.collect()
        held.append(sum(isinstance(each, RunContents) for each in gc.get_objects()))

    assert ingest(tmp_path, looks=Looks(count)).tally.scored == 32
    # The layout's own and the renamed one.
    assert 1 <= max(held) <= 2


def test_what_comes_after_the_survey_counts_with_its_run(tmp_path: Path) -> None:
    runs_of_four(tmp_path)
    looks = Looks()
    report = ingest(tmp_path, meanwhile=lambda: validate(tmp_path, "b"), looks=looks)
    assert scored(tmp_path) == {"a": 4, "b": 6, "c": 4}
    assert (report.tally.seen, report.n_left) == (28, 0)
    assert looks.seen[-1].n_to_read == looks.seen[-1].n_done == 14


def test_what_went_after_the_survey_is_not_missed(tmp_path: Path) -> None:
    runs_of_four(tmp_path)

    def tidy() -> None:
        shutil.rmtree(tmp_path / "runs/a/step_000100")
        shutil.rmtree(tmp_path / "runs/b")

    looks = Looks()
    report = ingest(tmp_path, meanwhile=tidy, looks=looks)
    assert scored(tmp_path) == {"a": 2, "c": 4}
    # The four files of a/step_000200, the eight of c, and b itself, which may come back.
    assert (report.tally.seen, report.tally.pending, report.n_left) == (13, 1, 0)
    assert [problem.reason for problem in report.problems] == ["vanished"]
    assert looks.seen[-1].n_to_read == looks.seen[-1].n_done == 6


def test_a_run_that_comes_after_the_survey_is_left_for_the_next_time(tmp_path: Path) -> None:
    runs_of_four(tmp_path)
    report = ingest(tmp_path, meanwhile=lambda: runs_of_four(tmp_path, "d"))
    assert (report.tally.scored, report.n_left) == (12, 0)
    assert ingest(tmp_path).tally.scored == 4


def test_a_text_that_changes_after_the_survey_is_the_one_that_is_scored(tmp_path: Path) -> None:
    runs_of_four(tmp_path, "a")

    def edit() -> None:
        for path in (tmp_path / "runs/a").rglob("red.txt"):
            path.write_text("a green square")

    ingest(tmp_path, meanwhile=edit)
    texts = run_query(tmp_path / "s.duckdb", "SELECT DISTINCT text FROM current_scores ORDER BY 1")
    assert texts["text"].to_list() == ["a blue square", "a green square"]


def test_after_the_limit_all_other_runs_are_accounted_for(tmp_path: Path) -> None:
    runs_of_four(tmp_path)
    ingest(tmp_path)
    for name in "abc":
        validate(tmp_path, name)
    (tmp_path / "runs/c/step_000300/green.png").write_bytes(b"")  # a picture without a text
    report = ingest(tmp_path, limit=1)
    assert (report.tally.scored, report.tally.known, report.n_left) == (1, 12, 5)
    assert (report.tally.refused, report.tally.skipped) == (1, 18)


def test_a_stop_leaves_the_runs_whose_turn_has_not_come(tmp_path: Path) -> None:
    runs_of_four(tmp_path)
    stop = StopSwitch()
    looks = Looks(lambda progress: stop.set() if progress.tally.scored else None)
    first = ingest(tmp_path, looks=looks, stop=stop, batch_size=1)
    assert first.interrupted
    assert first.tally.seen + first.n_left == 24
    assert first.tally.skipped == 4  # the texts of run a alone
    second = ingest(tmp_path)
    assert first.tally.scored + second.tally.scored == 12
    assert scored(tmp_path) == {"a": 4, "b": 4, "c": 4}


def test_a_store_that_is_too_new_fails_before_anything_is_scored(tmp_path: Path) -> None:
    runs_of_four(tmp_path, "a")
    ingest(tmp_path)
    with duckdb.connect(str(tmp_path / "s.duckdb")) as database:
        database.execute("INSERT INTO schema_version VALUES (999, 'later', 'x', now())")
    validate(tmp_path, "a")
    looks = Looks()
    with pytest.raises(StoreTooNew):
        ingest(tmp_path, looks=looks)
    assert looks.seen == []


def test_a_picture_that_stops_fitting_the_pattern_ends_the_command_before_it_is_guessed_at(
    tmp_path: Path,
) -> None:
    write_folder_run(tmp_path / "runs/a", PROMPTS, {100: BOTH})
    (tmp_path / "runs/a/step_000100").rename(tmp_path / "runs/a/100")
    pattern = parse_pattern("{run}/{step}/{prompt_id}-0.png")
    for name in PROMPTS:
        (tmp_path / f"runs/a/100/{name}.png").rename(tmp_path / f"runs/a/100/{name}-0.png")
    surveyed = survey(outline(tmp_path / "runs", pattern=pattern))
    (tmp_path / "runs/a/100/red-0.png").rename(tmp_path / "runs/a/100/red.png")
    with pytest.raises(PatternMismatch):
        ingest_surveyed(
            [surveyed], tmp_path / "s.duckdb", MeanColourEmbedder(), IngestOptions(workers=0)
        )


def test_a_pattern_whose_pictures_are_all_gone_has_nothing_to_account_for(tmp_path: Path) -> None:
    write_folder_run(tmp_path / "runs/a", PROMPTS, {100: BOTH})
    pattern = parse_pattern("{run}/step_{step}/{prompt_id}.png")
    surveyed = survey(outline(tmp_path / "runs", pattern=pattern))
    assert [run.n_files > 0 for run in surveyed.runs] == [True]
    shutil.rmtree(tmp_path / "runs/a")
    report = ingest_surveyed(
        [surveyed], tmp_path / "s.duckdb", MeanColourEmbedder(), IngestOptions(workers=0)
    )
    assert (report.tally.seen, report.n_left) == (0, 0)


def test_the_progress_line_says_which_run_it_is_at(tmp_path: Path) -> None:
    runs_of_four(tmp_path, "ab")
    looks = Looks()
    ingest(tmp_path, looks=looks, batch_size=1)
    assert {run_to_text(each) for each in looks.seen} == {" run 1 of 2", " run 2 of 2"}
    shutil.rmtree(tmp_path / "runs/b")
    (tmp_path / "s.duckdb").unlink()
    looks = Looks()
    ingest(tmp_path, looks=looks)
    assert {run_to_text(each) for each in looks.seen} == {""}
