"""The ways to be wrong: what stands in the folder, what is typed, and which error answers it."""

from __future__ import annotations

import gzip
import os
import pickle
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

ROWS = 60


@dataclass(frozen=True)
class Case:
    """One way to be wrong.

    `make` writes files into the folder that it is given and returns the arguments, `code` is the
    error's, and each of `says` is somewhere in its message or hint.
    """

    name: str
    make: Callable[[Path], Sequence[str]]
    code: str
    says: tuple[str, ...] = ()
    command: str = "compare"


def table(**changes: object) -> pd.DataFrame:
    """Return a sound table: numbers `a` and `b`, words `c`, classes `y`, numbers `z`."""
    rng = np.random.default_rng(1)
    sound = pd.DataFrame(
        {
            "a": rng.normal(size=ROWS).round(6),
            "b": rng.gamma(2.0, size=ROWS).round(6),
            "c": rng.choice(["red", "green"], ROWS),
        }
    )
    sound["y"] = np.where(sound["a"] + rng.normal(size=ROWS) > 0, "yes", "no")
    sound["z"] = sound["a"] * 2.5 + sound["b"]
    return sound.assign(**changes)


def wrong_data(
    name: str, write: Callable[[Path], object], code: str, *says: str, args: str = "--target y"
) -> Case:
    """Return a case in which ``data.csv``, or the file that `args` begin with, is wrong."""

    def make(folder: Path) -> list[str]:
        words = args.split()
        path = folder / ("data.csv" if not words or words[0].startswith("-") else words.pop(0))
        write(path)
        return [path.name, *words]

    return Case(name, make, code, says)


def wrong_options(name: str, args: str, code: str, *says: str, target: str = "y") -> Case:
    """Return a case in which the data are sound and the options are wrong."""

    def make(folder: Path) -> list[str]:
        write_table(folder / "data.csv")
        return ["data.csv", "--target", target, *args.split()]

    return Case(name, make, code, says)


def wrong_model(name: str, source: str, model: str, code: str, *says: str) -> Case:
    """Return a case whose model stands in a module of its own."""
    module = "net_" + name.replace(" ", "_")

    def make(folder: Path) -> list[str]:
        write_table(folder / "data.csv")
        (folder / f"{module}.py").write_text("import keras\n\n\n" + source, encoding="utf-8")
        return ["data.csv", "--target", "y", "--model", model.format(module=module)]

    return Case(name, make, code, says)


def write_table(path: Path, **changes: object) -> None:
    table(**changes).to_csv(path, index=False)


def write_text(text: str, encoding: str = "utf-8") -> Callable[[Path], object]:
    return lambda path: path.write_text(text, encoding=encoding)


def write_bytes(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def write_with(**changes: object) -> Callable[[Path], object]:
    return lambda path: write_table(path, **changes)


def write_arrays(**arrays: object) -> Callable[[Path], object]:
    return lambda path: np.savez(path, allow_pickle=True, **arrays)


def with_test_part(frame: pd.DataFrame | None) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        write_table(path)
        if frame is not None:
            frame.to_csv(path.with_name("test.csv"), index=False)

    return write


X, Y = np.random.default_rng(2).normal(size=(ROWS, 3)), np.arange(ROWS) % 2
LINES = table().to_csv(index=False)
WITH_TEST = "--target y --test test.csv"


def damaged_network(name: str, code: str, *says: str, **parts: bytes) -> Case:
    """Return a case whose saved network is an archive with these parts, by name without ending."""
    endings = {"config": "config.json", "metadata": "metadata.json", "weights": "model.weights.h5"}

    def make(folder: Path) -> list[str]:
        write_table(folder / "data.csv")
        with zipfile.ZipFile(folder / "net.keras", "w") as archive:
            for part, content in parts.items():
                archive.writestr(endings[part], content)
        return ["data.csv", "--target", "y", "--model", "net.keras"]

    return Case(name, make, code, ("net.keras", *says))


def with_a_flipped_bit(folder: Path) -> list[str]:
    write_table(folder / "data.csv")
    path = folder / "net.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", '{"module": "keras"}')
    content = bytearray(path.read_bytes())
    content[content.index(b"module")] ^= 1
    path.write_bytes(content)
    return ["data.csv", "--target", "y", "--model", path.name]


