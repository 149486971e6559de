"""gengap against its peers on one work: in turn, round after round, each in its own process."""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path

from suite.children import ContenderError, Record, run
from suite.environments import Environments
from suite.studies import asked_of_gengap, network_of, of_gengap
from suite.works import PEERS, Work

__all__ = ["COLD", "WARM", "race"]

COLD = "gengap.compare, nothing compiled yet"
WARM = "gengap.compare, programs in the cache"

#: Rows of a fold's training part that gengap may leave out of an epoch, and the peers not.
ROWS_APART = 0.02

#: A contender whose accuracy on unseen rows is further below the middle one has not learned what
#: the others did, and its times are not comparable.
ACCURACY_APART = 0.05


def race(
    work: Work,
    data: Path,
    *,
    rounds: int,
    cores: int,
    environments: Environments,
    wanted: Collection[str],
) -> Record:
    """Measure all contenders.

    Parameters
    ----------
    work : Work
    data : Path
        See `suite.data.write_rows`.
    rounds : int
    cores : int
    environments : Environments
    wanted : collection of str
        Names of peers.

    Returns
    -------
    dict
        ``rows`` (a contender each, gengap's first) and ``absent`` (title to reason).
    """
    absent = {PEERS[name].title: why for name, why in work.without}
    pythons: dict[str, Path] = {}
    for name in work.peers:
        python = environments.python(PEERS[name].environment) if name in wanted else "not asked for"
        if isinstance(python, str):
            absent[PEERS[name].title] = python
        else:
            pythons[name] = python
    found: dict[str, list[Record]] = defaultdict(list)
    asked = network_of(work, data) | {
        "epochs": work.epochs,
        "trials": work.peer_trials,
        "rates": work.rates,
        "cores": cores,
    }
    for number in range(rounds):
        # What the cold one compiles, the warm one finds.
        with tempfile.TemporaryDirectory() as cache:
            for name in (COLD, WARM):
                found[name].append(_compared(work, data, Path(cache)))
                _say(number, name, found[name][-1])
        for name, python in list(pythons.items()):
            peer = PEERS[name]
            try:
                record = run(python, peer.script, asked, {"KERAS_BACKEND": peer.backend})
            except ContenderError as error:
                # Said in the table and on standard error; the others are still worth measuring.
                print(error.output, file=sys.stderr)
                absent[peer.title] = f"failed: {error}"
                found.pop(peer.title, None)
                del pythons[name]
                continue
            found[peer.title].append(record)
            _say(number, peer.title, record)
    return {
        "title": work.title,
        "settings": _settings(work),
        "rounds": rounds,
        "rows": _rows(found),
        "absent": absent,
        "study": found[COLD][0]["study"],
    }


def _compared(work: Work, data: Path, cache: Path) -> Record:
    record = of_gengap(asked_of_gengap(work, data, [{}]), cache)
    study = record["studies"][0]
    if study["trials"] != work.trials or study["runs"] != work.trials:
        raise SystemExit(f"{work.name}: expected {work.trials} trials and as many runs: {study}")
    if abs(study["rows_trained"] / work.rows_trained - 1) > ROWS_APART:
        raise SystemExit(
            f"{work.name}: gengap trains on {study['rows_trained']} rows, the peers on "
            f"{work.rows_trained}"
        )
    return {
        "seconds": [study["call"] / work.trials],
        "process": record["process"] / work.trials,
        "held": [study["held"]],
        "versions": record["versions"],
        "study": study,
    }


def _rows(found: dict[str, list[Record]]) -> list[Record]:
    cold = statistics.median(record["seconds"][0] for record in found[COLD])
    whole = statistics.median(record["process"] for record in found[COLD])
    learned = {
        name: statistics.median(value for record in rounds for value in record["held"])
        for name, rounds in found.items()
    }
    middle = statistics.median(learned.values())
    rows = []
    for name, rounds in found.items():
        seconds = [value for record in rounds for value in record["seconds"]]
        row = {
            "name": name,
            "seconds": statistics.median(seconds),
            "least": min(seconds),
            "most": max(seconds),
            "measured": len(seconds),
            "ratio": statistics.median(seconds) / cold,
            "ratio_to_process": statistics.median(seconds) / whole,
            "held": learned[name],
            "learned": learned[name] >= middle - ACCURACY_APART,
            "versions": rounds[0]["versions"],
        }
        if name in (COLD, WARM):
            row["process"] = statistics.median(record["process"] for record in rounds)
            row["training"] = statistics.median(
                record["study"]["training"] / record["study"]["trials"] for record in rounds
            )
            row["bytes"] = max(record["study"]["bytes"] for record in rounds)
            row["planned_bytes"] = rounds[0]["study"]["planned_bytes"]
        rows.append(row)
    return rows


def _settings(work: Work) -> Record:
    return {
        "rows": work.rows,
        "rows_trained": work.rows_trained,
        "shape": work.shape,
        "network": work.network,
        "optimizer": [work.optimizer, work.learning_rate],
        "batch_size": work.batch_size,
        "epochs": work.epochs,
        "folds": work.folds,
        "trials": work.trials,
        "techniques": work.techniques,
        "rates_of_the_loops": work.rates,
        "trials_of_a_peer": work.peer_trials,
        "note": work.note,
    }


def _say(number: int, name: str, record: Record) -> None:
    seconds = statistics.median(record["seconds"])
    print(f"  round {number + 1}: {name}: {seconds:.4f} s a trial", file=sys.stderr)
