"""The `clip-score` package's own data set, loader and loop.

It stacks token lists without padding them, so that batches of unequal prompts fail: the batch
size is 1. It returns one mean over all pictures, and cannot be told of a panel.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from clip_score.clip_score import DummyDataset, calculate_clip_score
from job import Clock, Entry, Group, read_job, write_answer
from torch.utils.data import DataLoader
from transformers import AutoModel, AutoProcessor, AutoTokenizer


def main() -> None:
    """Lay out, load, score, answer."""
    job = read_job()
    network = AutoModel.from_pretrained(job.model).to(job.device)
    processor = AutoProcessor.from_pretrained(job.model)
    tokenizer = AutoTokenizer.from_pretrained(job.model)

    def mean_of(folder: Path) -> float:
        pictures = DummyDataset(
            str(folder / "img"), str(folder / "txt"), transform=processor, tokenizer=tokenizer
        )
        loader = DataLoader(
            pictures, job.batch_size, num_workers=job.workers, pin_memory=job.device == "cuda"
        )
        return float(calculate_clip_score(loader, network, "img", "txt").cpu())

    with tempfile.TemporaryDirectory(dir=Path(sys.argv[2]).parent) as name:
        first, everything = Path(name) / "first", Path(name) / "all"
        lay_out(first, job.entries[:1])
        lay_out(everything, job.entries)
        warm_up = Clock()
        mean_of(first)
        loop = Clock()
        mean = mean_of(everything)
        write_answer([Group(list(range(len(job.entries))), mean)], warm_up, loop)


def lay_out(folder: Path, entries: tuple[Entry, ...]) -> None:
    """The two folders that it reads, pictures and texts, paired by order of name."""
    for part in ("img", "txt"):
        (folder / part).mkdir(parents=True)
    for number, entry in enumerate(entries):
        (folder / "img" / f"{number:06}{Path(entry.path).suffix}").symlink_to(entry.path)
        (folder / "txt" / f"{number:06}.txt").write_text(entry.prompt)


if __name__ == "__main__":
    main()
