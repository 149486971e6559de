"""How fast the engine is: against its peers, against the machine, and as studies grow.

One run measures, contenders in turn, round after round, every one in a process of its own; figures
are medians. They are kept as Markdown and JSON, and written with plots into the guide. Parts that
are not measured this time keep the figures that they have. Where a goal is not met, the exit code
is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from keeping import RESULTS, keep, machine, versions
from suite.children import ContenderError, Record
from suite.data import read_images, write_rows
from suite.environments import Environments
from suite.figures import draw
from suite.goals import judge
from suite.growth import SERIES, grow
from suite.limit import limit, machine_rates
from suite.page import parts, write_into
from suite.race import race
from suite.spent import SPENT, spent
from suite.stopping import stopping
from suite.works import PEERS, WORKS, Work, tiny

ROOT = Path(__file__).parents[1]

#: Parts besides the works, each of which is one.
OTHER_PARTS = ("limits", "spent", "stopping", *SERIES)

#: Works that are held to the machine's limit; the others train one of these networks.
LIMITS = tuple(name for name in WORKS if name != "table200")

#: With --quick, where every process takes seconds to start.
QUICK_WORKS = ("table",)
QUICK_LIMITS = ("mnist128",)
QUICK_PARTS = ("limits", "spent", "stopping", "runs")


def main() -> int:
    """Measure, keep the figures, and say whether the goals are met."""
    options = _options()
    _keep_to(options.cores)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, Path(folder))
        works = QUICK_WORKS if options.quick else bench.works
        others = QUICK_PARTS if options.quick else OTHER_PARTS
        wanted = options.only or [*works, *others]
        record = _kept(options)
        for part in wanted:
            print(part, file=sys.stderr)
            about = {"machine": machine(), "rounds": options.rounds}
            try:
                measured = about | bench.measure(part)
            except ContenderError as error:
                raise SystemExit(f"gengap itself failed:\n{error.output}") from error
            _place(record, part)[part] = measured
            # What was measured stays, whatever happens to the next part.
            _write_record(record, options.out)
    return _conclude(record, wanted, options)


def _place(record: Record, part: str) -> Record:
    """Return what holds a part."""
    if part in SERIES:
        return record["growth"]
    return record["works"] if part in WORKS else record


@dataclass(frozen=True)
class Bench:
    """What measures the parts.

    Attributes
    ----------
    options : Namespace
    folder : Path
        For the rows of the works.
    """

    options: argparse.Namespace
    folder: Path

    @cached_property
    def works(self) -> dict[str, Work]:
        """The works by name."""
        if self.options.quick:
            return {name: tiny(WORKS[name]) for name in (*QUICK_WORKS, *QUICK_LIMITS)}
        return dict(WORKS)

    @cached_property
    def environments(self) -> Environments:
        """Where the peers' libraries are."""
        return Environments(self.options.environments, install=not self.options.quick)

    @cached_property
    def images(self) -> tuple[np.ndarray, np.ndarray] | None:
        """MNIST's, where they are given."""
        return None if self.options.mnist is None else read_images(self.options.mnist)

    def measure(self, part: str) -> Record:
        """Measure a part."""
        options = self.options
        rounds, quick = options.rounds, options.quick
        if part == "limits":
            works = [self.works[name] for name in (QUICK_LIMITS if quick else options.limits_of)]
            rates = machine_rates(works, options.cores, quick=quick)
            limits = {}
            for work in works:
                print(f"  {work.title}", file=sys.stderr)
                limits[work.name] = limit(
                    work, self._rows(work), rates, rounds=rounds, cache=self._cache, quick=quick
                )
            return {"rates": rates, "works": limits}
        if part == "spent":
            return {"works": {name: self._spent(self.works[name]) for name in self._looked_into}}
        table = self.works["table"]
        if part == "stopping":
            return stopping(table, self._rows(table), rounds=rounds, cache=self._cache, quick=quick)
        if part in SERIES:
            return grow(part, table, self.folder, rounds=rounds, cache=self._cache, quick=quick)
        work = self.works[part]
        return race(
            work,
            self._rows(work),
            rounds=rounds,
            cores=options.cores,
            environments=self.environments,
            wanted=options.peers,
        )

    @property
    def _looked_into(self) -> tuple[str, ...]:
        return QUICK_WORKS if self.options.quick else SPENT

    def _spent(self, work: Work) -> Record:
        print(f"  {work.title}", file=sys.stderr)
        return spent(work, self._rows(work), self.folder / f"compiled-{work.name}")

    @property
    def _cache(self) -> Path:
        return self.folder / "compiled"

    def _rows(self, work: Work) -> Path:
        path = self.folder / f"{work.name}.npz"
        if not path.exists():
            write_rows(work, path, self.images)
        return path


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument(
        "--only",
        nargs="+",
        choices=[*WORKS, *OTHER_PARTS],
        metavar="PART",
        help=f"measure these parts: {', '.join([*WORKS, *OTHER_PARTS])}",
    )
    parser.add_argument(
        "--peers",
        nargs="*",
        choices=list(PEERS),
        default=list(PEERS),
        metavar="PEER",
        help=f"measure these peers, or none: {', '.join(PEERS)}",
    )
    parser.add_argument(
        "--limits-of",
        nargs="+",
        choices=LIMITS,
        default=LIMITS,
        metavar="WORK",
        help=f"works that are held to the machine's limit: {', '.join(LIMITS)}",
    )
    parser.add_argument("--rounds", type=int, help="3 by default")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument(
        "--mnist",
        type=Path,
        metavar="PATH",
        help="an .npz file with x_train and y_train, or a folder of IDX files; else images of the "
        "same shape are drawn",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="tiny sizes, to try the machinery: nothing is installed, no goal is judged, and the "
        "figures go below build/",
    )
    parser.add_argument(
        "--environments",
        type=lambda text: Path(text).resolve(),
        default=ROOT / "build",
        metavar="DIR",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="for the Markdown and the JSON")
    parser.add_argument("--docs", type=Path, metavar="DIR", help="for engine.md and its figures")
    options = parser.parse_args()
    tried = ROOT / "build" / "engine-quick"
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.out = options.out or (tried if options.quick else RESULTS)
    options.docs = options.docs or (tried / "docs" if options.quick else ROOT / "docs")
    if options.quick and options.only and set(options.only) & (set(WORKS) - set(QUICK_WORKS)):
        parser.error(f"with --quick the works are {', '.join(QUICK_WORKS)}")
    return options


