"""Studies of gengap in a process of their own."""

from __future__ import annotations

import sys
from pathlib import Path

from suite.children import Record, run
from suite.data import sample_shape
from suite.works import Work

__all__ = ["asked_of_gengap", "network_of", "of_gengap"]


def asked_of_gengap(work: Work, data: Path, studies: list[Record]) -> Record:
    """Return what `with_gengap` is asked; a study names techniques, epochs and folds."""
    of_work = {"techniques": work.techniques, "epochs": work.epochs, "folds": work.folds}
    return {
        **network_of(work, data),
        "sample": sample_shape(work),
        "bytes_in": work.data == "images",
        "model": work.model,
        "studies": [of_work | study for study in studies],
    }


def network_of(work: Work, data: Path) -> Record:
    """Return what every contender of a work is asked."""
    return {
        "data": str(data),
        "shape": work.shape,
        "network": work.network,
        "classes": work.classes,
        "optimizer": work.optimizer,
        "learning_rate": work.learning_rate,
        "batch_size": work.batch_size,
    }


def of_gengap(asked: Record, cache: Path) -> Record:
    """Run studies one after the other, with the compiled programs in a folder."""
    environment = {"GENGAP_CACHE_DIR": str(cache)}
    return run(Path(sys.executable), "with_gengap", asked, environment)