def with_a_layer(folder: Path) -> list[str]:
    import keras

    write_table(folder / "data.csv")
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(folder / "whole.keras")
    with (
        zipfile.ZipFile(folder / "whole.keras") as whole,
        zipfile.ZipFile(folder / "net.keras", "w") as archive,
    ):
        for name in whole.namelist():
            archive.writestr(name, DENSE if name == "config.json" else whole.read(name))
    return ["data.csv", "--target", "y", "--model", "net.keras"]


DENSE = b'{"module": "keras.layers", "class_name": "Dense", "config": {"units": 2}}'

# What cannot be read: `audit` and `compare` say the same.
READING = [
    Case(
        "missing file",
        lambda folder: (write_table(folder / "wine.csv"), ["wien.csv", "--target", "y"])[1],
        "file-not-found",
        ("wien.csv", "did you mean 'wine.csv'?"),
    ),
    Case(
        "missing folder",
        lambda folder: ["no/where.csv", "--target", "y"],
        "file-not-found",
        ("no",),
    ),
    Case(
        "directory",
        lambda folder: ((folder / "data").mkdir(), ["data", "--target", "y"])[1],
        "is-a-directory",
        ("data",),
    ),
    wrong_data("empty file", write_text(""), "empty-file", "data.csv"),
    wrong_data("blank lines", write_text("\n\n\n"), "empty-file", "data.csv"),
    wrong_data("header only", write_text("a,b,y\n"), "no-rows", "header"),
    wrong_data("one column", write_text("y\nno\nyes\n"), "one-column", "separator"),
    wrong_data(
        "wrong target", write_table, "unknown-column", "'Y'", "did you mean", args="--target Y"
    ),
    wrong_data("no target", write_table, "target-not-given", "--target", "a, b, c, y, z", args=""),
    wrong_data(
        "column used twice",
        write_table,
        "column-used-twice",
        "groups",
        args="--target y --groups y",
    ),
    wrong_data(
        "words as a regression target",
        write_table,
        "words-as-regression-target",
        "'yes'",
        args="--target y --task regression",
    ),
    wrong_data(
        "infinite values", write_with(a=[np.inf, *range(ROWS - 1)]), "infinite-values", "'a'"
    ),
    wrong_data(
        "infinite target",
        write_with(z=[-np.inf, *range(ROWS - 1)]),
        "infinite-values",
        "'z'",
        args="--target z",
    ),
    wrong_data(
        "duplicate column names",
        write_text(LINES.replace("a,b,", "a,a,", 1)),
        "duplicate-columns",
        "'a'",
    ),
    wrong_data("binary garbage", write_bytes(bytes(range(256)) * 40), "not-a-table", "binary"),
    wrong_data(
        "wrong encoding",
        write_text(LINES.replace("green", "grün"), "latin-1"),
        "wrong-encoding",
        "UTF-8",
    ),
    wrong_data("utf-16", write_text(LINES, "utf-16"), "wrong-encoding", "UTF-16"),
    wrong_data("ragged rows", write_text(LINES + "1,2\n"), "ragged-rows", "line"),
    wrong_data("unclosed quote", write_text(LINES + '1,2,"red,yes,3\n'), "unclosed-quote", '"'),
    wrong_data("not gzipped", write_text(LINES), "damaged-file", args="data.csv.gz --target y"),
    wrong_data(
        "truncated gzip",
        write_bytes(gzip.compress(LINES.encode())[:300]),
        "damaged-file",
        args="data.csv.gz --target y",
    ),
    wrong_data("no parquet", write_text(LINES), "damaged-file", args="data.parquet --target y"),
    wrong_data(
        "unknown format", write_text(LINES), "unknown-format", ".csv", args="data.xlsx --target y"
    ),
    wrong_data(
        "pickle named npz",
        write_bytes(pickle.dumps({"x": X, "y": Y})),
        "not-an-archive",
        "never unpickles",
        args="data.npz",
    ),
    wrong_data("npz without y", write_arrays(x=X), "missing-array", "y", args="data.npz"),
    wrong_data(
        "npz with objects",
        write_arrays(x=X, y=np.array([*Y.tolist()[1:], None], object)),
        "pickled-data",
        "never",
        args="data.npz",
    ),
    wrong_data(
        "npz of mismatched lengths",
        write_arrays(x=X, y=Y[:-1]),
        "length-mismatch",
        "60",
        "59",
        args="data.npz",
    ),
    wrong_data(
        "npz with infinite values",
        write_arrays(x=np.where(X > 1, np.inf, X), y=Y),
        "infinite-values",
        args="data.npz",
    ),
    wrong_data(
        "npz with a target",
        write_arrays(x=X, y=Y),
        "npz-brings-its-own",
        args="data.npz --target y",
    ),
    Case(
        "unknown sklearn name",
        lambda folder: ["sklearn:breast_cancr"],
        "unknown-dataset",
        ("did you mean 'breast_cancer'?",),
    ),
    Case("unknown source", lambda folder: ["kaggle:titanic"], "unknown-source", ("sklearn:NAME",)),
    wrong_data(
        "unknown task",
        write_table,
        "unknown-word",
        "did you mean 'regression'?",
        args="--target z --task regresion",
    ),
    wrong_data(
        "groups column missing",
        write_table,
        "unknown-column",
        "'site'",
        args="--target y --groups site",
    ),
    wrong_data(
        "group without a name",
        write_with(c=["", *["red"] * (ROWS - 1)]),
        "missing-groups",
        "row 1",
        args="--target y --groups c",
    ),
    wrong_data(
        "weight column missing", write_table, "unknown-column", "'w'", args="--target y --weight w"
    ),
    wrong_data(
        "negative weight",
        write_with(w=[-1.0] * ROWS),
        "unusable-weights",
        "-1",
        args="--target y --weight w",
    ),
    wrong_data(
        "words as weights",
        write_table,
        "unusable-weights",
        "at least 0",
        args="--target y --weight c",
    ),
    wrong_data(
        "weights of nothing but 0",
        write_with(w=0),
        "unusable-weights",
        args="--target y --weight w",
    ),
    wrong_data(
        "missing test file", with_test_part(None), "file-not-found", "test.csv", args=WITH_TEST
    ),
    wrong_data(
        "test part without a column",
        with_test_part(table().drop(columns="b")),
        "missing-columns",
        "'b'",
        args=WITH_TEST,
    ),
    wrong_data(
        "test part with an unseen class",
        with_test_part(table(y="perhaps")),
        "unknown-class",
        "'perhaps'",
        args=WITH_TEST,
    ),
    wrong_data(
        "test part without targets",
        with_test_part(table(y=np.nan)),
        "empty-test-part",
        args=WITH_TEST,
    ),
    wrong_data(
        "test part with words for numbers",
        with_test_part(table(a="much")),
        "ill-typed-column",
        "'a'",
        args=WITH_TEST,
    ),
]

