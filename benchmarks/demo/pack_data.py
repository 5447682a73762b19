"""Gathers what a package ships: model, native sheets, configs, events, a MANIFEST of hashes.

Native pictures are a tenth of the composites; who lays the demo out draws the composites again
(`clipstore.demo`), with the same pixels.

    python -m benchmarks.demo.pack_data --clip DIR --native DIR --runs-dir DIR --out DIR [RUN ...]
"""

import argparse
import hashlib
import shutil
import sys
from pathlib import Path

from benchmarks.demo.settings import RUNS
from clipstore.model.bands import BAND_FILE

MODEL = "small-clip"
"""The folder's name is the name the model has in reports."""
MODEL_FILES = (
    "config.json",
    "model.safetensors",
    "preprocessor_config.json",
    "special_tokens_map.json",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
    BAND_FILE,
)


def write_manifest(folder: Path) -> int:
    """Writes `sha256  bytes  path` of every file below `folder`, sorted; returns the bytes."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "MANIFEST")
    rows = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.stat().st_size}  "
        f"{path.relative_to(folder).as_posix()}\n"
        for path in files
    ]
    (folder / "MANIFEST").write_text("".join(rows), encoding="utf-8")
    return sum(path.stat().st_size for path in files)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", metavar="RUN", help="names; all when none is given")
    for name in ("--clip", "--native", "--runs-dir", "--out"):
        parser.add_argument(name, type=Path, required=True)
    options = parser.parse_args()
    (options.out / MODEL).mkdir(parents=True)
    for file in MODEL_FILES:
        shutil.copyfile(options.clip / file, options.out / MODEL / file)
    for setting in RUNS:
        if options.runs and setting.name not in options.runs:
            continue
        folder, written = options.out / "runs" / setting.name, options.runs_dir / setting.name
        folder.mkdir(parents=True)
        for sheet in sorted((options.native / setting.name).glob("step_*.webp")):
            shutil.copyfile(sheet, folder / sheet.name)
        for name in ("config.json", "user_prompt_library.json"):
            shutil.copyfile(written / name, folder / name)
        for events in written.glob("logs/*/events.out.tfevents.*"):
            shutil.copyfile(events, folder / "events.out.tfevents.demo")
    sys.stdout.write(f"{write_manifest(options.out)} bytes in {options.out}\n")


if __name__ == "__main__":
    main()
