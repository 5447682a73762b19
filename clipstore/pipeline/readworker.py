"""A reading process: takes tasks from a socket, answers with results, until the socket closes.

Invariant: whatever a picture does to its decoder ends here. A crash ends this process, a picture
that takes too long is ended by the kernel's alarm, one that asks for too much memory gets none, and
when the parent goes the socket closes and so does this. Nothing heavy is imported before `main`
runs, and torch never is.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from clipstore.model.embedder import PixelPath

READY = b"ready"
"""The first message of a reader that has started."""
_LENGTH = struct.Struct("<Q")
"""Before each message of a reader's, so that many can be read at once."""


@dataclass(frozen=True)
class ReaderSetup:
    """What a reader is told once, before its tasks."""

    pixel_path: PixelPath
    base_pictures_bytes: int
    """How much of the base pictures it may keep decoded."""
    seconds_per_picture: float
    memory_bytes: int
    """How much a picture may need on top of what the process itself takes."""


def main() -> None:
    """Serve the socket whose descriptor is the first argument; the third and fourth are the
    descriptor of the pixel slots and the size of one."""
    connection = Connection(int(sys.argv[1]))
    # The terminal's Ctrl-C is the parent's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    try:
        setup: ReaderSetup = connection.recv()
        _serve(connection, setup)
    except (EOFError, ConnectionError):
        return  # the parent is gone, or wants no more


def _serve(connection: Connection, setup: ReaderSetup) -> None:
    # Only a reading process needs these: numpy, Pillow, scipy.
    from clipstore.pipeline.answers import AnswerWriter  # noqa: PLC0415
    from clipstore.pipeline.pixelslots import SlotWriter  # noqa: PLC0415
    from clipstore.pipeline.reading import PictureReader, ReadResult, ReadTask  # noqa: PLC0415
    from clipstore.types import Problem  # noqa: PLC0415

    reader = PictureReader(setup.pixel_path, setup.base_pictures_bytes)
    answers = AnswerWriter(SlotWriter(int(sys.argv[3]), int(sys.argv[4])))
    _limit_memory(setup.memory_bytes)
    _send_framed(connection.fileno(), READY)
    tasks: list[tuple[ReadTask, tuple[int, ...]]]
    while True:
        tasks = connection.recv()
        for task, slots in tasks:
            # By the kernel, because a decoder that hangs holds Python's own lock.
            signal.setitimer(signal.ITIMER_REAL, setup.seconds_per_picture)
            try:
                result = reader.read(task)
            except MemoryError:
                detail = (
                    f"decoding it needs more than {setup.memory_bytes / 2**30:.1f} GB of memory; "
                    "look at the file, or remove it."
                )
                result = ReadResult(Problem(task.picture.path, "decode", "decoder_crash", detail))
            signal.setitimer(signal.ITIMER_REAL, 0)
            # At once: who dies at the next one has answered this one.
            _send_framed(connection.fileno(), answers.encode(result, slots))


def _send_framed(descriptor: int, message: bytes) -> None:
    left = memoryview(_LENGTH.pack(len(message)) + message)
    while left:
        left = left[os.write(descriptor, left) :]


def take_framed(received: bytearray) -> list[bytes]:
    """The whole messages at the beginning of what was received, taken out of it."""
    messages, start = [], 0
    while len(received) - start >= _LENGTH.size:
        (length,) = _LENGTH.unpack_from(received, start)
        end = start + _LENGTH.size + length
        if end > len(received):
            break
        messages.append(bytes(received[start + _LENGTH.size : end]))
        start = end
    del received[:start]
    return messages


def _limit_memory(extra_bytes: int) -> None:
    """Let this process grow by so much and no more; leave no core files of pictures behind."""
    import resource  # noqa: PLC0415 - only where there is one

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    except OSError:
        return  # no Linux: macOS does not hold processes to RLIMIT_AS anyway
    limit = pages * resource.getpagesize() + extra_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
