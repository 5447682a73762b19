"""Reading processes and the order among their results.

Invariant: results come in the order of the tasks, each exactly once. A process that dies costs the
one picture it was at, which is refused as `decoder_crash`; the tasks that waited behind it go to
another, and a new process takes its place. Processes, not threads, because a decoder that crashes
must not take the scores with it, and readers must not hold the lock that calls of the model need:
for reading alone on two cores threads were measured as fast, at two thirds of the processor time.
They are programs of their own, not forks: a fork of a process that holds torch's threads can hang.
"""

from __future__ import annotations

import math
import selectors
import signal
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from types import TracebackType

import numpy as np

from clipstore.errors import ReadersFailed
from clipstore.pipeline.answers import AnswerReader
from clipstore.pipeline.pixelslots import PixelSlots
from clipstore.pipeline.reading import ReadResult, ReadTask, ReadTimes
from clipstore.pipeline.readprocess import ReadProcess, start_process
from clipstore.pipeline.readworker import ReaderSetup
from clipstore.types import Problem

TASKS_PER_PROCESS = 2
"""One in work and one waiting, so that a process never waits for its next task."""
QUICK_TASKS_PER_PROCESS = 16
"""At most, where pictures are read in a millisecond: several tasks are then sent at once, because a
message costs the main process more than a task in it. So many fit into a socket's buffer: who sends
them does not wait for who is about to answer."""
QUEUED_S = 0.02
"""Time for which a process has work in line, but for the least number of tasks. As long some may
wait at the end for what one of them has in line."""
SLOTS_PER_COMPOSITE = 3
"""The trained panel, the base model's and the moving average's."""


@dataclass
class _Job:
    place: int
    """Which of the results, in order, this will be."""
    task: ReadTask
    slots: tuple[int, ...] = ()
    """Where its pixels go, while a process has it."""

    @property
    def base_picture(self) -> object:
        hints = self.task.picture.composite
        return None if hints is None else hints.base_picture


