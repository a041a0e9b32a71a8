"""Makes the data directory of a run: keys of everybody who takes part, addresses on free ports."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.demo.processes import Addresses, ProcessFailed


async def prepare(data_dir: Path, declarants: Sequence[str]) -> Addresses:
    """Runs `whampoa init` with an identity for each declarant; writes the configuration."""
    identities = [word for name in declarants for word in ("--identity", f"declarant/{name}")]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "whampoa.cli.main", "init", str(data_dir), *identities),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    if process.returncode != 0:
        raise ProcessFailed(f"init: {said.decode(errors='replace').strip()}")
    addresses = Addresses.free()
    (data_dir / "config.toml").write_text(_configuration(addresses), encoding="ascii")
    return addresses


def _configuration(addresses: Addresses) -> str:
    sections = [
        f'[engine]\nlisten = "{addresses.engine}"\nmetrics = "{addresses.metrics}"',
        f'[gateway.singlewindow]\nlisten = "{addresses.singlewindow}"',
    ]
    sections += [
        f'[institution.{name}]\nlisten = "{address}"'
        for name, address in addresses.institutions.items()
    ]
    return "\n\n".join(sections) + "\n"
