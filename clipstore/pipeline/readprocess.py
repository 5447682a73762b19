"""One reading process as the main one sees it: how it is started, what it was given, how it ends.

Invariant: it is a program of its own with one end of a socket, the pixel slots and nothing else of
this process; its standard streams lead nowhere.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections import deque
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Generic, TypeVar

from clipstore.pipeline.pixelslots import NO_SLOTS, PixelSlots
from clipstore.pipeline.readworker import ReaderSetup, take_framed

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); "
    "from clipstore.pipeline.readworker import main; main()"
)
"""With this process's own search path, and never the folder that it happens to run in."""
_READ_BYTES = 2**20
_ONE_THREAD_EACH = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")

JobT = TypeVar("JobT")


@dataclass
class ReadProcess(Generic[JobT]):
    """What is known of a running one."""

    process: subprocess.Popen[bytes]
    connection: Connection
    is_ready: bool = False
    jobs: deque[JobT] = field(default_factory=deque)
    """Sent and not answered; the first is the one in work."""
    base_pictures: set[object] = field(default_factory=set)
    """Which base pictures it has been sent composites of, and so may have decoded."""
    seconds_per_job: float = math.inf
    """What its latest jobs took, on average."""
    _received: bytearray = field(default_factory=bytearray)

    def answers(self) -> list[bytes] | None:
        """All answers that have come since the last call, once there is something to read; None
        when it has ended."""
        try:
            more = os.read(self.connection.fileno(), _READ_BYTES)
        except OSError:
            return None
        if not more:
            return None
        self._received += more
        return take_framed(self._received)

    def end(self) -> int:
        """End it whatever it is doing; its exit status, negative for a signal."""
        self.connection.close()
        self.process.kill()
        return self.process.wait()


def start_process(setup: ReaderSetup, slots: PixelSlots) -> ReadProcess[JobT]:
    """Start one; its first message says that it is ready."""
    ours, theirs = Pipe()
    descriptors = [theirs.fileno()]
    if slots.descriptor != NO_SLOTS:
        descriptors.append(slots.descriptor)
    arguments = [str(theirs.fileno()), json.dumps(sys.path)]
    arguments += [str(slots.descriptor), str(slots.slot_bytes)]
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _START, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=descriptors,
            env={**os.environ, **dict.fromkeys(_ONE_THREAD_EACH, "1")},
            process_group=0,  # the terminal's Ctrl-C goes to the parent alone
        )
    ours.send(setup)
    return ReadProcess(process, ours)
