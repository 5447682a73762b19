"""`clipstore watch` as a process of its own, and other programs that hold its database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

HOLD = """
import duckdb, sys, time
read_only = sys.argv[2] == "read"
for left in range(6000, -1, -1):
    try:
        connection = duckdb.connect(sys.argv[1], read_only=read_only)
        break
    except duckdb.IOException:  # a watch holds it while it merges and judges
        if not left:
            raise
        time.sleep(0.05)
print("held", flush=True)
sys.stdin.read()
"""


class WatchProcess:
    """A watch from its start to Ctrl-C. A context manager."""

    def __init__(self, *arguments: object, **environment: str) -> None:
        self.lines: list[str] = []
        """What stands on stdout so far."""
        self.err = ""
        """All of stderr, once it has ended."""
        self._arguments = [str(each) for each in arguments]
        self._environment = {**os.environ, "HF_HUB_OFFLINE": "1", **environment}

    def __enter__(self) -> WatchProcess:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "clipstore", "watch", *self._arguments, "--format", "jsonl"],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._readers = [threading.Thread(target=read) for read in (self._read, self._read_err)]
        for reader in self._readers:
            reader.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.send_signal(signal.SIGINT)
        self.code = self._process.wait(timeout=300)
        for reader in self._readers:
            reader.join()

    def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for it as long as the watch runs. The limit only ends a watch that hangs: beside ten
        other programs on two cores, loading torch alone has taken more than a minute."""
        deadline = time.monotonic() + 900
        while not is_so():
            assert self._process.poll() is None, f"the watch ended: {self.err}"
            assert time.monotonic() < deadline, "it did not come to pass"
            time.sleep(0.1)

    def _read(self) -> None:
        assert self._process.stdout is not None
        self.lines += self._process.stdout

    def _read_err(self) -> None:
        assert self._process.stderr is not None
        self.err = self._process.stderr.read()


class holding:
    """The database open in another process, for writing or only for reading."""

    def __init__(self, store: Path, how: str = "write") -> None:
        self.arguments = [str(store), how]

    def __enter__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, *self.arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "held\n"

    def __exit__(self, *_error: object) -> None:
        self.process.communicate()
