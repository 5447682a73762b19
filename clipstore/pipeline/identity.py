"""Under which model's name new scores go into a store that may have some already.

Invariant: scores continue another installation's only if they are the same by measurement: the
same files, pixel path, backend and dtype, and a probe whose cosines agree. Otherwise they are a
model of their own, and the user is told why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from clipstore.model.embedder import Embedder
from clipstore.model.probe import TOLERANCE, largest_difference, score_probe
from clipstore.modelidentity import Model
from clipstore.storage.spool import list_parts, spool_folder
from clipstore.storage.store import merge_parts, open_store
from clipstore.storage.tables import TABLE_SCHEMAS

MERGE_WAIT_SECONDS = 10.0
"""How long another program may hold the store before this gives up."""


def read_stored_models(store: Path) -> tuple[Model, ...]:
    """All models that the store or its spool knows, without their bands.

    Makes the store if there is none, as every ingest does. Raises the store's errors.
    """
    merge_parts(store, wait_seconds=MERGE_WAIT_SECONDS)
    columns = TABLE_SCHEMAS["models"]
    with open_store(store) as reader:
        frames = [reader.read("stored_models")]
    for part in list_parts(spool_folder(store)):
        path = part / "models.parquet"
        if path.exists() and set(columns) <= set(pl.read_parquet_schema(path)):
            frames.append(pl.read_parquet(path))
    return tuple(
        Model(
            name=row["name"],
            revision=row["revision"],
            weights_sha256=row["weights_sha256"],
            preprocessing=row["preprocessing"],
            dtype=row["dtype"],
            dimension=row["dimension"],
            logit_scale=row["logit_scale"],
            software=row["software"],
            backend=row["backend"],
            tokenizer_sha256=row["tokenizer_sha256"],
            family=row["family"],
            logit_bias=row["logit_bias"],
            probe_cosines=tuple(row["probe_cosines"]),
        )
        for frame in frames
        for row in frame.iter_rows(named=True)
    )


def settle_identity(
    embedder: Embedder, stored: Sequence[Model], announce: Callable[[str], None]
) -> Model:
    """The embedder's model as the store shall know it; scores the probe where that is needed.

    `announce` gets a sentence when the store has scores of the same files made otherwise.
    """
    model = embedder.model
    for known in stored:
        if known.model_id == model.model_id and known.probe_cosines:
            return replace(model, probe_cosines=known.probe_cosines)
    model = replace(model, probe_cosines=score_probe(embedder))
    allowed = TOLERANCE[model.dtype]
    different = ""
    for known in stored:
        if known.model_id == model.model_id:
            return model
        if not _may_continue(known, model):
            continue
        if not known.backend and not known.probe_cosines:
            announce(
                f"{model.name}: the scores in the store are by an older clipstore, which kept no "
                "probe to compare with. It computed in float32 with the same weights and pixels, "
                f"as {model.software} does now: they go on together."
            )
            return replace(model, backend="", tokenizer_sha256="")
        difference = largest_difference(known.probe_cosines, model.probe_cosines)
        if difference <= allowed:
            if known.software != model.software:
                announce(
                    f"{model.name}: the scores in the store were computed with {known.software}, "
                    f"now with {model.software}. A probe differs by {difference:.1g}, "
                    f"{allowed:.0e} is allowed for {model.dtype}: they go on together."
                )
            return known
        different = (
            f"{model.name}: {model.software} gives other scores than {known.software}, with which "
            f"those in the store were computed: a probe differs by {difference:.1g}, {allowed:.0e} "
            f"is allowed for {model.dtype}. The new scores are kept apart as another model's, and "
            "known pictures are scored again."
        )
    if different:
        announce(different)
    return model


def _may_continue(known: Model, model: Model) -> bool:
    """Whether all but the versions of the libraries is the same.

    Models stored before there were backends were in float32, on whatever device, and held to 1e-5
    of transformers, as those in float32 are now.
    """
    if (known.weights_sha256, known.preprocessing, known.dtype) != (
        *(model.weights_sha256, model.preprocessing, model.dtype),
    ):
        return False
    if not known.backend:
        return known.dtype == "float32"
    return (known.backend, known.tokenizer_sha256) == (model.backend, model.tokenizer_sha256)