class ReadPool:
    """`n_processes` reading processes. Results are taken by one thread; another one, in here,
    keeps the processes busy while that one is in the model."""

    def __init__(self, n_processes: int, setup: ReaderSetup, n_held: int = 0) -> None:
        """`n_held` is how many results' pixels may be in use at a time while others are read: there
        is shared memory for so many."""
        self.n_processes = n_processes
        self._setup = setup
        self._n_held = n_held
        self._changed = threading.Condition()
        self._waiting: deque[_Job] = deque()
        self._results: dict[int, ReadResult] = {}
        self._bytes_ready = 0
        self._n_submitted = 0
        self._n_taken = 0
        self._failure: BaseException | None = None
        self._is_closing = False
        self._processes: list[ReadProcess[_Job]] = []
        self._selector = selectors.DefaultSelector()
        self._woken, self._wake = Pipe(duplex=False)
        self._thread = threading.Thread(target=self._run, name="readers", daemon=True)

    def __enter__(self) -> ReadPool:
        # What the model looks at is of one size, whatever the picture.
        one = self._setup.pixel_path.prepare(np.zeros((32, 32, 3), np.uint8))
        in_work = SLOTS_PER_COMPOSITE * QUICK_TASKS_PER_PROCESS * self.n_processes
        self._slots = PixelSlots(one.nbytes, self._n_held + in_work)
        self._answers = AnswerReader(self._slots)
        self._selector.register(self._woken, selectors.EVENT_READ)
        for _ in range(self.n_processes):
            self._start()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_closing = True
        self._wake.send_bytes(b"close")
        self._thread.join()
        for one in self._processes:
            # They hold nothing that must be kept; one that hangs would not go otherwise.
            one.end()
        self._selector.close()
        self._wake.close()
        self._woken.close()
        self._slots.close()

    @property
    def bytes_ready(self) -> int:
        return self._bytes_ready

    def submit(self, task: ReadTask) -> None:
        with self._changed:
            # While some wait, all processes have enough: one that has not wakes the thread itself.
            is_first = not self._waiting
            self._waiting.append(_Job(self._n_submitted, task))
            self._n_submitted += 1
        if is_first:
            self._wake.send_bytes(b"task")

    def take(self, timeout_s: float) -> ReadResult | None:
        """Raises `ReadersFailed` when no process can be started."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._n_taken in self._results or self._failure is not None, timeout_s
            )
            if self._failure is not None:
                raise self._failure
            result = self._results.pop(self._n_taken, None)
            if result is not None:
                self._n_taken += 1
                self._bytes_ready -= result.n_bytes
            return result

    def _run(self) -> None:
        """In the pool's own thread: hand out tasks, collect results, replace the dead."""
        try:
            while not self._is_closing:
                self._hand_out()
                for key, _ in self._selector.select():
                    if key.data is None:
                        self._woken.recv_bytes()
                    else:
                        self._receive(key.data)
        except BaseException as error:  # noqa: BLE001 - it is raised again in `take`
            with self._changed:
                self._failure = error
                self._changed.notify_all()

    def _hand_out(self) -> None:
        for one in self._processes:
            most = _queue_length(one.seconds_per_job)
            if not one.is_ready or len(one.jobs) > most // 2:
                continue
            jobs: list[_Job] = []
            while len(one.jobs) + len(jobs) < most:
                job = self._next_job(one)
                if job is None:
                    break
                is_composite = job.task.picture.composite is not None
                job.slots = self._slots.lend(SLOTS_PER_COMPOSITE if is_composite else 1)
                jobs.append(job)
            if jobs:
                one.jobs.extend(jobs)
                # When it has died, `_receive` sees that next.
                with suppress(OSError):
                    one.connection.send([(job.task, job.slots) for job in jobs])

    def _next_job(self, one: ReadProcess[_Job]) -> _Job | None:
        """The oldest task, or one of the next few whose base picture this process knows."""
        with self._changed:
            if not self._waiting:
                return None
            chosen = 0
            # The oldest must not wait for ever while others are preferred.
            if one.base_pictures and self._waiting[0].place - self._n_taken >= TASKS_PER_PROCESS:
                near = range(min(len(self._waiting), 2 * TASKS_PER_PROCESS * len(self._processes)))
                chosen = next(
                    (i for i in near if self._waiting[i].base_picture in one.base_pictures), 0
                )
            job = self._waiting[chosen]
            del self._waiting[chosen]
        base = job.base_picture
        if base is not None:
            one.base_pictures.add(base)
        return job

    def _receive(self, one: ReadProcess[_Job]) -> None:
        messages = one.answers()
        if messages is None:
            self._replace(one)
            return
        if messages and not one.is_ready:
            one.is_ready = True  # all that its first message says
            del messages[0]
        answered = []
        for message in messages:
            job = one.jobs.popleft()
            result = self._answers.decode(message, job.task, job.slots)
            answered.append((job, result))
            one.seconds_per_job = _latest_average(one.seconds_per_job, result.times)
        self._answer(answered)

    def _replace(self, dead: ReadProcess[_Job]) -> None:
        self._selector.unregister(dead.connection)
        status = dead.end()
        self._processes.remove(dead)
        if not dead.is_ready:
            raise ReadersFailed(status)
        for job in dead.jobs:  # nobody writes there any more
            self._slots.take_back(job.slots)
        if dead.jobs:
            culprit = dead.jobs.popleft()
            self._answer([(culprit, ReadResult(self._crash(culprit.task, status)))])
        with self._changed:
            self._waiting.extendleft(reversed(dead.jobs))
        self._start()

    def _crash(self, task: ReadTask, status: int) -> Problem:
        if status == -signal.SIGALRM:
            what = f"it was not decoded within {self._setup.seconds_per_picture:g} seconds"
        elif status < 0:
            what = f"its decoder ended with {signal.Signals(-status).name}"
        else:
            what = f"its decoder ended the process with status {status}"
        detail = f"{what}; the file is broken or not what it seems. Look at it, or remove it."
        return Problem(task.picture.path, "decode", "decoder_crash", detail)

    def _answer(self, answered: Sequence[tuple[_Job, ReadResult]]) -> None:
        with self._changed:
            for job, result in answered:
                self._results[job.place] = result
                self._bytes_ready += result.n_bytes
            if self._n_taken in self._results:  # the one that is waited for
                self._changed.notify_all()

    def _start(self) -> None:
        one: ReadProcess[_Job] = start_process(self._setup, self._slots)
        self._processes.append(one)
        self._selector.register(one.connection, selectors.EVENT_READ, one)


def _queue_length(seconds_per_job: float) -> int:
    """How many tasks a process has at most, whose jobs take so long."""
    wanted = QUEUED_S / seconds_per_job if seconds_per_job else math.inf
    return int(min(max(wanted, TASKS_PER_PROCESS), QUICK_TASKS_PER_PROCESS))


def _latest_average(average_s: float, times: ReadTimes) -> float:
    """Of the last ten jobs or so."""
    latest_s = times.read_s + times.decode_s + times.cut_s + times.resize_s
    return latest_s if math.isinf(average_s) else 0.9 * average_s + 0.1 * latest_s
