"""`clipstore doctor`: what works on this machine, and what to do about what does not."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
from PIL.Image import Resampling

from clipstore import __version__
from clipstore.errors import ClipstoreError, ModelMissing, StoreMissing
from clipstore.model.bands import DEFAULT_MODEL
from clipstore.model.preprocess import CLIP_MEAN, CLIP_STD, Preprocessing
from clipstore.model.weights import find_model
from clipstore.options import db_option, format_option, message_console, result_console
from clipstore.output import Format, print_rows
from clipstore.pictures.pngdecode import FAST_DECODER, has_fast_decoder
from clipstore.pipeline.rates import measure_rates
from clipstore.pipeline.recommend import (
    LoadedModel,
    advise_on_batch_size,
    advise_on_bound,
    advise_on_dtype,
    advise_on_workers,
)
from clipstore.resources import resource_folder
from clipstore.storage.spool import list_parts, spool_folder
from clipstore.storage.store import check_store, default_store_path

if TYPE_CHECKING:
    from clipstore.model.embed import ClipEmbedder

LOW_DISK_BYTES = 2 * 10**9
MEASURED_SECONDS = 10.0
BUSY_LOAD_PER_CORE = 0.5
LARGE_CLIP_PIXELS = Preprocessing(
    side_px=336,
    shortest_edge_px=336,
    fixed_px=None,
    resample=Resampling.BICUBIC,
    rescale_factor=1 / 255,
    mean=CLIP_MEAN,
    std=CLIP_STD,
)
"""The default model's pixel path, to measure reading with where its files are not here."""
LIBRARIES = ("torch", "transformers", "duckdb", "polars", "plotly", "pillow")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: Literal["ok", "note", "problem"]
    detail: str


@click.command("doctor")
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="Model to look for.")
@click.option("--quick", is_flag=True, help="Leave out the measuring, which takes ten seconds.")
@db_option
@format_option
def command(model: str, quick: bool, db: Path | None, form: Format) -> int:
    """Check the installation, the devices, the model's weights and the database; then time reading
    and the model, say which of them bounds an ingest, and what to ask it for.

    Nothing is downloaded and nothing is changed. Exits with 1 when something is a problem.
    """
    store = default_store_path(db)
    findings = [
        Finding("clipstore", "ok", f"{__version__}, Python {platform.python_version()}"),
        *_find_resources(),
        *_find_libraries(),
        _find_decoder(),
        *_find_devices(),
        _find_model(model),
        *_find_store(store),
        _find_disk(store),
        *(() if quick else _measure(model)),
    ]
    rows = [asdict(finding) for finding in findings]
    print_rows(rows, ("what", "state", "detail"), form, result_console())
    return 1 if any(finding.state == "problem" for finding in findings) else 0


def _find_resources() -> Iterator[Finding]:
    for kind in ("sql", "reports", "demo_data"):
        try:
            resource_folder(kind)
        except ClipstoreError as error:
            yield Finding(f"{kind}/", "problem", str(error))


def _find_libraries() -> Iterator[Finding]:
    for name in LIBRARIES:
        try:
            yield Finding(name, "ok", importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, "problem", f"not installed: pip install {name}")


def _find_decoder() -> Finding:
    if has_fast_decoder():
        return Finding("decoder", "ok", f"{FAST_DECODER} for plain PNG, Pillow for the rest")
    return Finding(
        "decoder",
        "note",
        f"Pillow alone; {FAST_DECODER} decodes plain PNG three times as fast to the same pixels: "
        "pip install 'clipstore[fast]'",
    )


def _find_devices() -> Iterator[Finding]:
    if importlib.util.find_spec("torch") is None:
        return
    # torch takes a second to import; only this command and ingest pay it.
    from clipstore.model.embed import list_devices  # noqa: PLC0415

    devices = list_devices()
    state: Literal["ok", "note"] = "ok" if len(devices) > 1 else "note"
    detail = ", ".join(devices)
    if state == "note":
        detail += ": no GPU that this torch can use; scoring runs on the CPU"
    yield Finding("devices", state, detail)


