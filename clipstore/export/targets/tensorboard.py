"""`--to tensorboard`: an event file per run, which TensorBoard draws beside the trainer's loss.

Invariant: every point is in one file of ours per run, whole, in a folder of its own. A newer export
takes its place and begins with the record that makes a TensorBoard that is already open forget the
older points. The only module that imports tensorboard.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

from clipstore.export.curves import (
    ADJUSTED,
    MEAN,
    MEAN_HIGH,
    MEAN_LOW,
    Curve,
    RunCurves,
    curves_of_runs,
)
from clipstore.export.places import run_to_folder
from clipstore.export.targets import Exported, ExportRequest
from clipstore.logs.tensorboard import OWN_SUFFIX
from clipstore.storage.store import Reader
from clipstore.wholefile import whole_file

NAME = "tensorboard"
FOLDER = "clipstore"


def export(reader: Reader, request: ExportRequest) -> tuple[Exported, ...]:
    """DIR/RUN/clipstore/events.out.tfevents.TIME.clipstore for each run: `clipstore/clip_mean` with
    its interval and quantiles, and the verdict as text.

    With several CLIP models in the store the tags of each name it.
    """
    by_run: dict[str, list[RunCurves]] = {}
    for curves in curves_of_runs(reader, request.runs):
        by_run.setdefault(curves.run, []).append(curves)
    several = len({each.model for group in by_run.values() for each in group}) > 1
    done = []
    for run, group in by_run.items():
        folder = request.folder / run_to_folder(run) / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        events = [event for each in group for event in _events(each, _prefix(each, several))]
        path = _replace(folder, [*_head(group), *events])
        n_points = sum(len(curve.points) for each in group for curve in each.curves)
        done.append(Exported(str(path), f"{n_points:,} points"))
    return tuple(done)


def _prefix(curves: RunCurves, several_models: bool) -> str:
    return f"{curves.group} ({curves.model})" if several_models else curves.group


def _replace(folder: Path, events: list[Event]) -> Path:
    """Write the file, and empty or remove older ones of ours."""
    older = sorted(folder.glob(f"events.out.tfevents.*{OWN_SUFFIX}"))
    # A new name: TensorBoard goes on reading a file that it knows from where it was.
    path = folder / f"events.out.tfevents.{time.time_ns():020d}{OWN_SUFFIX}"
    encoded = io.BytesIO()
    records = RecordWriter(encoded)
    for event in events:
        records.write(event.SerializeToString())
    with whole_file(path) as file:
        file.write(encoded.getvalue())
    for each in older[:-1]:
        each.unlink(missing_ok=True)
    for each in older[-1:]:
        # Not removed: a TensorBoard that has it open would look for it for ever, and never go on
        # to the next.
        each.write_bytes(b"")
    return path


def _head(group: list[RunCurves]) -> Iterator[Event]:
    seconds = min((s for each in group for _, s in each.seconds_by_step), default=0.0)
    yield Event(wall_time=seconds, file_version="brain.Event:2")
    yield Event(wall_time=seconds, step=0, session_log=SessionLog(status=SessionLog.START))


def _events(curves: RunCurves, prefix: str) -> Iterator[Event]:
    seconds = dict(curves.seconds_by_step)
    names = {curve.name for curve in curves.curves}
    last_step = max((point.step for curve in curves.curves for point in curve.points), default=0)
    last = seconds.get(last_step, max(seconds.values(), default=0.0))
    for curve in curves.curves:
        yield from _curve_events(curve, f"{prefix}/{curve.name}", seconds, last)
    if {MEAN_LOW, MEAN_HIGH} <= names:
        middle = ADJUSTED if ADJUSTED in names else MEAN
        tags = [f"{prefix}/{name}" for name in (middle, MEAN_LOW, MEAN_HIGH)]
        yield _text_event(
            "custom_scalars__config__",
            "custom_scalars",
            _interval_chart(*tags).SerializeToString(),
            (0, last),
        )
    yield _text_event(
        f"{prefix}/verdict/text_summary", "text", _verdict_text(curves).encode(), (last_step, last)
    )


def _curve_events(
    curve: Curve, tag: str, seconds: dict[int, float], fallback: float
) -> Iterator[Event]:
    plugin = SummaryMetadata.PluginData(plugin_name="scalars")
    described = SummaryMetadata(summary_description=curve.meaning, plugin_data=plugin)
    for number, point in enumerate(curve.points):
        # The first value of a tag says what it is.
        metadata = described if number == 0 else None
        value = Summary.Value(tag=tag, simple_value=point.value, metadata=metadata)
        wall_time = seconds.get(point.step, fallback)
        yield Event(wall_time=wall_time, step=point.step, summary=Summary(value=[value]))


def _text_event(tag: str, plugin: str, content: bytes, at: tuple[int, float]) -> Event:
    step, wall_time = at
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)] if plugin == "text" else [])
    tensor = TensorProto(dtype=DT_STRING, string_val=[content], tensor_shape=shape)
    data = SummaryMetadata.PluginData(plugin_name=plugin)
    metadata = SummaryMetadata(plugin_data=data)
    value = Summary.Value(tag=tag, tensor=tensor, metadata=metadata)
    return Event(wall_time=wall_time, step=step, summary=Summary(value=[value]))


def _interval_chart(middle: str, low: str, high: str) -> layout_pb2.Layout:
    """The page "Custom Scalars": the mean in its interval, as a line in a margin."""
    series = layout_pb2.MarginChartContent.Series(value=middle, lower=low, upper=high)
    chart = layout_pb2.Chart(
        title="clip/mean as cosine, with its 95 % interval for these prompts",
        margin=layout_pb2.MarginChartContent(series=[series]),
    )
    return layout_pb2.Layout(category=[layout_pb2.Category(title="clipstore", chart=[chart])])


def _verdict_text(curves: RunCurves) -> str:
    verdict = curves.verdict
    lines = [f"**{verdict.verdict}**", *verdict.reasons]
    if verdict.what_it_would_take is not None:
        lines.append(verdict.what_it_would_take)
    lines.append(f"By {curves.model}. CLIP says how far pictures follow their prompts, no more.")
    return "\n\n".join(lines)
