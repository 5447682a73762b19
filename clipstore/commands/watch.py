"""`clipstore watch`: score new pictures while the training runs, and say when a verdict changes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from clipstore.errors import PathMissing
from clipstore.model.embedder import Embedder
from clipstore.model.vectors import DtypeChoice
from clipstore.options import (
    db_option,
    layout_option,
    message_console,
    model_options,
    pattern_option,
    prompts_option,
    read_user_prompts,
    result_console,
    scoring_options,
)
from clipstore.output import visible_text
from clipstore.pipeline.discover import outline
from clipstore.pipeline.identity import read_stored_models, settle_identity
from clipstore.pipeline.ingest import IngestOptions, IngestReport
from clipstore.pipeline.stopping import StopSwitch, stop_on_signal
from clipstore.pipeline.survey import Survey, survey
from clipstore.sources.pattern import PathPattern
from clipstore.storage.store import default_store_path
from clipstore.watching.lookout import Lookout
from clipstore.watching.rounds import Round, Rounds, VerdictChange
from clipstore.watching.waking import Waker
from clipstore.watching.watch import Pace, watch
from clipstore.watching.webhook import Webhook

if TYPE_CHECKING:
    from clipstore.model.embed import ClipEmbedder

SCHEMA_VERSION = 1
"""Of the lines and messages in JSON; raised when a field changes its meaning or goes away."""
LOOK_S = 60.0
"""Between looks where the system notifies: it may lose a notification, never its user a picture."""
POLL_S = 10.0
"""Between looks where nothing notifies."""
LOG_S = 60.0
"""From one reading of growing logs to the next. A trainer writes to its log all the time, and each
reading lists the watched folders, which takes two seconds of one core where 100,000 files are below
them. Validations are minutes apart: once a minute brings their pictures before the next ones."""
EXAMPLES = 3


@click.command("watch")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--once", is_flag=True, help="One round, then end, as a trainer's hook needs it.")
@click.option(
    "--poll",
    is_flag=True,
    help="Look every 10 s instead of waiting to be notified: for network file systems.",
)
@click.option(
    "--quiet-seconds",
    type=click.FloatRange(min=0.1),
    default=5.0,
    show_default=True,
    help="A file counts as written when it has not changed for so long.",
)
@click.option(
    "--log-seconds",
    type=click.FloatRange(min=0.1),
    default=LOG_S,
    show_default=True,
    help="Growing logs are read on at most so often; they need not be quiet.",
)
@click.option(
    "--webhook",
    metavar="URL",
    envvar="CLIPSTORE_WEBHOOK",
    help="POST each changed verdict there as JSON; $CLIPSTORE_WEBHOOK keeps the address out of "
    "lists of processes.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "jsonl"]),
    default="text",
    show_default=True,
    help="How to write a changed verdict.",
)
@model_options
@scoring_options
@prompts_option
@layout_option
@pattern_option
@db_option
def command(
    paths: tuple[Path, ...],
    once: bool,
    poll: bool,
    quiet_seconds: float,
    log_seconds: float,
    webhook: str | None,
    form: str,
    model: str,
    device: str,
    dtype: DtypeChoice,
    offline: bool,
    allow_pickle: bool,
    prompts: Path | None,
    layout: str | None,
    pattern: PathPattern | None,
    workers: int | None,
    no_embeddings: bool,
    db: Path | None,
) -> int:
    """Score what is under PATHS, then each new picture as it comes, until Ctrl-C.

    The model stays loaded. The database is held only while scores are committed, so that `report`,
    `verdict` and other programs can open it meanwhile. A changed verdict is one line on stdout.
    """
    messages, store = message_console(), default_store_path(db)
    roots = [_to_folder(path) for path in paths]

    def find(root: Path, files: Collection[Path] | None) -> Survey:
        texts = read_user_prompts(prompts, messages)
        return survey(
            outline(root, layout=layout, pattern=pattern, user_prompts=texts, only_of=files)
        )

    options = IngestOptions(keep_embeddings=not no_embeddings)
    if workers is not None:
        options = replace(options, workers=workers)
    say = _say_with_time(messages)
    stop = StopSwitch()
    loader = _Loader(model, device, dtype, offline, allow_pickle, store, say)
    rounds = Rounds(roots, store, find, loader.load, options, stop)
    hook = Webhook(webhook, say) if webhook else None
    teller = _Teller(result_console(), say, hook, form)
    with stop_on_signal(stop) as received, hook or nullcontext():
        if once:
            done = rounds.score(None, datetime.now().astimezone())
            teller.tell(done)
            code = _exit_code(done)
        else:
            waker = Waker(roots, lambda: stop.is_set, poll=poll)
            how = f"looking every {POLL_S:.0f} s" if waker.why_polling else "waiting for changes"
            because = f" ({waker.why_polling})" if waker.why_polling else ""
            say(f"watching {', '.join(map(str, roots))}, {how}{because}; Ctrl-C ends it.")
            pace = Pace(look_s=POLL_S if waker.why_polling else LOOK_S)
            lookout = Lookout(roots, quiet_seconds, log_seconds)
            watch(rounds, lookout, waker, stop, teller.tell, pace)
            code = 0
    if received:
        say("stopped; what was scored is kept.")
        return 128 + received[0]
    return code


def _to_folder(path: Path) -> Path:
    if not path.is_dir():
        raise PathMissing(path, "a folder")
    return path.resolve()


def _exit_code(done: Round) -> int:
    if done.report is None or not done.is_complete:
        return 1 if done.trouble else 0
    return 3 if done.report.tally.refused or done.report.tally.pending else 0


def _say_with_time(messages: Console) -> Callable[[str], None]:
    def say(text: str) -> None:
        messages.print(f"{datetime.now():%H:%M:%S} {visible_text(text)}", markup=False)

    return say


class _Loader:
    """Loads the model once, and its identity in the store when that can be read."""

    def __init__(
        self,
        model: str,
        device: str,
        dtype: DtypeChoice,
        offline: bool,
        allow_pickle: bool,
        store: Path,
        say: Callable[[str], None],
    ) -> None:
        self._model = model
        self._device = device
        self._dtype = dtype
        self._offline = offline
        self._allow_pickle = allow_pickle
        self._store = store
        self._say = say
        self._embedder: ClipEmbedder | None = None

    def load(self, found: Sequence[Survey]) -> Embedder:
        """Raises the model's and the store's errors."""
        if self._embedder is None:
            # As in ingest: OpenMP's threads must not spin while they wait.
            os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
            from clipstore.model.embed import load_clip  # noqa: PLC0415 - takes a second

            self._embedder = load_clip(
                self._model,
                device=self._device,
                dtype=self._dtype,
                offline=self._offline,
                allow_pickle=self._allow_pickle,
                expected_pictures=sum(each.n_pictures for each in found),
                announce=self._say,
            )
        self._embedder.model = settle_identity(
            self._embedder, read_stored_models(self._store), self._say
        )
        return self._embedder


class _Teller:
    """Says what a round did: changed verdicts on stdout and to the webhook, all else on stderr."""

    def __init__(
        self, results: Console, say: Callable[[str], None], hook: Webhook | None, form: str
    ) -> None:
        self._results = results
        self._say = say
        self._hook = hook
        self._form = form
        self._troubles: set[str] = set()
        """Those of the last round, so that one that stands is said once."""
        self._refused: set[Path] = set()
        """Files named already."""
        self._log_notes: set[str] = set()
        """Damage of logs that was told already."""

    def tell(self, done: Round) -> None:
        for sentence in done.trouble:
            if sentence not in self._troubles:
                self._say(sentence)
        self._troubles = set(done.trouble)
        if done.report is not None:
            self._tell_counts(done.report)
        for change in done.changes:
            self._tell_change(change)

    def _tell_counts(self, report: IngestReport) -> None:
        refused = [
            problem
            for problem in report.problems
            if not problem.pending and problem.path not in self._refused
        ]
        self._refused |= {problem.path for problem in refused}
        counts = {
            "scored": report.tally.scored,
            "still being written": report.tally.pending,
            "refused": len(refused),
        }
        if any(counts.values()):
            self._say(", ".join(f"{count:,} {state}" for state, count in counts.items() if count))
        for problem in refused[:EXAMPLES]:
            self._say(f"  {problem.path}: {problem.detail}")
        if len(refused) > EXAMPLES:
            self._say("  … all: clipstore query refused_files")
        for note in report.logs.notes:
            if note not in self._log_notes:
                self._say(note)
        self._log_notes |= set(report.logs.notes)

    def _tell_change(self, change: VerdictChange) -> None:
        news = {"schema_version": SCHEMA_VERSION, "event": "verdict", **asdict(change)}
        line = _change_to_text(change)
        if self._form == "jsonl":
            text = json.dumps(news, ensure_ascii=False)
        else:
            text = f"{datetime.now():%Y-%m-%d %H:%M:%S} {visible_text(line)}"
        self._results.print(text, markup=False, soft_wrap=True)
        self._results.file.flush()
        # Runs that were there before the watching began and say nothing yet are no news.
        if self._hook is not None and (change.before, change.verdict) != (None, "cannot tell yet"):
            self._hook.send({**news, "text": f"clipstore: {line}"})


def _change_to_text(change: VerdictChange) -> str:
    step = "" if change.last_step is None else f" at step {change.last_step:,}"
    before = "" if change.before is None else f"{change.before} → "
    return f"{change.run}{step}: {before}{change.verdict}. {change.sentence}"
