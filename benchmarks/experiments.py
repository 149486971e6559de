"""Run the examples at full size, and write what they find into the guide.

Every example runs in a process of its own, in turn; its studies are read from their run folders.
What is not run this time keeps the figures that it has. An example that was interrupted goes on,
since run folders train nothing twice; `--runs` names another place for them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

from keeping import RESULTS, keep, machine, versions
from suite.children import Record
from suite.claims import EXPERIMENTS, found, parts
from suite.page import write_into

ROOT = Path(__file__).parents[1]
TRIED = ROOT / "build" / "experiments-quick"


def main() -> int:
    """Run, keep the figures, and say whether every example went through."""
    options = _options()
    record = _kept(options)
    failed = []
    for name in options.only:
        print(name, file=sys.stderr)
        about, folder = machine(), options.runs / name
        if _run(name, folder, options) != 0:
            failed.append(name)
            continue
        experiment = found(EXPERIMENTS[name], folder)
        record["experiments"][name] = {"machine": about} | experiment
        # What was measured stays, whatever happens to the next one.
        _write_record(record, options.out)
    record |= {"machine": machine(), "versions": versions()}
    written = parts(record)
    text = "\n\n".join(f"## {EXPERIMENTS[name].title}\n\n{part}" for name, part in written.items())
    keep("experiments", "Textbook experiments", text, record, options.out)
    page = options.docs / "experiments.md"
    if not page.exists():
        options.docs.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "docs" / "experiments.md", page)
    write_into(page, written, ())
    for name in failed:
        print(f"failed: examples/{name}.py", file=sys.stderr)
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    for name, what in _DATA.items():
        parser.add_argument(f"--{name}", type=_absolute, metavar="PATH", help=what)
    parser.add_argument(
        "--only",
        nargs="+",
        choices=list(EXPERIMENTS),
        metavar="NAME",
        help=f"run these: {', '.join(EXPERIMENTS)}; else all whose data are given",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="tiny sizes, to try the machinery: everything goes below build/",
    )
    parser.add_argument("--runs", type=_absolute, metavar="DIR", help="for the run folders")
    parser.add_argument("--out", type=Path, metavar="DIR", help="for the Markdown and the JSON")
    parser.add_argument("--docs", type=Path, metavar="DIR", help="for experiments.md")
    options = parser.parse_args()
    options.runs = options.runs or (
        TRIED / "runs" if options.quick else ROOT / "build" / "experiments"
    )
    options.out = options.out or (TRIED if options.quick else RESULTS)
    options.docs = options.docs or (TRIED / "docs" if options.quick else ROOT / "docs")
    missing = {
        name: [f"--{data}" for data in experiment.data if getattr(options, data) is None]
        for name, experiment in EXPERIMENTS.items()
    }
    for name in options.only or ():
        if missing[name]:
            parser.error(f"{name} needs {', '.join(missing[name])}")
    if options.only is None:
        options.only = [name for name in EXPERIMENTS if not missing[name]]
        for name in EXPERIMENTS:
            if missing[name]:
                print(f"left out: {name}, without {', '.join(missing[name])}", file=sys.stderr)
    if not options.only:
        parser.error("no example has all of its data")
    return options


_DATA = {
    "digits": "MNIST: a folder of IDX files, or an .npz file",
    "fashion": "Fashion-MNIST, likewise",
    "photos": "small color photos: an .npz file with x_train, y_train, x_test and y_test",
    "wine": "winequality-red.csv",
}


def _absolute(text: str) -> Path:
    """Return a path as processes see it that run elsewhere."""
    return Path(text).resolve()


def _run(name: str, folder: Path, options: argparse.Namespace) -> int:
    """Run an example; what it prints is shown, and is no part of the figures."""
    # What another run with other data left there is no part of this one.
    for left in folder.glob("*/results.json"):
        left.unlink()
    data = [str(getattr(options, option)) for option in EXPERIMENTS[name].data]
    return subprocess.run(
        [
            *(sys.executable, str(ROOT / "examples" / f"{name}.py"), *data),
            *("--out", str(folder)),
            *(["--quick"] if options.quick else []),
        ],
        stdout=sys.stderr,
        check=False,
    ).returncode


def _kept(options: argparse.Namespace) -> Record:
    """Return the record to which this run adds."""
    path = options.out / "experiments.json"
    if path.exists() and not options.quick:
        kept: Record = json.loads(path.read_text(encoding="utf-8"))
        return kept
    return {"experiments": {}}


def _write_record(record: Record, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=1, allow_nan=False) + "\n"
    (folder / "experiments.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