# What the audit refuses: data or protocol that nothing can be learned from.
REFUSED = [
    wrong_data("one row", write_text("a,b,y\n1,2,no\n"), "one-class-target", "--allow"),
    wrong_data(
        "few rows", write_text("a,b,y\n1,2,no\n3,4,yes\n5,7,no\n"), "too-few-rows", "3 rows"
    ),
    wrong_data("one class", write_with(y="no"), "one-class-target", "'no'"),
    wrong_data("all-missing target", write_with(y=""), "all-missing-target", "'y'"),
    wrong_options("too many folds", "--folds 31", "too-many-folds", "31", "60 rows", "--folds"),
    wrong_options(
        "fewer groups than folds", "--groups c", "too-few-groups", "2 groups", "--groups"
    ),
]

OPTIONS = [
    wrong_options(
        "unknown technique",
        "--techniques l2,dropuot",
        "unknown-technique",
        "did you mean 'dropout'?",
    ),
    wrong_options(
        "unknown metric", "--metric acuracy", "unknown-metric", "did you mean 'accuracy'?"
    ),
    wrong_options("metric of the other task", "--metric rmse", "metric-not-for-task", "rmse"),
    wrong_options(
        "strength out of bounds", "--techniques dropout=1.5", "strength-out-of-bounds", "1.5"
    ),
    wrong_options("negative strength", "--techniques l2=-0.1", "strength-out-of-bounds", "-0.1"),
    wrong_options("strength without a number", "--techniques l2=strong", "bad-strength", "strong"),
    wrong_options("malformed recipe", "--techniques l2++dropout", "bad-recipe"),
    wrong_options("unclosed recipe", "--techniques l2(strength=0.1", "bad-recipe"),
    wrong_options(
        "unknown strength",
        "--techniques dropout(rat=0.2)",
        "unknown-strength",
        "did you mean 'rate'?",
    ),
    wrong_options(
        "technique twice in a recipe", "--techniques l2+l2=0.1", "duplicate-technique", "l2"
    ),
    wrong_options("candidate twice", "--techniques l2=0.1,l2=1e-1", "duplicate-candidate", "l2"),
    wrong_options(
        "excluded combination",
        "--techniques l1+elastic_net",
        "excluded-combination",
        "l1",
        "elastic_net",
    ),
    wrong_options(
        "label smoothing of numbers",
        "--techniques label_smoothing",
        "technique-not-for-task",
        "label_smoothing",
        target="z",
    ),
    wrong_options("one fold", "--folds 1", "bad-setting", "at least 2"),
    wrong_options("no folds", "--folds 0", "bad-setting", "at least 2"),
    wrong_options("words for folds", "--folds ten", "usage", "ten"),
    wrong_options("no repeats", "--repeats 0", "usage", "--repeats"),
    wrong_options("no epochs", "--epochs 0", "usage", "--epochs"),
    wrong_options("batches of nothing", "--batch-size 0", "usage", "--batch-size"),
    wrong_options("negative learning rate", "--learning-rate -0.1", "bad-setting", "-0.1"),
    wrong_options("learning rate of nan", "--learning-rate nan", "bad-setting", "nan"),
    wrong_options("negative rope", "--rope -1", "bad-setting", "-1"),
    wrong_options("negative seed", "--seed -1", "usage", "--seed"),
    wrong_options("bad budget", "--budget soon", "bad-budget", "60s"),
    wrong_options("unknown option", "--fold 5", "unknown-option", "did you mean '--folds'?"),
    wrong_options("two data files", "more.csv", "usage", "more.csv"),
    wrong_options(
        "unknown class weight", "--class-weight balance", "unknown-word", "did you mean 'balanced'?"
    ),
    wrong_options(
        "unknown choice for copies", "--duplicates dorp", "unknown-word", "did you mean 'drop'?"
    ),
    wrong_options(
        "class weight of numbers",
        "--class-weight balanced",
        "class-weight-without-classes",
        target="z",
    ),
    wrong_options(
        "unknown code to allow",
        "--allow one-clas-target",
        "unknown-finding",
        "did you mean 'one-class-target'?",
    ),
    wrong_options("no such layers", "--model mlp:64,many", "bad-layers", "mlp:64,32"),
    wrong_options("layer of nothing", "--model mlp:0", "bad-layers", "at least 1"),
    wrong_options("unknown model", "--model resnet", "unknown-model", "module:function"),
    wrong_options("missing model file", "--model net.keras", "no-such-model", "net.keras"),
    wrong_options("missing module", "--model nets:small", "model-not-importable", "nets"),
]