def _find_model(model: str) -> Finding:
    try:
        files = find_model(model, offline=True, allow_pickle=False, announce=lambda _text: None)
    except ModelMissing as error:
        detail = (
            " ".join(str(error).split())
            if Path(model).is_dir()
            else f"{model} is not on this machine: the first ingest downloads it, or pass --model "
            "FOLDER with a copy"
        )
        return Finding("model", "note", detail)
    except ClipstoreError as error:
        return Finding("model", "problem", " ".join(str(error).split()))
    band = (
        "no band"
        if files.band is None
        else (f"band {files.band.low_cosine:.2f} to {files.band.high_cosine:.2f}")
    )
    detail = f"{files.name}, weights {files.weights_sha256[:8]}, {band}, in {files.folder}"
    return Finding("model", "ok", detail)


def _measure(model: str) -> Iterator[Finding]:
    """Both stages of an ingest, and what to ask it for; reading alone where there is no model."""
    message_console().print(
        f"timing reading and the model for {MEASURED_SECONDS:.0f} seconds; --quick leaves that out",
        markup=False,
    )
    embedder, why_none = _load_model(model)
    try:
        rates = measure_rates(
            LARGE_CLIP_PIXELS if embedder is None else embedder.preprocessing,
            embedder,
            n_processes=os.cpu_count() or 1,
            seconds=MEASURED_SECONDS,
        )
    except (ClipstoreError, OSError) as error:  # no process can be started, no room for samples
        yield Finding("reading", "problem", " ".join(str(error).split()))
        return
    yield Finding(
        "reading",
        "ok",
        f"{rates.read_by_one_per_s:.3g} pictures/s (PNG, 1024 x 1024) with 1 process, "
        f"{rates.read_by_all_per_s:.3g} with {rates.n_processes}{_beside_other_work()}",
    )
    if embedder is None or rates.model_per_s is None:
        yield Finding("model speed", "note", f"not measured: {why_none}")
        yield Finding("workers", "ok", advise_on_workers(rates))
        return
    loaded = LoadedModel(
        embedder.device, embedder.model.dtype, embedder.batches.size, embedder.bfloat16_speed()
    )
    yield Finding(
        "model speed",
        "ok",
        f"{rates.model_per_s:.3g} pictures/s in {loaded.dtype} on {loaded.device}",
    )
    yield Finding("bound by", "note", advise_on_bound(rates, has_fast_decoder=has_fast_decoder()))
    yield Finding("workers", "ok", advise_on_workers(rates))
    yield Finding("batch size", "ok", advise_on_batch_size(loaded))
    yield Finding("dtype", "ok", advise_on_dtype(loaded))


def _beside_other_work() -> str:
    """Rates are those of an idle machine, or say that they are not."""
    load = os.getloadavg()[0]
    is_busy = load > BUSY_LOAD_PER_CORE * (os.cpu_count() or 1)
    return (
        f"; the machine was busy (load {load:.1f}), so all of these are too low" if is_busy else ""
    )


def _load_model(model: str) -> tuple[ClipEmbedder | None, str]:
    """The model if it is here, else why not."""
    if any(importlib.util.find_spec(name) is None for name in ("torch", "transformers")):
        return None, "it needs torch and transformers"
    # OpenMP would spin on the readers' cores: see `clipstore.commands.ingest`.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from clipstore.model.embed import load_clip  # noqa: PLC0415 - torch takes a second to import

    try:
        return load_clip(model, offline=True, announce=lambda _text: None), ""
    except ModelMissing:
        return None, f"{model} is not on this machine; once it is, this says how fast it scores"
    except ClipstoreError as error:
        return None, str(error).splitlines()[0]


def _find_store(store: Path) -> Iterator[Finding]:
    waiting = len(list_parts(spool_folder(store)))
    if waiting:
        yield Finding("spool", "note", f"{waiting} parts wait to be merged into {store}")
    try:
        damage = check_store(store)
    except StoreMissing:
        yield Finding("database", "note", f"none at {store} yet")
        return
    except ClipstoreError as error:
        yield Finding("database", "problem", str(error))
        return
    for text in damage:
        yield Finding("database", "problem", text)
    if not damage:
        size_mb = store.stat().st_size / 1e6
        yield Finding("database", "ok", f"{store}, {size_mb:.1f} MB, every table read, no doubles")


def _find_disk(store: Path) -> Finding:
    folder = store.absolute().parent
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    state: Literal["ok", "note"] = "ok" if free > LOW_DISK_BYTES else "note"
    return Finding("disk", state, f"{free / 1e9:.1f} GB free in {folder}")
