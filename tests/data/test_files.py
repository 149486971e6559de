"""Reading text files, Parquet and archives: what works, and what is said where it does not."""

from __future__ import annotations

import gzip
import pickle

import pandas as pd
import pytest

from gengap.data.load import load
from gengap.errors import UserError

GOOD = "a,b,y\n1,x,u\n2,z,v\n"


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


WAYS = {
    "plain.csv": GOOD,
    "marked.csv": b"\xef\xbb\xbf" + GOOD.encode(),
    "windows.csv": GOOD.replace("\n", "\r\n"),
    "old-mac.csv": GOOD.replace("\n", "\r"),
    "unended.csv": GOOD.rstrip(),
    "blank-lines.csv": "\n\n" + GOOD.replace("\n", "\n\n"),
    "spaced.csv": "a, b ,y\n 1, x , u\n2,z ,v \n",
    "quoted.csv": '"a","b","y"\n"1","x","u"\n2, "z","v"\n',
    "semicolons.csv": GOOD.replace(",", ";"),
    "tabs.csv": GOOD.replace(",", "\t"),
    "plain.tsv": GOOD.replace(",", "\t"),
    "packed.csv.gz": gzip.compress(GOOD.encode()),
    "packed.TSV.GZ": gzip.compress(GOOD.replace(",", "\t").encode()),
}


@pytest.mark.parametrize("name", WAYS)
def test_a_table_reads_the_same_in_every_way_of_writing_it(tmp_path, name):
    dataset = load(written(tmp_path, name, WAYS[name]), target="y")
    assert dataset.name == name.split(".")[0]
    assert [column.name for column in dataset.columns] == ["a", "b"]
    assert dataset.rows.features["a"].tolist() == [1.0, 2.0]
    assert dataset.rows.features["b"].tolist() == ["x", "z"]
    assert dataset.classes == ("u", "v")


def test_parquet_reads_like_text(tmp_path):
    path = tmp_path / "plain.parquet"
    pd.DataFrame({"a": [1, 2], "b": ["x", "z"], "y": ["u", "v"]}).to_parquet(path)
    text = load(written(tmp_path, "plain.csv", GOOD), target="y")
    assert load(path, target="y").fingerprint == text.fingerprint


def test_another_separator_is_noted(tmp_path):
    dataset = load(written(tmp_path, "a.csv", WAYS["semicolons.csv"]), target="y")
    assert dataset.notes == ("a.csv is separated by semicolons, not by commas",)


def test_numbers_between_semicolons_may_have_a_decimal_comma(tmp_path):
    path = written(tmp_path, "a.csv", "a;w;y\n1,5;x;-0,5\n2;z;1,25\n")
    dataset = load(path, target="y")
    assert dataset.rows.features["a"].tolist() == [1.5, 2.0]
    assert dataset.rows.target.tolist() == [-0.5, 1.25]
    assert any("decimal comma" in note for note in dataset.notes)
    assert load(path, target="y", test=path).test.target.tolist() == [-0.5, 1.25]


def test_words_for_no_value_in_the_target_are_named(tmp_path):
    dataset = load(written(tmp_path, "a.csv", "a,y\n1,mild\n2,None\n3,severe\n"), target="y")
    assert dataset.classes == ("mild", "severe")
    assert "'None' means no value" in dataset.notes[0]


def test_text_may_hold_separators_lines_and_very_long_cells(tmp_path):
    long = "w" * 200_000
    path = written(tmp_path, "a.csv", f'a,y\n"p, q",u\n"two\nlines",v\n{long},u\n')
    assert load(path, target="y").rows.features["a"].tolist() == ["p, q", "two\nlines", long]


def test_a_nameless_column_gets_a_name_and_a_note(tmp_path):
    dataset = load(written(tmp_path, "a.csv", ",b,y\n0,1,u\n1,2,v\n"), target="y")
    assert [column.name for column in dataset.columns] == ["column 1", "b"]
    assert "column 1" in dataset.notes[0]


def test_missing_cells_at_the_end_of_a_row_are_not_short_rows(tmp_path):
    dataset = load(written(tmp_path, "a.csv", "y,a,b\nu,1,\nv,2,3\n"), target="y")
    assert dataset.columns[1].missing == 1


def test_class_and_group_names_are_kept_as_they_are_written(tmp_path):
    path = written(tmp_path, "a.csv", "a,g,y\n1,01,0x\n2,1,1x\n3,1,0x\n")
    dataset = load(path, target="y", groups="g")
    assert dataset.classes == ("0x", "1x")
    assert dataset.rows.groups.tolist() == [0, 1, 1]


