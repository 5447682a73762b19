"""Reading TensorBoard's event files: ours beside EventAccumulator and tbparse, in one run.

    python3 -m venv /some/env
    /some/env/bin/pip install tensorboard tbparse google-crc32c json5 numpy
    python -m benchmarks.events --python /some/env/bin/python --out benchmarks/events_results.md

Every contestant reads the same files in a process of its own, in turn, and must give every scalar;
ours gives every picture as well and checks both checksums of every record. The files hold 100,000
scalars of eight tags, without pictures and with 1 GB of them (1024 x 1024 noise, PNG). They are
framed here, with checksums in C: torch's writer would take minutes for the same bytes. Peak memory
is the process's largest resident set; that of ours is also measured at a quarter of the pictures.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import struct
import subprocess
import sys
import tempfile
import zlib
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np

from clipstore.logfiles.crc32c import masked_crc32c

N_SCALARS = 100_000
TAGS = (
    "train_loss",
    "learning_rate",
    "epoch",
    "grad_norm",
    *(f"clip/{x}" for x in ("mean", "min")),
)
TAGS = (*TAGS, "clip/max", "clip/std")
N_PICTURES = {"scalars": 0, "quarter": 80, "pictures": 320}
SIDE_PX = 1024

CONTESTANTS = {
    "clipstore": """
from pathlib import Path
from clipstore.logged import LogPosition
from clipstore.logs import tensorboard
path, = Path(sys.argv[1]).iterdir()
for chunk in tensorboard.read(path, LogPosition()):
    n_scalars += len(chunk.scalars)
    n_pictures += len(chunk.pictures)
    assert not chunk.damage
""",
    "EventAccumulator": """
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
read = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "images": 0})
read.Reload()
n_scalars = sum(len(read.Scalars(tag)) for tag in read.Tags()["scalars"])
n_pictures = sum(len(read.Images(tag)) for tag in read.Tags()["images"])
""",
    "tbparse, scalars only": """
from tbparse import SummaryReader
n_scalars = len(SummaryReader(sys.argv[1], event_types={"scalars"}).scalars)
""",
}
"""Code that sets n_scalars and n_pictures. tbparse reads pictures only where TensorFlow is."""

FRAME = """
import json, resource, sys, time
n_scalars = n_pictures = 0
started, used = time.perf_counter(), time.process_time()
{code}
print(json.dumps([time.perf_counter() - started, time.process_time() - used,
    resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, n_scalars, n_pictures]))
"""


class Heat(NamedTuple):
    """One reading of one file."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    n_scalars: int
    n_pictures: int


