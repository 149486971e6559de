"""What a study has to train, as a record: programs, where their lanes lie, and what that takes."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass

from gengap.candidates import Candidate
from gengap.costs import Besides, device_breadth, epoch_seconds, program_seconds
from gengap.lanes.layout import Footprint, Layout, lanes_bytes
from gengap.lanes.program import Program, Run
from gengap.memory import Room
from gengap.networks.variants import Variant
from gengap.step_time import StepTime
from gengap.wording import duration, plural

__all__ = ["Plan", "PlannedProgram", "Settings"]


@dataclass(frozen=True)
class Settings:
    """How every network of the study is trained."""

    epochs: int
    batch_size: int
    seed: int


@dataclass(frozen=True, eq=False)
class PlannedProgram:
    """A program with the runs that it trains.

    Attributes
    ----------
    variant : Variant
    program : Program
    runs : tuple of Run
        Fold by fold.
    layout : Layout
        Where its lanes are.
    footprint : Footprint
        What one of them takes.
    step : StepTime
        Of a lane, with the layers of its variant.
    resumed : bool
        Whether its lanes are as wide as those that the study began with, whatever would be planned
        now.
    """

    variant: Variant
    program: Program
    runs: tuple[Run, ...]
    layout: Layout
    footprint: Footprint
    step: StepTime
    resumed: bool = False

    @property
    def seconds(self) -> float:
        """Estimated, with compiling."""
        return program_seconds(self.program, len(self.runs), self.layout, self.step)

    @property
    def epoch_seconds(self) -> float:
        """Estimated, of an epoch of a group of lanes."""
        return epoch_seconds(self.program, self.layout, self.step)

    @property
    def lanes_bytes(self) -> int:
        """What its lanes take, over all devices."""
        return lanes_bytes(self.layout, self.footprint)

    def explain(self, slowness: float = 1.0) -> str:
        """Say in some lines what the program trains, where, and why so.

        Parameters
        ----------
        slowness : float
            See `Plan.slowness`.
        """
        program, layout, lane = self.program, self.layout, self.footprint.touched_bytes
        names = ", ".join(asked.technique for asked in program.techniques) or "no technique"
        steps = f"{program.full_steps} steps of {program.batch_size} rows"
        if program.remainder:
            steps += f" and one of {program.remainder}"
        early = sum(run.may_end_early for run in self.runs)
        lines = [
            f"{len(self.runs)} runs with {names} in every step ({self.variant.describe()})",
            f"{program.epochs} epochs of {steps}; {early} runs may end early",
            f"{plural(layout.devices, 'device')} x {plural(layout.groups, 'group')} x "
            f"{plural(layout.width, 'lane')}; a look every {plural(layout.chunk, 'epoch')}; "
            f"{plural(layout.readers * layout.devices, 'lane')} read out at once",
            f"a lane's step takes {_mebibytes(lane)} MiB, and {_kept(lane * layout.width)}",
            f"about {duration(slowness * self.seconds)} with compiling, "
            f"{_mebibytes(self.lanes_bytes)} MiB",
        ]
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class Plan:
    """All that a study trains.

    Attributes
    ----------
    candidates : tuple of Candidate
        The baseline first.
    programs : tuple of PlannedProgram
    trials : int
    held_bytes : int
        Estimated, of the process while lanes train, besides them: what it held before, the rows on
        the devices, compiling, the values that runs begin with.
    refit_bytes : int
        Estimated, of the process while the best is trained on all rows.
    besides : Besides
        What takes time, besides the programs.
    room : Room
        The memory that there is.
    devices : int
        Those that train.
    folds, repeats : int
    slowness : float
        How many times longer things take on this machine than on that of the figures that plans
        are made from (see `gengap.pace`).
    """

    candidates: tuple[Candidate, ...]
    programs: tuple[PlannedProgram, ...]
    trials: int
    held_bytes: int
    refit_bytes: int
    besides: Besides
    room: Room
    devices: int
    folds: int
    repeats: int
    slowness: float = 1.0

    @property
    def nominal_seconds(self) -> float:
        """Estimated, of the whole call, on the machine of the figures that plans are made from.

        They follow from the study, not from what the clock says when the plan is made: what a
        budget gives up must be the same when the study goes on.
        """
        return self.besides.seconds + sum(planned.seconds for planned in self.programs)

    @property
    def seconds(self) -> float:
        """Estimated, of the whole call, on this machine."""
        return self.slowness * self.nominal_seconds

    @property
    def bytes(self) -> int:
        """Estimated peak of the process."""
        lanes = max(planned.lanes_bytes for planned in self.programs)
        return max(self.held_bytes + lanes, self.refit_bytes)

    @property
    def runs(self) -> int:
        """How many networks are trained."""
        return sum(len(planned.runs) for planned in self.programs)

    @property
    def width(self) -> int:
        """Lanes of a group of the widest program."""
        return max(planned.layout.width for planned in self.programs)

    def describe(self, budget: float | None = None) -> str:
        """Say in one line what there is to train, and what it takes.

        Parameters
        ----------
        budget : float, optional
            Seconds that it was to keep within.
        """
        compared = plural(len(self.candidates) - 1, "candidate")
        repeats = f" x {self.repeats} repeats" if self.repeats > 1 else ""
        return (
            f"{plural(self.trials, 'trial')} ({compared} and the baseline, "
            f"{plural(self.folds, 'fold')}{repeats}) from {plural(self.runs, 'run')} in "
            f"{plural(len(self.programs), 'compiled program')}; about "
            f"{duration(self.seconds)} and {_mebibytes(self.bytes)} MiB of memory"
            f"{self._beyond(budget)}"
        )

    def _beyond(self, budget: float | None) -> str:
        """Say that a budget does not suffice, and why."""
        if budget is None or self.seconds <= budget:
            return ""
        why = (
            f": this machine takes {self.slowness:.1f} times what budgets reckon with"
            if self.nominal_seconds <= budget
            else ""
        )
        return f" (more than the budget of {duration(budget)}{why})"

    def explain(self, budget: float | None = None) -> str:
        """Say what every program trains, where its lanes are, and why so.

        Parameters
        ----------
        budget : float, optional
            Seconds that it was to keep within.
        """
        parts = [self.describe(budget)]
        for number, planned in enumerate(self.programs, 1):
            first, *others = planned.explain(self.slowness).splitlines()
            parts += [f"program {number}: {first}", *(f"  {line}" for line in others)]
        parts.append(self.besides.explain(self.slowness))
        if self.slowness != 1:
            parts.append(
                f"a small training takes {self.slowness:.2f} times as long on this machine as on "
                "that of the figures that plans are made from: seconds are multiplied by it"
            )
        return "\n".join(parts)

    def to_json(self) -> str:
        """Return the same as a JSON document."""
        record = {
            "trials": self.trials,
            "runs": self.runs,
            "programs": len(self.programs),
            "lane_width": self.width,
            "candidates": [candidate.name for candidate in self.candidates],
            "estimated_seconds": round(self.seconds, 1),
            "estimated_seconds_besides": {
                what: round(self.slowness * seconds, 1)
                for what, seconds in asdict(self.besides).items()
            },
            "slowness": round(self.slowness, 2),
            "estimated_bytes": self.bytes,
            "devices": self.devices,
            "layouts": [
                {
                    "runs": len(planned.runs),
                    "techniques": [asked.technique for asked in planned.program.techniques],
                    "lanes_a_group": planned.layout.width,
                    "groups_a_device": planned.layout.groups,
                    "epochs_a_chunk": planned.layout.chunk,
                    "lane_bytes": planned.footprint.state_bytes,
                    "estimated_seconds": round(self.slowness * planned.seconds, 1),
                }
                for planned in self.programs
            ],
        }
        return json.dumps(record, indent=2)


def _kept(group: int) -> str:
    """Say where what a group of lanes goes through is kept."""
    cache = device_breadth().touched_bytes
    taken = f"a group's {_mebibytes(group)} MiB"
    if math.isinf(cache):
        return f"{taken} are in the memory of the device"
    kept = "stays in" if group <= cache else "is larger than"
    return f"{taken} {kept} a core's share of the cache ({_mebibytes(int(cache))} MiB)"


def _mebibytes(count: int) -> int:
    return max(1, round(count / 2**20))