MODELS = [
    wrong_model(
        "function absent",
        "def small(): ...\n",
        "{module}:smal",
        "no-such-function",
        "small",
    ),
    wrong_model(
        "module that fails",
        "raise OSError('no luck')\n",
        "{module}:small",
        "model-function-fails",
        "no luck",
    ),
    wrong_model(
        "function that fails",
        "def small():\n    return 1 / 0\n",
        "{module}:small",
        "model-function-fails",
        "division by zero",
    ),
    wrong_model(
        "function of no model",
        "def small():\n    return 'a model'\n",
        "{module}:small",
        "not-a-model",
        "str",
    ),
    wrong_model(
        "wrong output shape",
        "def small():\n    return keras.Sequential([keras.layers.Dense(7, 'softmax')])\n",
        "{module}:small",
        "model-output-shape",
        "7",
    ),
    wrong_model(
        "wrong input shape",
        "def small():\n    inputs = keras.layers.Input((99,))\n"
        "    return keras.Sequential([inputs, keras.layers.Dense(2, 'softmax')])\n",
        "{module}:small",
        "model-input-shape",
        "99",
    ),
    wrong_data(
        "no keras file",
        lambda path: (write_table(path), path.with_name("net.keras").write_text("no"))[0],
        "not-a-keras-file",
        "net.keras",
        args="--target y --model net.keras",
    ),
    damaged_network("no archive of a network", "not-a-keras-file", "config.json", metadata=b"{}"),
    damaged_network("half a configuration", "not-a-keras-file", "damaged", config=DENSE[:40]),
    damaged_network("configuration in no text", "not-a-keras-file", "damaged", config=b"\xff{"),
    damaged_network("deep configuration", "not-a-keras-file", "damaged", config=b"[" * 100_000),
    damaged_network("no network", "model-not-loadable", config=b"[]", metadata=b"{}"),
    damaged_network(
        "no weights", "model-not-loadable", config=DENSE, metadata=b"{}", weights=b"none"
    ),
    Case("a layer alone", with_a_layer, "not-a-model", ("Dense",)),
    Case("flipped bit", with_a_flipped_bit, "not-a-keras-file", ("damaged", "CRC")),
]


