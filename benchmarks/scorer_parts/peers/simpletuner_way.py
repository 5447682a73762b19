"""The way SimpleTuner's CLIP evaluation goes: torchmetrics' function, once per picture.

The function loads the model again at every call; that is the cost that this peer shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from job import Entry, read_image, read_job, score_in_batches
from torchmetrics.functional.multimodal import clip_score


def main() -> None:
    """Score, answer."""
    job = read_job()
    clip_score_of = partial(clip_score, model_name_or_path=job.model)

    def score(batch: Sequence[Entry]) -> list[float]:
        (entry,) = batch
        # ToTensor() * 255: floats of 0 to 255, (1, 3, height, width).
        pixels = torch.from_numpy(np.asarray(read_image(entry))).permute(2, 0, 1).float() / 255
        images = torch.stack([pixels * 255]).to(job.device)
        return [float(clip_score_of(images, [entry.prompt]).detach().cpu()) / 100]

    score_in_batches(job, score, groups_of_one=True)


if __name__ == "__main__":
    main()
