"""What every benchmark keeps with its figures, and how it writes them."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"

PACKAGES = ("gengap", "keras", "jax", "jaxlib", "numpy", "scipy", "scikit-learn", "pandas")


def machine() -> dict[str, Any]:
    """Describe what the figures were taken on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        model = names[0] if names else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "processor": model,
        "cores": cores,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_at_start": None if load is None else round(load, 2),
        "date": datetime.now(UTC).date().isoformat(),
    }


def versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Return the versions of installed packages."""
    return {package: metadata.version(package) for package in packages}


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a Markdown table; numbers to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    right = [all(row[i][:1] in "0123456789-+." for row in cells) for i in range(len(columns))]
    rule = ["---:" if r else "---" for r in right]
    return "\n".join("| " + " | ".join(row) + " |" for row in (list(columns), rule, *cells))


def keep(name: str, title: str, text: str, record: Mapping[str, Any], folder: Path) -> None:
    """Write the figures as Markdown and as JSON, with versions and machine, and print them."""
    about = record["machine"]
    found = ", ".join(f"{key} {value}" for key, value in record["versions"].items())
    load = about["load_at_start"]
    page = (
        f"# {title}\n\n{text.strip()}\n\n"
        f"Machine: {about['processor']}, {about['cores']} cores, {about['system']}, Python "
        f"{about['python']}; {about['date']}"
        + ("" if load is None else f"; load at start {load}")
        + f". Versions: {found}.\n"
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(page, encoding="utf-8")
    (folder / f"{name}.json").write_text(
        json.dumps(record, indent=1, allow_nan=False) + "\n", encoding="utf-8"
    )
    print(page)
    print(f"Kept in {folder / name}.md and .json")
