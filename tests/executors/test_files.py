"""What goes between two processes arrives as it was."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from rich.table import Table

from executors import own_networks
from gengap import GengapError, UnfinishedError, UserError
from gengap.data.arrays import from_arrays
from gengap.data.dataset import Dataset, Part
from gengap.data.load import load
from gengap.executors.events import Told, error_of, event_of, from_line, tell, to_line
from gengap.executors.network import read_network, write_network
from gengap.executors.rows import read_dataset, write_dataset
from gengap.identity import network_digest
from gengap.networks.compiling import decay_exclusions
from study.cases import Listener, Subclassed, measurements, one_logit, people, regularized


def assert_same_part(mine: Part, theirs: Part) -> None:
    if isinstance(theirs.features, pd.DataFrame):
        assert isinstance(mine.features, pd.DataFrame)
        pd.testing.assert_frame_equal(mine.features, theirs.features, check_exact=True)
        for name in theirs.features.columns:
            pairs = zip(mine.features[name], theirs.features[name], strict=True)
            assert all(type(one) is type(other) for one, other in pairs)
    else:
        assert mine.features.dtype == theirs.features.dtype
        np.testing.assert_array_equal(mine.features, theirs.features)
    for line in ("target", "weights", "groups"):
        one, other = getattr(mine, line), getattr(theirs, line)
        assert (one is None) == (other is None)
        if other is not None:
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)


def round_trip(dataset: Dataset, folder: Path) -> Dataset:
    write_dataset(dataset, folder)
    return read_dataset(folder)


class TestRows:
    def cases(self) -> dict[str, Dataset]:
        rng = np.random.default_rng(0)
        images = rng.integers(0, 255, (12, 4, 4, 1), dtype=np.uint8)
        words = pd.DataFrame({"a": ["x", None, "ü🙂", "x"], "b": ["1 2", "", "y", "z"]})
        later = people(20, seed=3)
        later["city"] = later["city"].where(later["city"] != "Ulm", "Rome")  # not in training
        return {
            "table": load(
                people(), target="bought", test=later, groups="site", weight="importance"
            ),
            "numbers": from_arrays(*measurements(), test=measurements(10, seed=5)),
            "words": from_arrays(words, [0, 1, 0, 1]),
            "tensor": from_arrays(images, np.arange(12) % 2),
        }

    @pytest.mark.parametrize("name", ["table", "numbers", "words", "tensor"])
    def test_a_dataset_arrives_as_it_was(self, name: str, tmp_path: Path) -> None:
        dataset = self.cases()[name]
        read = round_trip(dataset, tmp_path)
        assert_same_part(read.rows, dataset.rows)
        assert (read.test is None) == (dataset.test is None)
        if dataset.test is not None and read.test is not None:
            assert_same_part(read.test, dataset.test)
        rest = [f.name for f in dataclasses.fields(Dataset) if f.name not in ("rows", "test")]
        assert [getattr(read, n) for n in rest] == [getattr(dataset, n) for n in rest]

    def test_numbers_and_tensors_stay_in_their_files(self, tmp_path: Path) -> None:
        for name in ("numbers", "tensor"):
            folder = tmp_path / name
            folder.mkdir()
            features = round_trip(self.cases()[name], folder).rows.features
            array = features if name == "tensor" else features["x0"].to_numpy()
            owner: Any = array
            while owner.base is not None and not isinstance(owner, np.memmap):
                owner = owner.base
            assert isinstance(owner, np.memmap) or type(owner).__name__ == "mmap"
            assert not array.flags.writeable


class TestNetwork:
    def unbuilt(self) -> keras.Model:
        return keras.Sequential([keras.layers.Dense(3, activation="relu"), keras.layers.Dense(1)])

    @pytest.mark.parametrize("make", [regularized, lambda: one_logit(5), unbuilt, Subclassed])
    def test_a_network_arrives_as_it_was(self, make: Any, tmp_path: Path) -> None:
        model = make(self) if make is TestNetwork.unbuilt else make()
        write_network(model, tmp_path)
        read = read_network(tmp_path)
        assert (read.built, read.compiled) == (model.built, model.compiled)
        for mine, theirs in zip(read.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)
        if model.compiled:
            assert network_digest(read) == network_digest(model)

    def test_what_is_not_decayed_is_not_decayed_there(self, tmp_path: Path) -> None:
        model = own_networks.network()
        optimizer = keras.optimizers.AdamW(0.01)
        optimizer.exclude_from_weight_decay(
            var_list=[model.trainable_variables[0]], var_names=["bias"]
        )
        model.compile(optimizer, "mse")
        write_network(model, tmp_path)
        read = read_network(tmp_path)
        assert decay_exclusions(read.optimizer, read.trainable_variables) == ((0,), "bias")

    def test_functions_and_classes_of_a_module_are_found(self, tmp_path: Path) -> None:
        model = own_networks.network(
            own_networks.Doubled(), own_networks.Halved(), activation=own_networks.halved
        )
        model.compile("adam", own_networks.absolute)
        write_network(model, tmp_path)
        read = read_network(tmp_path)
        assert read.layers[-1].activation is own_networks.halved
        assert read.loss is own_networks.absolute
        inputs = measurements(7)[0]
        np.testing.assert_array_equal(
            read.predict(inputs, verbose=0), model.predict(inputs, verbose=0)
        )

    def test_a_module_that_cannot_be_imported_alone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(own_networks.Broken, "__module__", "typed_in_somewhere")
        write_network(own_networks.network(own_networks.Broken(name="mine")), tmp_path)
        with pytest.raises(UserError, match="the layer 'mine' needs Broken of typed_in") as caught:
            read_network(tmp_path)
        assert caught.value.code == "not-importable"

    def test_a_loss_of_the_script_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(own_networks.absolute, "__module__", "__main__")
        model = own_networks.network()
        model.compile("adam", own_networks.absolute)
        with pytest.raises(UserError, match="the loss needs absolute, which is defined in the no"):
            write_network(model, tmp_path)

    def test_a_network_that_cannot_be_saved(self, tmp_path: Path) -> None:
        class Closed(keras.layers.Layer):
            def __init__(self, size: Any) -> None:
                super().__init__()
                self.size = size

            def call(self, inputs: Any) -> Any:
                return inputs

        with pytest.raises(UserError, match="cannot be saved") as caught:
            write_network(own_networks.network(Closed(object())), tmp_path)
        assert caught.value.code == "network-cannot-be-saved"


class TestEvents:
    def test_a_progress_is_told_what_another_was(self) -> None:
        class Shown(Listener):
            def interim(self, *parts: Any) -> None:
                console = Console(file=io.StringIO(), width=80)
                for part in parts:
                    console.print(part)
                self.shown = console.file.getvalue()  # type: ignore[attr-defined]

        table = Table("recipe", "change")
        table.add_row("l2=1e-3", "[bold]+0.7[/bold]")
        listener = Shown()
        told = Told(lambda event: tell(listener, from_line(to_line(event))), width=60)
        told.announce("three\nlines ü")
        told.start(7)
        told.advance(3, "l2")
        told.lead("ahead so far: l2")
        told.interim("so far", table)
        told.finish()
        told.start(9, unit="epochs")
        told.advance(2, "")
        assert (listener.said, listener.total) == (["three\nlines ü"], 7)
        assert (listener.done, listener.finished) == ([3], 1)
        assert listener.leads == ["ahead so far: l2"]
        assert listener.epochs == [(2, 9)]
        assert "so far" in listener.shown
        assert "+0.7" in listener.shown
        assert "\x1b" not in listener.shown

    @pytest.mark.parametrize("kind", [UserError, UnfinishedError, GengapError])
    def test_errors_of_gengap_come_back(self, kind: type[GengapError]) -> None:
        error = error_of(from_line(to_line(event_of(kind("code", "what happened", "a hint")))))
        assert type(error) is kind
        assert isinstance(error, GengapError)
        assert (error.code, error.message, error.hint) == ("code", "what happened", "a hint")

    def test_an_interrupt_is_an_interrupt(self) -> None:
        assert type(error_of(event_of(KeyboardInterrupt()))) is KeyboardInterrupt

    def test_a_fault_brings_its_trace(self) -> None:
        try:
            raise ZeroDivisionError("by zero")
        except ZeroDivisionError as fault:
            error = error_of(from_line(to_line(event_of(fault))))
        assert isinstance(error, GengapError)
        assert (error.code, error.exit_code) == ("internal", 70)
        assert "ZeroDivisionError: by zero" in error.message
        assert "test_files.py" in error.__notes__[0]
