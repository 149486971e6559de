"""Does a study take the time and the memory that it announces before it trains?

Each argument is what stands behind `gengap compare` on a command line: data, and options where it
needs some. The study is asked what it would need (`--dry-run`), and then done, in a process of its
own with nothing compiled beforehand. A study that does not end, or that takes more than was said
by over a quarter, ends this with exit code 1.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from keeping import RESULTS, keep, machine, table, versions

Record = dict[str, Any]

#: A study may take so many times what was announced.
LIMIT = 1.25
COMPARE = (sys.executable, "-m", "gengap", "compare")


def main() -> int:
    """Ask and do every study, keep the figures, and say whether all were as announced."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument(
        "studies", nargs="+", metavar="'DATA [OPTIONS]'", help="as behind `gengap compare`"
    )
    parser.add_argument("--runs", type=Path, help="keep the run folders here; none by default")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="DIR")
    options = parser.parse_args()
    about = machine()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for number, words in enumerate(options.studies):
            runs = (options.runs or Path(scratch) / "runs") / str(number)
            rows.append(_row(shlex.split(words), runs, Path(scratch) / f"compiled-{number}"))
            print(f"{words}: {rows[-1]['headline'] or rows[-1]['error']}", file=sys.stderr)
    _keep(rows, about, options.out)
    return 0 if all(row["as_announced"] for row in rows) else 1


def _row(words: list[str], run: Path, compiled: Path) -> Record:
    """Ask what a study needs, and do it."""
    row: Record = {
        "data": Path(words[0]).stem,
        "options": shlex.join(words[1:]),
        "headline": None,
        "error": None,
        "as_announced": False,
    }
    asked = subprocess.run(
        [*COMPARE, *words, "--dry-run", "--json"], capture_output=True, text=True, check=False
    )
    if asked.returncode:
        return row | {"error": json.loads(asked.stdout)["error"]["message"]}
    plan = json.loads(asked.stdout)
    row["announced"] = {"seconds": plan["estimated_seconds"], "bytes": plan["estimated_bytes"]}
    row |= {key: plan[key] for key in ("trials", "runs", "programs", "candidates")}
    code, said, taken = _measured(
        [*COMPARE, *words, "--json", "--out", str(run)], {"GENGAP_CACHE_DIR": str(compiled)}
    )
    row["taken"] = taken
    if code:
        return row | {"error": json.loads(said)["error"]["message"]}
    results = json.loads(said)
    row |= {key: taken[key] / row["announced"][key] for key in taken}
    return row | {
        "headline": results["headline"],
        "rows": results["dataset"]["rows"],
        "shape": results["dataset"]["shape"],
        "network": results["protocol"]["network"],
        "as_announced": row["seconds"] <= LIMIT and row["bytes"] <= LIMIT,
    }


def _measured(command: list[str], environment: dict[str, str]) -> tuple[int, str, Record]:
    """Run a command; return its exit code, what it printed, and what its process took."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as printed:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=printed, env=os.environ | environment)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        # On macOS the largest resident set is in bytes, elsewhere in KiB.
        unit = 1 if sys.platform == "darwin" else 1024
        taken = {"seconds": seconds, "bytes": usage.ru_maxrss * unit}
        return process.returncode, printed.read(), taken


def _keep(rows: list[Record], about: Record, folder: Path) -> None:
    ended = [row for row in rows if row["error"] is None]
    figures = table(
        (
            "data",
            "options",
            "rows",
            "trials",
            "announced, s",
            "taken, s",
            "ratio",
            "announced, MiB",
            "taken, MiB",
            "ratio",
        ),
        [
            (
                row["data"],
                f"`{row['options']}`" if row["options"] else "",
                row["rows"],
                row["trials"],
                f"{row['announced']['seconds']:.0f}",
                f"{row['taken']['seconds']:.0f}",
                f"{row['seconds']:.2f}",
                f"{row['announced']['bytes'] / 2**20:.0f}",
                f"{row['taken']['bytes'] / 2**20:.0f}",
                f"{row['bytes']:.2f}",
            )
            for row in ended
        ],
    )
    said = "\n".join(
        f"- {row['data']}: {row['headline'] or 'did not end: ' + row['error']}" for row in rows
    )
    text = (
        "Each study in a process of its own, with nothing compiled beforehand; seconds are those "
        "of the whole command, memory is the process's largest resident set. More than "
        f"{LIMIT:g} times what was announced counts as not as announced.\n\n{figures}\n\n{said}"
    )
    record = {"studies": rows, "machine": about, "versions": versions()}
    keep("announced", "What studies announce, and what they take", text, record, folder)


if __name__ == "__main__":
    sys.exit(main())
