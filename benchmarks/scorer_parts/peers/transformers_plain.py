"""transformers done plainly: a batch of Pillow pictures and their texts through `CLIPModel`.

Its answer in fp32 is the reference that all others are compared with.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from job import Entry, read_image, read_job, score_in_batches
from transformers import CLIPModel, CLIPTokenizer

try:
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
except ImportError:  # transformers 4 has one processor that uses Pillow
    from transformers import CLIPImageProcessor as CLIPImageProcessorPil


def main() -> None:
    """Load, score, answer."""
    job = read_job()
    dtype = {"fp32": torch.float32, "fp16": torch.float16}[job.precision]
    network = CLIPModel.from_pretrained(job.model, dtype=dtype).to(job.device).eval()
    tokenizer = CLIPTokenizer.from_pretrained(job.model)
    processor = CLIPImageProcessorPil.from_pretrained(job.model)

    @torch.inference_mode()
    def score(batch: Sequence[Entry]) -> list[float]:
        pixels = processor(images=[read_image(entry) for entry in batch], return_tensors="pt")
        tokens = tokenizer(
            [entry.prompt for entry in batch],
            padding=True,
            truncation=True,
            max_length=77,
            return_tensors="pt",
        )
        output = network(
            pixel_values=pixels["pixel_values"].to(job.device, dtype), **tokens.to(job.device)
        )
        products = output.image_embeds.float() * output.text_embeds.float()  # (batch, dimension)
        return products.sum(dim=1).tolist()

    score_in_batches(job, score, groups_of_one=True)


if __name__ == "__main__":
    main()
