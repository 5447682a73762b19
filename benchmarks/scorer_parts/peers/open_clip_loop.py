"""open_clip as its users loop: its own transform in a DataLoader's workers, both towers a batch."""

from __future__ import annotations

from collections.abc import Callable

import open_clip
import torch
from job import Clock, Entry, Group, Job, read_image, read_job, write_answer
from open_clip.tokenizer import SimpleTokenizer
from PIL import Image
from torch.utils.data import DataLoader, Dataset


class Pictures(Dataset):
    """Pixels, tokens and number of every entry."""

    def __init__(
        self,
        entries: tuple[Entry, ...],
        transform: Callable[[Image.Image], torch.Tensor],
        tokenizer: SimpleTokenizer,
    ) -> None:
        self.entries, self.transform, self.tokenizer = entries, transform, tokenizer

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, torch.Tensor, int]:
        entry = self.entries[number]
        return self.transform(read_image(entry)), self.tokenizer([entry.prompt])[0], number


def main() -> None:
    """Load, score, answer."""
    job = read_job()
    network, _, transform = open_clip.create_model_and_transforms(
        job.open_clip_name, pretrained=job.open_clip_weights, precision=job.precision
    )
    network = network.to(job.device).eval()
    pictures = Pictures(job.entries, transform, SimpleTokenizer(bpe_path=job.merges))
    warm_up = Clock()
    run(job, network, Pictures(job.entries[: job.batch_size], transform, pictures.tokenizer))
    loop = Clock()
    write_answer(run(job, network, pictures), warm_up, loop)


@torch.inference_mode()
def run(job: Job, network: torch.nn.Module, pictures: Pictures) -> list[Group]:
    """Every picture's cosine."""
    loader = DataLoader(
        pictures, job.batch_size, num_workers=job.workers, pin_memory=job.device == "cuda"
    )
    dtype = torch.float16 if job.precision == "fp16" else torch.float32
    groups = []
    for pixels, tokens, numbers in loader:
        images = network.encode_image(pixels.to(job.device, dtype), normalize=True)
        texts = network.encode_text(tokens.to(job.device), normalize=True)
        cosines = (images.float() * texts.float()).sum(dim=1).tolist()
        groups += [Group([int(n)], c) for n, c in zip(numbers, cosines, strict=True)]
    return groups


if __name__ == "__main__":
    main()