def in_occupied_place(folder: Path) -> list[str]:
    write_table(folder / "data.csv")
    (folder / "results").write_text("mine", encoding="utf-8")
    return ["data.csv", "--target", "y", "--out", "results"]


def below_a_file(folder: Path) -> list[str]:
    return [*in_occupied_place(folder)[:-1], "results/here"]


def without_permission(folder: Path) -> list[str]:
    write_table(folder / "data.csv")
    locked = folder / "locked"
    locked.mkdir(mode=0o500)
    # Nothing is forbidden to root but what the system itself does not do.
    out = "locked/run" if os.geteuid() else "/proc/gengap-run"
    return ["data.csv", "--target", "y", "--out", out]


def with_files_of_the_user(folder: Path) -> list[str]:
    write_table(folder / "data.csv")
    (folder / "model.keras").write_text("mine", encoding="utf-8")
    return ["data.csv", "--target", "y", "--out", "."]


def with_a_database_of_others(folder: Path) -> list[str]:
    import sqlite3

    from gengap.store import FILE_NAME

    write_table(folder / "data.csv")
    (folder / "run").mkdir()
    with sqlite3.connect(folder / "run" / FILE_NAME) as connection:
        connection.execute("CREATE TABLE recipes (cake TEXT)")
    connection.close()
    return ["data.csv", "--target", "y", "--out", "run"]


PLACES = [
    Case("run folder is a file", in_occupied_place, "run-folder", ("results", "--out")),
    Case("run folder below a file", below_a_file, "run-folder", ("results", "--out")),
    Case("run folder not writable", without_permission, "run-folder", ("--out",)),
    Case(
        "run folder with a file of the user",
        with_files_of_the_user,
        "run-folder-taken",
        ("model.keras", "--out"),
    ),
    Case("run folder of another program", with_a_database_of_others, "store-corrupt", ("--out",)),
]


def with_settings(name: str, text: str) -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        write_table(folder / "data.csv")
        (folder / name).write_text(text, encoding="utf-8")
        return ["data.csv", "--target", "y"]

    return make


SETTINGS = [
    Case(
        "unknown settings key",
        with_settings("gengap.toml", "fold = 5\n"),
        "unknown-setting",
        ("did you mean 'folds'?", "gengap.toml"),
    ),
    Case(
        "unknown key in pyproject",
        with_settings("pyproject.toml", "[tool.gengap]\nepoch = 5\n"),
        "unknown-setting",
        ("did you mean 'epochs'?", "pyproject.toml"),
    ),
    Case(
        "broken settings",
        with_settings("gengap.toml", "folds = = 5\n"),
        "bad-settings",
        ("gengap.toml",),
    ),
    Case(
        "wrong setting",
        with_settings("gengap.toml", 'epochs = "many"\n'),
        "usage",
        ("many", "gengap.toml"),
    ),
    Case(
        "number for data in settings",
        with_settings("gengap.toml", "test = 5\n"),
        "file-not-found",
        ("no file 5",),
    ),
    Case(
        "technique in settings",
        with_settings("gengap.toml", 'techniques = ["l3"]\n'),
        "unknown-technique",
        ("l3",),
    ),
]

OTHER_COMMANDS = [
    Case(
        "unknown command",
        lambda folder: [],
        "unknown-command",
        ("did you mean 'compare'?",),
        command="compair",
    ),
    Case(
        "unknown technique to describe",
        lambda folder: ["drop_out"],
        "unknown-technique",
        ("did you mean 'dropout'?",),
        command="techniques",
    ),
]