def write_file(folder: Path, n_pictures: int) -> Path:
    """An event file with all scalars, and the pictures evenly among them."""
    folder.mkdir()
    chance = np.random.default_rng(1)
    path = folder / "events.out.tfevents.1700000000.benchmark"
    every = N_SCALARS // n_pictures if n_pictures else N_SCALARS + 1
    with path.open("wb") as file:
        file.write(_framed(_double(1, 1.7e9) + _field(3, b"brain.Event:2")))
        for number in range(N_SCALARS):
            step = number // len(TAGS)
            tag = TAGS[number % len(TAGS)].encode()
            value = _field(1, tag) + b"\x15" + struct.pack("<f", float(chance.random()))
            file.write(_framed(_event(1.7e9 + number, step, value)))
            if n_pictures and number % every == every - 1:
                image = _varint_field(1, SIDE_PX) + _varint_field(2, SIDE_PX) + _varint_field(3, 3)
                value = _field(1, b"validation - (1024, 1024)")
                value += _field(4, image + _field(4, _png(chance)))
                file.write(_framed(_event(1.7e9 + number, step, value)))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--python", default=sys.executable, help="with tensorboard and tbparse")
    parser.add_argument("--heats", type=int, default=3)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="events-") as folder:
        files = {name: write_file(Path(folder) / name, n) for name, n in N_PICTURES.items()}
        sizes = {name: path.stat().st_size / 1e9 for name, path in files.items()}
        heats: dict[tuple[str, str], list[Heat]] = {}
        for heat in range(arguments.heats):
            for file, path in files.items():
                for name in CONTESTANTS:
                    if file == "quarter" and name != "clipstore":
                        continue
                    if file == "pictures" and heat and name != "clipstore":
                        continue  # minutes each: once is enough for a ratio of hundreds
                    result = _race(arguments.python, name, path.parent)
                    sys.stderr.write(f"{file} {name} {result}\n")
                    heats.setdefault((file, name), []).append(result)
    text = _to_markdown(heats, sizes, arguments.python)
    sys.stdout.write(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


def _race(python: str, name: str, folder: Path) -> Heat:
    code = FRAME.format(code=CONTESTANTS[name])
    root = Path(__file__).resolve().parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [python, "-c", code, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    result = Heat(*json.loads(done.stdout.strip().splitlines()[-1]))
    if result.n_scalars != N_SCALARS:
        raise SystemExit(f"{name} gave {result.n_scalars:,} of {N_SCALARS:,} scalars")
    return result


def _to_markdown(
    heats: dict[tuple[str, str], list[Heat]], sizes: dict[str, float], python: str
) -> str:
    versions = _versions(python)
    lines = [
        "# Reading TensorBoard's event files",
        "",
        "Written by `python -m benchmarks.events`; what is measured stands at its head.",
        "",
        f"{date.today():%Y-%m-%d}; {_processor()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[1]:.1f} at the end; "
        f"Python {platform.python_version()}, {versions}. Median of the CPU seconds of the "
        "heats, which other processes disturb less than the wall's; the wall's beside it.",
        "",
        "| file | reader | scalars | pictures | CPU s | wall s | times ours | peak MiB |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for file, size in sizes.items():
        ours = _median([heat.cpu_s for heat in heats[file, "clipstore"]])
        for name in CONTESTANTS:
            some = heats.get((file, name))
            if some is None:
                continue
            cpu, wall = _median([h.cpu_s for h in some]), _median([h.wall_s for h in some])
            lines.append(
                f"| {size:.3f} GB | {name} | {some[0].n_scalars:,} | {some[0].n_pictures:,} "
                f"| {cpu:.2f} | {wall:.2f} | {cpu / ours:.1f} "
                f"| {_median([h.peak_mib for h in some]):.0f} |"
            )
    return "\n".join(lines) + "\n"


def _versions(python: str) -> str:
    code = (
        "from importlib.metadata import version as v; "
        "print(', '.join(f'{n} {v(n)}' for n in ('tensorboard', 'tbparse', 'google-crc32c')))"
    )
    return subprocess.run(
        [python, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if "model name" in line), "")


def _median(values: list[float]) -> float:
    return float(np.median(values))


def _event(wall_time: float, step: int, value: bytes) -> bytes:
    return _double(1, wall_time) + _varint_field(2, step) + _field(5, _field(1, value))


def _framed(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    header = length + struct.pack("<I", masked_crc32c(length))
    return header + data + struct.pack("<I", masked_crc32c(data))


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint_field(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _double(number: int, value: float) -> bytes:
    return _varint(number << 3 | 1) + struct.pack("<d", value)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _png(chance: np.random.Generator) -> bytes:
    """A picture of noise, stored without compressing: as large as such pictures come out."""
    rows = np.zeros((SIDE_PX, 1 + 3 * SIDE_PX), np.uint8)
    rows[:, 1:] = chance.integers(0, 256, (SIDE_PX, 3 * SIDE_PX), np.uint8)
    header = struct.pack(">IIBBBBB", SIDE_PX, SIDE_PX, 8, 2, 0, 0, 0)
    data = zlib.compress(rows.tobytes(), 0)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


if __name__ == "__main__":
    main()
