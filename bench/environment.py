"""Where a figure was measured: stated with every figure."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path


def environment() -> dict[str, object]:
    """CPU, cores, memory, kernel and versions of this machine and build."""
    return {
        "cpu": _first_value(Path("/proc/cpuinfo"), "model name"),
        "cores": os.cpu_count(),
        "memory_mb": int(_first_value(Path("/proc/meminfo"), "MemTotal").split()[0] or 0) // 1024,
        "kernel": platform.release(),
        "python": sys.version.split()[0],
        "grpcio": version("grpcio"),
        "whampoa": version("whampoa"),
        "build": "release",
        "fsync": "fdatasync",
        "tls": "mTLS",
    }


def _first_value(path: Path, key: str) -> str:
    if not path.exists():
        return "0"
    for line in path.read_text(errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return "0"


def resident_mb(pid: int) -> int:
    """Resident memory of a process, 0 when it is gone."""
    return int(_first_value(Path(f"/proc/{pid}/status"), "VmRSS").split()[0] or 0) // 1024
