"""Runs of plain-coloured pictures, scored by their mean colour, looked at by their vectors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from clipstore.analysis.fromstore import verdicts_from_reader
from clipstore.analysis.picturerules import PictureRules
from clipstore.analysis.picturesfromstore import with_pictures
from clipstore.findings import Verdict
from clipstore.pipeline.discover import outline
from clipstore.pipeline.ingest import IngestOptions, ingest_surveyed
from clipstore.pipeline.survey import survey
from clipstore.storage.store import open_current
from tests.mean_colour import COLOURS, MeanColourEmbedder
from tests.run_trees import composite, made_old

PROMPTS = (
    "red",
    "green",
    "blue",
    "red green",
    "red blue",
    "green blue",
    "red red green",
    "red red blue",
    "green green red",
    "green green blue",
    "blue blue red",
    "blue blue green",
)
OWN = np.array([np.sum([COLOURS[word] for word in text.split()], axis=0) for text in PROMPTS])
OWN = OWN / np.linalg.norm(OWN, axis=1, keepdims=True)  # (12, 3), what each text asks for
GREY = np.ones(3) / np.sqrt(3)


def turned(degrees: float, width: float = 0.4) -> np.ndarray:
    """(12, 3) colours at one cosine from what their texts ask for, turned about it: moving without
    a change of score."""
    towards_grey = GREY - OWN * (OWN @ GREY)[:, None]
    towards_grey /= np.linalg.norm(towards_grey, axis=1, keepdims=True)
    aside = np.cross(OWN, towards_grey)
    angle = np.deg2rad(degrees)
    return OWN + width * (np.cos(angle) * towards_grey + np.sin(angle) * aside)


def squares(colours: np.ndarray) -> list[np.ndarray]:
    """(n, 3) colours to n plain squares, each as bright as it can be."""
    bytes_ = np.rint(250 * colours.clip(0) / colours.max(axis=1, keepdims=True)).astype(np.uint8)
    return [np.broadcast_to(colour, (64, 64, 3)).copy() for colour in bytes_]


def write_run(root: Path, by_step: Mapping[int, np.ndarray], n_images: int = 1) -> Path:
    """step_000100/p0.png …, one colour a prompt; p0__1.png … the same again."""
    for step, colours in by_step.items():
        folder = root / f"step_{step:06d}"
        folder.mkdir(parents=True, exist_ok=True)
        for number, (text, square) in enumerate(zip(PROMPTS, squares(colours), strict=True)):
            for index in range(n_images):
                name = f"p{number}__{index}" if index else f"p{number}"
                Image.fromarray(square).save(folder / f"{name}.png")
            (folder / f"p{number}.txt").write_text(text)
    return made_old(root)


def write_composites(
    root: Path, base: Mapping[int, np.ndarray], trained: Mapping[int, np.ndarray]
) -> Path:
    """A SimpleTuner run of [base | checkpoint] composites, the base's colours by step too."""
    pictures = root / "validation_images"
    pictures.mkdir(parents=True)
    library = {f"p{number}": text for number, text in enumerate(PROMPTS)}
    texts = str(library).replace("'", '"')
    (root / "user_prompt_library.json").write_text(texts)
    (root / "config.json").write_text(
        '{"--user_prompt_library": "user_prompt_library.json", "--max_train_steps": "1000", '
        '"--use_ema": "false", "--disable_benchmark": "false"}'
    )
    for step, colours in trained.items():
        for number, (left, right) in enumerate(
            zip(squares(base[step]), squares(colours), strict=True)
        ):
            drawn = composite(left, right, PROMPTS[number])
            drawn.save(pictures / f"step_{step}_p{number}_0_64x64.png")
    return made_old(root)


def ingest(root: Path, store: Path, **options: object) -> None:
    """All runs below `root` through the real pipeline."""
    report = ingest_surveyed(
        [survey(outline(root))], store, MeanColourEmbedder(batch_size=64), IngestOptions(**options)
    )
    assert report.tally.refused == report.tally.pending == 0, report.problems[0].detail


def verdict_with_pictures(
    store: Path, *, asked: bool | None = True, rules: PictureRules | None = None
) -> Verdict:
    """The verdict of the only run."""
    with open_current(store) as reader:
        found = with_pictures(reader, verdicts_from_reader(reader), asked=asked, rules=rules)
    (verdict,) = found.verdicts
    return verdict


def look_at(folder: Path, by_step: Mapping[int, np.ndarray]) -> Verdict:
    """Write the run, ingest it, look at its pictures."""
    write_run(folder / "runs/a", by_step)
    ingest(folder / "runs", folder / "s.duckdb")
    return verdict_with_pictures(folder / "s.duckdb")
