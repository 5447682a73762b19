"""torchmetrics' `CLIPScore` fed with batches: the model is loaded once.

It keeps a sum, so its cosines are known as means over batches only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from job import Entry, read_image, read_job, score_in_batches
from torchmetrics.multimodal.clip_score import CLIPScore


def main() -> None:
    """Load, score, answer."""
    job = read_job()
    metric = CLIPScore(model_name_or_path=job.model).to(job.device).eval()

    @torch.inference_mode()
    def score(batch: Sequence[Entry]) -> list[float]:
        metric.reset()
        images = [
            torch.from_numpy(np.array(read_image(entry))).permute(2, 0, 1).to(job.device)
            for entry in batch
        ]
        metric.update(images, [entry.prompt for entry in batch])
        return [float(metric.compute()) / 100]

    score_in_batches(job, score, groups_of_one=False)


if __name__ == "__main__":
    main()
