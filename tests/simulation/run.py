"""One run of a seed from its start to its audit."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulation import acts, faults
from tests.simulation.acts import Act
from tests.simulation.auditor import audit, replayed
from tests.simulation.breaking import Breaking
from tests.simulation.corridor import Corridor, complaint
from tests.simulation.faults import Fault
from tests.simulation.judge import Judge
from tests.simulation.totals import Totals, totals
from tests.simulation.workload import Workload

# Files of a run are of no use to a disk.
_MEMORY = Path("/dev/shm")  # noqa: S108
FAULTS = 16
ROUNDS = 2
# So many seeds share the acts of one workload.
SEEDS_PER_WORKLOAD = 4


@dataclass(frozen=True)
class Case:
    """What is run: a seed, and what of its plan is left out."""

    seed: int
    without_faults: frozenset[int] = frozenset()
    without_acts: frozenset[int] = frozenset()
    rounds: int = ROUNDS
    fault_count: int = FAULTS

    @property
    def workload_seed(self) -> int:
        return self.seed // SEEDS_PER_WORKLOAD

    @property
    def acts(self) -> list[Act]:
        planned = acts.plan(self.workload_seed, self.rounds)
        return acts.without(planned, self.without_acts)

    @property
    def faults(self) -> list[Fault]:
        planned = faults.plan(self.seed, 2 * self.rounds, self.fault_count)
        left = [it for it in planned if it.number not in self.without_faults]
        # The engine has no word for money given back that the bank refuses to send: with both in
        # one run its books and the bank's would differ for ever.
        gives_back = any(act.kind == "surplus_given_back" for act in self.acts)
        return [it for it in left if not (gives_back and faults.is_refusal(it, "bank"))]

    def calm(self) -> Case:
        """The same acts without any fault."""
        return Case(
            self.workload_seed * SEEDS_PER_WORKLOAD,
            frozenset(range(self.fault_count)),
            self.without_acts,
            self.rounds,
            self.fault_count,
        )


@dataclass
class Outcome:
    """What came of a run."""

    case: Case
    failure: str = ""
    trace: str = ""
    log_hash: str = ""
    state_hash: str = ""
    messages: int = 0
    entries: int = 0
    seconds: float = 0.0
    lives: int = 0
    happened: list[Fault] = field(default_factory=list)
    totals: Totals = field(default_factory=dict)


def simulate(case: Case) -> Outcome:
    """Runs a case; whatever breaks is the outcome's failure."""
    base = str(_MEMORY) if _MEMORY.is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="whampoa-", dir=base))
    corridor = Corridor(case.seed, folder)
    outcome = Outcome(case)
    try:
        with corridor.opened():
            try:
                corridor.loop.run_until_complete(_run(corridor, case, outcome))
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as failure:
                outcome.failure = complaint(failure)
                outcome.trace = traceback.format_exc()
            outcome.log_hash = corridor.network.log.hexdigest()
            outcome.messages = corridor.network.messages
            outcome.seconds = corridor.loop.now
            outcome.lives = sum(node.lives for node in corridor.nodes.values())
            corridor.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return outcome


async def _run(corridor: Corridor, case: Case, outcome: Outcome) -> None:
    await corridor.start()
    await corridor.world.spawn(_act(corridor, case, outcome))


async def _act(corridor: Corridor, case: Case, outcome: Outcome) -> None:
    acting = Workload(corridor, case.workload_seed, case.acts, case.rounds)
    judge = Judge(corridor)
    judge.expected = faults.expected(case.faults) + acts.expected(case.acts)
    breaking = Breaking(corridor, acting.people, case.seed, case.faults)
    await acting.register()
    await corridor.quiet("the registration")
    for number in range(case.rounds):
        breaking.begin(2 * number)
        await acting.documents(number)
        breaking.begin(2 * number + 1)
        await acting.money(number)
    outcome.happened = breaking.happened
    await breaking.calm()
    await corridor.quiet("the run")
    await acting.finish()
    judge.check()
    await audit(corridor, acting, judge)
    outcome.totals = await totals(acting)
    await corridor.stop()
    outcome.state_hash, outcome.entries = replayed(corridor.engine, judge)
    await asyncio.sleep(0)
