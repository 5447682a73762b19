"""The command `benchmarks/scorer.py`: arguments, what is made, what is measured, in which order.

Invariant: what it needs it makes, once, in its work folder, and nothing that the asked parts do not
need; after each step the file on disk holds all that is measured so far.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.scorer_parts.contestants import CONTESTANTS, OURS
from benchmarks.scorer_parts.environments import list_versions, make_environments
from benchmarks.scorer_parts.errorpictures import ErrorPicture, make_error_pictures
from benchmarks.scorer_parts.errors import ErrorReport
from benchmarks.scorer_parts.heats import Heat, run_heat
from benchmarks.scorer_parts.machine import describe_machine
from benchmarks.scorer_parts.models import ARCHITECTURES, make_checkpoint
from benchmarks.scorer_parts.picturesets import FORMATS, make_picture_set
from benchmarks.scorer_parts.plan import plan_heats
from benchmarks.scorer_parts.process import Failed
from benchmarks.scorer_parts.realpictures import SOURCE, fetch_real_pictures, list_real_pictures
from benchmarks.scorer_parts.report import Findings, findings_to_markdown
from benchmarks.scorer_parts.runerrors import run_errors, trained_model
from benchmarks.scorer_parts.runs import Workplace
from clipstore.model.embed import choose_device

WHAT = """\
How fast and how exact the scorer is, beside its peers: one command, any machine.

What it needs it makes, once, in its work folder: pictures, random weights of the true sizes, the
peers' environments (6 GB) and real pictures to measure errors on (180 MB), these two only when
asked. Defaults are for the device: on two idle cores about an hour, half of it the speed.
"""
PARTS = ("speed", "errors")
DEFAULT_WORK = Path(tempfile.gettempdir()) / "clipstore-benchmark"


def main() -> None:
    """Parse, make, measure, write."""
    asked = _parse()
    place = Workplace(
        folder=asked.work.resolve(),
        device=choose_device(asked.device),
        rounds=asked.rounds,
        peers=frozenset(asked.peers),
    )
    place.folder.mkdir(parents=True, exist_ok=True)
    real_folder = asked.real_pictures or place.folder / "real"
    if asked.make_environments:
        make_environments(place.environments)
    if asked.fetch_pictures:
        fetch_real_pictures(real_folder)
    plans = plan_heats(place.device, asked.models, asked.formats, asked.pictures)
    models = {
        plan.architecture: make_checkpoint(plan.architecture, place.folder / "models")
        for plan in plans
    }
    heats = plans if "speed" in asked.parts else []
    sets = [make_picture_set(heat.form, heat.pictures, place.folder / "pictures") for heat in heats]
    error_pictures: list[ErrorPicture] = []
    if "errors" in asked.parts:
        real = list_real_pictures(real_folder)
        error_pictures = make_error_pictures(asked.error_pictures, real, place.folder / "pictures")
    if asked.prepare:
        return
    source = SOURCE if asked.real_pictures is None else str(asked.real_pictures)
    report = _Report(asked.out, place, source)
    for number, (plan, pictures) in enumerate(zip(heats, sets, strict=True)):
        _say(f"{plan.architecture.name}, {plan.form.name}")
        checkpoint = models[plan.architecture]
        report.heats.append(run_heat(checkpoint, pictures, place, backwards=number % 2 == 1))
        report.write()
    if "errors" in asked.parts:
        for model in [*(checkpoint.folder for checkpoint in models.values()), trained_model()]:
            found = run_errors(model, error_pictures, place)
            if isinstance(found, Failed):
                report.failures.append(found.why)
            else:
                report.errors.append(found)
            report.write()
    report.finish()


class _Report:
    """What was measured so far; the file is written anew after each step, so that a run which is
    stopped leaves what it had."""

    def __init__(self, out: Path | None, place: Workplace, real_source: str) -> None:
        self.heats: list[Heat] = []
        self.errors: list[ErrorReport] = []
        self.failures: list[str] = []
        self._out = out
        self._real_source = real_source
        self._machine = describe_machine(place.device)
        self._versions = tuple(list_versions(place.environments))
        self._started = time.perf_counter()

    def write(self) -> None:
        if self._out is not None:
            self._out.write_text(self._to_markdown())

    def finish(self) -> None:
        if self._out is None:
            sys.stdout.write(self._to_markdown())
        else:
            _say(f"written to {self._out}")

    def _to_markdown(self) -> str:
        return findings_to_markdown(
            Findings(
                machine=self._machine,
                versions=self._versions,
                heats=tuple(self.heats),
                errors=tuple(self.errors),
                real_source=self._real_source,
                failures=tuple(self.failures),
                seconds=time.perf_counter() - self._started,
            )
        )


def _parse() -> argparse.Namespace:
    peers = [each.name for each in CONTESTANTS if each.name != OURS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scorer", description=WHAT)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--models", nargs="+", choices=list(ARCHITECTURES))
    parser.add_argument("--formats", nargs="+", choices=list(FORMATS))
    parser.add_argument("--pictures", type=int, metavar="N", help="files per heat")
    parser.add_argument("--error-pictures", type=int, default=240, metavar="N", help="default: 240")
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="default: 1")
    parser.add_argument("--peers", nargs="*", choices=peers, default=peers, metavar="NAME")
    parser.add_argument("--device", default="auto", choices=["auto", "cuda", "mps", "cpu"])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--work", type=Path, default=DEFAULT_WORK, help=f"default: {DEFAULT_WORK}")
    parser.add_argument(
        "--real-pictures", type=Path, metavar="FOLDER", help="any pictures, to measure errors on"
    )
    parser.add_argument("--make-environments", action="store_true", help="the peers', 6 GB")
    parser.add_argument("--fetch-pictures", action="store_true", help="real ones, 180 MB")
    parser.add_argument("--prepare", action="store_true", help="make what is needed, and stop")
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="default: standard output")
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
