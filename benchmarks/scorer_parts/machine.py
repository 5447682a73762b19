"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch


@dataclass(frozen=True)
class Machine:
    """One machine at one time."""

    device: str
    """cpu, cuda or mps."""
    device_name: str
    processor: str
    cores: int
    memory_gb: float
    measured_at: datetime
    load: float
    """Processes that wanted to run, on average over the minute before: near 0 when idle."""

    @property
    def is_busy(self) -> bool:
        """Whether others used the processor: figures are then worth little."""
        return self.load > 0.3 * self.cores

    def to_sentence(self) -> str:
        busy = (
            f" **The machine was busy with other work (load {self.load:.1f}): the figures test "
            "the benchmark, not the speed.**"
            if self.is_busy
            else f" Load before the run: {self.load:.1f}."
        )
        return (
            f"{self.measured_at:%Y-%m-%d %H:%M} UTC; {self.device_name}; {self.processor}, "
            f"{self.cores} cores, {self.memory_gb:.0f} GB; Python {platform.python_version()}, "
            f"torch {torch.__version__} with {torch.get_num_threads()} threads.{busy}"
        )


def describe_machine(device: str) -> Machine:
    """This machine, now."""
    name = torch.cuda.get_device_name() if device == "cuda" else f"on the {device.upper()}"
    return Machine(
        device=device,
        device_name=name,
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_gb=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9,
        measured_at=datetime.now(UTC),
        load=os.getloadavg()[0],
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor() or platform.machine()
    text = cpuinfo.read_text()
    lines = [line for line in text.splitlines() if line.startswith("model name")]
    name = lines[0].partition(":")[2].strip() if lines else platform.machine()
    extras = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in text]
    return f"{name} ({', '.join(extras)})" if extras else name
