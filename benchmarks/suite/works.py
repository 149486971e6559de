"""The works: what is trained, on what, by whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["PEERS", "WORKS", "Peer", "Work", "tiny"]

Layer = tuple[Any, ...]


@dataclass(frozen=True)
class Peer:
    """Something else that trains networks.

    Attributes
    ----------
    name : str
    title : str
    script : str
        Of `contenders/`.
    environment : str or None
        Whose python runs it; None is the one that runs the benchmark.
    backend : str
        Of Keras.
    """

    name: str
    title: str
    script: str
    environment: str | None = None
    backend: str = "jax"


PEERS = {
    peer.name: peer
    for peer in (
        Peer("keras-tensorflow", "Keras/TensorFlow loop", "with_keras", "tensorflow", "tensorflow"),
        Peer("keras-jax", "Keras/JAX loop", "with_keras"),
        Peer("pytorch", "PyTorch loop", "with_torch", "torch"),
        Peer("sklearn", "scikit-learn GridSearchCV, both cores", "with_sklearn"),
        Peer(
            "keras-tuner",
            "KerasTuner on TensorFlow",
            "with_keras_tuner",
            "tensorflow",
            "tensorflow",
        ),
        Peer("optuna", "Optuna with PyTorch", "with_optuna", "torch"),
    )
}

LOOPS = ("keras-tensorflow", "keras-jax", "pytorch")
TUNERS = ("keras-tuner", "optuna")


@dataclass(frozen=True)
class Work:
    """A network, its data, and the trials of a study.

    Attributes
    ----------
    name, title : str
    data : str
        A function of `suite.data`.
    rows : int
    shape : tuple of int
        Of a row as the loops get it.
    classes : int
    network : tuple of layers
        The output layer aside.
    batch_size, epochs, folds : int
    techniques : tuple of str
        What gengap compares with the baseline; with the folds they make the trials.
    peers : tuple of str
    without : dict of str to str
        Peers that cannot do this work, and why.
    model : str
        The same network in gengap's own words, where there are some.
    optimizer : str
    learning_rate : float
    rates : tuple of float
        Of dropout, which the trials of a loop take in turn; 0 is none.
    peer_trials : int
        In a round.
    steady : tuple of int
        Two numbers of epochs: what the second study takes longer is the steady state.
    note : str
    """

    name: str
    title: str
    data: str
    rows: int
    shape: tuple[int, ...]
    classes: int
    network: tuple[Layer, ...]
    batch_size: int
    epochs: int
    folds: int
    techniques: tuple[str, ...]
    peers: tuple[str, ...]
    without: tuple[tuple[str, str], ...] = ()
    model: str = ""
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    rates: tuple[float, ...] = (0.0,)
    peer_trials: int = 4
    steady: tuple[int, int] = (2, 10)
    note: str = ""

    @property
    def trials(self) -> int:
        """Recipes, the baseline too, times folds."""
        return self.folds * (1 + len(self.techniques))

    @property
    def rows_trained(self) -> int:
        """Rows of an epoch: four fifths of what is not a fold's test part."""
        return int(self.rows * (self.folds - 1) / self.folds * 0.8)


def _strengths(name: str, low: float, high: float, count: int) -> list[str]:
    step = (high / low) ** (1 / (count - 1))
    return [f"{name}={low * step**i:.3g}" for i in range(count)]


def _even(name: str, low: float, high: float, count: int) -> list[str]:
    return [f"{name}={low + (high - low) * i / (count - 1):.3g}" for i in range(count)]


_RATES = (0.0, 0.2, 0.35, 0.5)
_DROPOUT = tuple(f"dropout={rate}" for rate in _RATES[1:])
_NO_DROPOUT = (("sklearn", "its networks have no dropout"),)

_TABLE = Work(
    name="table",
    title="Table 1023 x 11",
    data="table",
    rows=1422,  # of which a fold trains on 1023
    shape=(11,),
    classes=2,
    network=(("dense", 64), ("dense", 32)),
    model="mlp:64,32",
    batch_size=32,
    epochs=100,
    folds=10,
    techniques=(
        *_strengths("l1", 1e-6, 1e-2, 10),
        *_strengths("l2", 1e-6, 1e-2, 10),
        *_strengths("weight_decay", 1e-3, 1, 10),
        *_even("dropout", 0.05, 0.5, 10),
        *_even("label_smoothing", 0.02, 0.2, 9),
    ),
    peers=(*LOOPS, "sklearn", *TUNERS),
    steady=(20, 100),
)