def _keep_to(cores: int) -> None:
    """Let this process and those that it starts use so many cores."""
    available = sorted(os.sched_getaffinity(0))
    if len(available) < cores:
        raise SystemExit(f"expected {cores} cores, found {len(available)}; pass --cores")
    os.sched_setaffinity(0, available[:cores])


def _absolute(text: str) -> Path:
    """Return a folder's path as processes see it that run elsewhere."""
    return Path(text).resolve()


def _kept(options: argparse.Namespace) -> Record:
    """Return the record to which this run adds."""
    path = options.out / "engine.json"
    if path.exists() and not options.quick:
        found: Record = json.loads(path.read_text(encoding="utf-8"))
        return found
    return {"works": {}, "limits": None, "spent": None, "stopping": None, "growth": {}}


def _write_record(record: Record, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=1, allow_nan=False) + "\n"
    (folder / "engine.json").write_text(text, encoding="utf-8")


def _conclude(record: Record, wanted: list[str], options: argparse.Namespace) -> int:
    """Write the page, and return the exit code."""
    record["works"] = {name: record["works"][name] for name in WORKS if name in record["works"]}
    record["growth"] = {name: record["growth"][name] for name in SERIES if name in record["growth"]}
    record |= {"machine": machine(), "versions": versions()}
    judged = judge(record)
    if options.quick:
        judged = [replace(one, ratio=None, why="tiny sizes") for one in judged]
    written = parts(record, judged)
    headings = (
        "Goals",
        "Works",
        "The physical limit",
        "Where the time goes",
        "Continuous batching",
        "Growth",
    )
    text = "\n\n".join(
        f"## {heading}\n\n{part}" for heading, part in zip(headings, written.values(), strict=True)
    )
    keep("engine", "The engine's speed", text, record, options.out)
    page = options.docs / "engine.md"
    if not page.exists():
        options.docs.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "docs" / "engine.md", page)
    write_into(page, written, draw(record, options.docs / "figures"))
    measured = {"growth" if part in SERIES else part for part in wanted}
    failed = [one for one in judged if one.status == "not met" and one.goal.part in measured]
    for one in failed:
        print(f"not met: {one.goal.what} against {one.goal.against}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