BAD = {
    "nothing": ("a.csv", "", "empty-file", "is empty"),
    "blank": ("a.csv", "\n \n", "empty-file", "blank lines"),
    "packed nothing": ("a.csv.gz", gzip.compress(b""), "empty-file", "holds nothing"),
    "only a header": ("a.csv", "a,y\n", "no-rows", "no rows"),
    "one column": ("a.csv", "y\nu\nv\n", "one-column", "besides 'y'"),
    "a name twice": ("a.csv", "a,a,y\n1,2,u\n", "duplicate-columns", "named 'a'"),
    "a long row": ("a.csv", "a,y\n1,u\n1,2,u\n", "ragged-rows", "3 cells in line 3"),
    "a row without its target": ("a.csv", "a,y\n1,u\n2\n", "ragged-rows", "1 cell in line 3"),
    "a short row": ("a.csv", "a,b,y\n1,2,u\n1,2\n", "ragged-rows", "2 cells in line 3"),
    "all rows long": ("a.csv", "a,y\n1,u,3\n2,v,4\n", "ragged-rows", "3 cells in line 2"),
    "an open quote": ("a.csv", 'a,y\n1,"u\n2,v\n', "unclosed-quote", "never closed"),
    "Latin": ("a.csv", "a,y\n1,é\n".encode("latin-1"), "wrong-encoding", r"byte 6 \(0xe9\)"),
    "late Latin": (
        "a.csv",
        b"a,y\n" + b"1,u\n" * 300_000 + b"\xe9,v\n",
        "wrong-encoding",
        r"byte 1200004 \(0xe9\)",
    ),
    "UTF-16": ("a.csv", "a,y\n1,u\n".encode("utf-16"), "wrong-encoding", "UTF-16"),
    "random bytes": ("a.csv", bytes(range(256)) * 8, "not-a-table", "binary"),
    "a spreadsheet": ("a.csv", b"PK\x03\x04...", "not-a-table", "spreadsheet"),
    "gzip by another name": ("a.csv", gzip.compress(GOOD.encode()), "not-a-table", "gzipped"),
    "NUL in a cell": ("a.csv", b"a,y\n" + b"1,u\n" * 2000 + b"\0,v\n", "binary-cells", "NUL"),
    "no gzip": ("a.csv.gz", GOOD, "damaged-file", "gzip"),
    "half a gzip": (
        "a.csv.gz",
        gzip.compress(b"a,y\n" + b"1,u\n" * 100_000)[:200],
        "damaged-file",
        "gzip",
    ),
    "infinite": ("a.csv", "a,y\n1,u\ninf,v\n", "infinite-values", "column 'a' .* row 2"),
    "too large": ("a.csv", "a,y\n1,u\n-1e999,v\n", "infinite-values", "column 'a' .* row 2"),
    "no Parquet": ("a.parquet", GOOD, "damaged-file", "Parquet"),
    "another format": ("a.xlsx", b"PK\x03\x04", "unknown-format", "ending"),
    "a pickle": ("a.npz", pickle.dumps({"x": [1]}), "not-an-archive", "pickle"),
    "half an archive": ("a.npz", b"PK\x03\x04" + b"1" * 100, "damaged-file", "damaged"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_one_clear_error_with_a_hint(tmp_path, case):
    name, content, code, message = BAD[case]
    path = written(tmp_path, name, content)
    with pytest.raises(UserError, match=message) as caught:
        load(path, target=None if name.endswith(".npz") else "y")
    assert caught.value.code == code
    assert caught.value.hint
    assert "\n" not in caught.value.message


def test_lists_in_parquet_cells_are_refused(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"a": [[1], [2]], "y": ["u", "v"]}).to_parquet(path)
    with pytest.raises(UserError) as caught:
        load(path, target="y")
    assert caught.value.code == "nested-cells"


def test_an_index_in_parquet_is_left_out_with_a_note(tmp_path):
    path = tmp_path / "a.parquet"
    table = pd.DataFrame({"id": ["p", "q"], "a": [1, 2], "y": ["u", "v"]}).set_index("id")
    table.to_parquet(path)
    dataset = load(path, target="y")
    assert [column.name for column in dataset.columns] == ["a"]
    assert "(id)" in dataset.notes[0]


def test_a_file_that_is_not_there_is_answered_with_its_neighbours(tmp_path):
    written(tmp_path, "wine.csv", GOOD)
    with pytest.raises(UserError, match="there is no file") as caught:
        load(tmp_path / "wiine.csv", target="y")
    assert caught.value.code == "file-not-found"
    assert "did you mean 'wine.csv'" in caught.value.hint
    with pytest.raises(UserError, match=r"the folder .* does not exist") as caught:
        load(tmp_path / "nowhere" / "wine.csv", target="y")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError) as caught:
        load(tmp_path / "empty" / "wine.csv", target="y")
    assert "there are no data files" in caught.value.hint


@pytest.mark.parametrize("name", ["", "a\0b.csv"])
def test_what_cannot_name_a_file(name):
    with pytest.raises(UserError) as caught:
        load(name, target="y")
    assert caught.value.code == "file-not-found"


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(UserError) as caught:
        load(tmp_path, target="y")
    assert caught.value.code == "is-a-directory"


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = written(tmp_path, "a.csv", GOOD)

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(UserError, match="Permission denied") as caught:
        load(path, target="y")
    assert caught.value.code == "file-not-readable"