WORKS = {
    work.name: work
    for work in (
        _TABLE,
        replace(
            _TABLE,
            name="table200",
            title="Table 1023 x 11, fewer trials",
            techniques=(
                *_strengths("l1", 1e-6, 1e-2, 5),
                *_strengths("l2", 1e-6, 1e-2, 5),
                *_strengths("weight_decay", 1e-3, 1, 5),
                *_even("dropout", 0.1, 0.5, 4),
            ),
            peers=(*LOOPS, "sklearn"),
            note="What is compiled and traced is spread over 200 trials instead of 500.",
        ),
        Work(
            name="adult",
            title="Table 48842 x 14",
            data="table",
            rows=48842,
            shape=(14,),
            classes=2,
            network=(("dense", 256), ("dense", 128)),
            model="mlp:256,128",
            batch_size=256,
            epochs=20,
            folds=10,
            techniques=("l2=1e-4", "weight_decay=0.01", "dropout=0.2", "label_smoothing=0.1"),
            peers=(*LOOPS, "sklearn", *TUNERS),
            peer_trials=2,
            steady=(4, 16),
        ),
        Work(
            name="mnist32",
            title="MNIST 784-128-10 with dropout, batch 32",
            data="images",
            rows=60000,
            shape=(784,),
            classes=10,
            network=(("dense", 128), ("dropout",)),
            batch_size=32,
            epochs=5,
            folds=4,
            techniques=_DROPOUT,
            rates=_RATES,
            peers=(*LOOPS, *TUNERS),
            without=_NO_DROPOUT,
        ),
        Work(
            name="mnist128",
            title="MNIST 784-128-10 with dropout, batch 128",
            data="images",
            rows=60000,
            shape=(784,),
            classes=10,
            network=(("dense", 128), ("dropout",)),
            batch_size=128,
            epochs=5,
            folds=4,
            techniques=_DROPOUT,
            rates=_RATES,
            peers=LOOPS,
            without=_NO_DROPOUT,
        ),
        Work(
            name="mnist-bn",
            title="MNIST 784-300-100-10 with batch normalization, SGD",
            data="images",
            rows=60000,
            shape=(784,),
            classes=10,
            network=(("dense_normalized", 300), ("dense_normalized", 100)),
            batch_size=32,
            epochs=5,
            folds=4,
            techniques=("l2=1e-5", "l2=1e-4", "l2=1e-3"),
            optimizer="sgd",
            learning_rate=0.05,
            peers=LOOPS,
            without=(("sklearn", "its networks have no batch normalization"),),
            steady=(2, 6),
        ),
        Work(
            name="cnn",
            title="CNN conv16-pool-conv32-pool-dense on 28 x 28 images",
            data="images",
            rows=20000,
            shape=(28, 28, 1),
            classes=10,
            network=(
                ("convolution", 16),
                ("pool",),
                ("convolution", 32),
                ("pool",),
                ("flatten",),
            ),
            batch_size=32,
            epochs=5,
            folds=2,
            techniques=("l2=1e-5", "l2=1e-4", "l2=1e-3"),
            peers=LOOPS,
            without=(("sklearn", "its networks have no convolutions"),),
            peer_trials=2,
            steady=(2, 5),
        ),
        Work(
            name="lstm",
            title="LSTM(32) with recurrent dropout on 30 x 8",
            data="series",
            rows=4000,
            shape=(30, 8),
            classes=4,
            network=(("lstm", 32),),
            batch_size=32,
            epochs=20,
            folds=4,
            techniques=tuple(f"recurrent_dropout={rate / 10}" for rate in range(1, 8)),
            rates=(0.2, 0.0, 0.4, 0.1),
            peers=tuple(peer for peer in LOOPS if peer != "pytorch"),
            without=(
                ("sklearn", "it has no recurrent networks"),
                ("pytorch", "its LSTM has no recurrent dropout"),
            ),
            steady=(5, 20),
        ),
    )
}


def tiny(work: Work, techniques: Sequence[str] | None = None) -> Work:
    """Return the work in a size that tries the machinery; its figures mean nothing."""
    return replace(
        work,
        rows=240,
        epochs=2,
        folds=2,
        techniques=tuple(work.techniques[:1] if techniques is None else techniques),
        peer_trials=1,
        steady=(1, 2),
    )
