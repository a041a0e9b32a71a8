"""Gateway and bank killed again and again: every conversion and payout is booked once."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import NewEngine
from tests.integration.engine_process import free_port
from tests.integration.test_bank import Town, until

KILLS = 6


class Processes:
    """The gateway and the bank as processes of their own."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.running: dict[str, subprocess.Popen[str]] = {}

    def start(self, verb: str) -> None:
        command = [sys.executable, "-m", "whampoa.cli.main", verb, "bank"]
        process = subprocess.Popen(
            [*command, "--data-dir", str(self.data_dir)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.running[verb] = process
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready "), f"{verb} did not start"

    def kill(self, verb: str) -> None:
        process = self.running.pop(verb)
        process.kill()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    it = Processes(tmp_path / "town")
    yield it
    for verb in list(it.running):
        it.kill(verb)


@pytest.mark.slow
async def test_killed_again_and_again(
    new_engine: NewEngine, processes: Processes, chance: random.Random
) -> None:
    town = Town(new_engine().start(), processes.data_dir)
    town.configure(bank=f"127.0.0.1:{free_port()}")
    processes.start("emulator")
    await town.open_account()
    processes.start("gateway")
    town.corridor.release(range(3 * (KILLS + 1)), minor=10_000)
    for _ in range(KILLS):
        remittance_id = await town.remit(30_000)
        town.corridor.allocate_by_volume(remittance_id)
        town.convert(remittance_id)
        await asyncio.sleep(chance.uniform(0, 0.15))
        for verb in chance.sample(["emulator", "gateway"], chance.randrange(1, 3)):
            processes.kill(verb)
            processes.start(verb)
    wanted = 3 * KILLS
    await until(
        lambda: [it for states in town.payouts().values() for it in states] == ["debited"] * wanted,
        "every payout debited",
    )
    told = await town.totals("bank", "accounts")
    assert told == {
        "credited:USD": KILLS * 30_000,
        "sold:USD": KILLS * 30_000,
        "bought:CNY": KILLS * 213_702,
        "debited:CNY": KILLS * 213_702,
    }
