"""Which devices this machine has and what memory a process takes, without TensorFlow."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Machine", "look_at_machine", "peak_memory_bytes", "reset_peak_memory"]

_NVIDIA_SMI_SECONDS = 20.0


@dataclass(frozen=True)
class Machine:
    """What a run can use here."""

    platform: str
    processor: str
    cores: int
    """Cores that this process may use; fewer than the machine has where it is confined."""
    memory_bytes: int
    gpus: tuple[str, ...]
    """Name and memory of each NVIDIA GPU, as its driver tells them."""

    @property
    def words(self) -> str:
        """The devices in a few words, for instance ``2 CPU cores, no GPU``."""
        cores = f"{self.cores} CPU core{'s' if self.cores != 1 else ''}"
        if not self.gpus:
            return f"{cores}, no GPU"
        return f"{cores}, {len(self.gpus)} GPU{'s' if len(self.gpus) > 1 else ''} ({self.gpus[0]})"


def look_at_machine() -> Machine:
    """Processor, cores, memory and GPUs of this machine."""
    import psutil

    return Machine(
        platform=platform.platform(),
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_bytes=int(psutil.virtual_memory().total),
        gpus=_gpus(),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


def _gpus() -> tuple[str, ...]:
    """Asks the driver; a machine without it has no GPU that TensorFlow could use."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    question = [program, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        answer = subprocess.run(  # noqa: S603 - a fixed question to the driver's own program
            question, capture_output=True, text=True, timeout=_NVIDIA_SMI_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(line.strip() for line in answer.stdout.splitlines() if line.strip())


def reset_peak_memory() -> None:
    """Forgets the peak so far, where the system allows it (Linux); else the peak is that of the whole process."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def peak_memory_bytes() -> int:
    """Peak resident memory of this process since ``reset_peak_memory``, or since it began."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        peak = next(line for line in lines if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024
    except (OSError, StopIteration, ValueError):
        import resource  # macOS has no /proc

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
