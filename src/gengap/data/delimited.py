"""Read CSV and TSV files."""

from __future__ import annotations

import csv
import gzip
import io
import re
import warnings
import zlib
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gengap.data.cells import missing_spellings
from gengap.data.paths import format_of
from gengap.errors import UserError

__all__ = ["dialect_of", "read_delimited"]

# Cells longer than the csv module's default limit (128 KiB) are texts, not faults.
_LONGEST_CELL = 2**27
# Control characters that no text holds; tabs, line and page ends, and the end mark of DOS it may.
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x19\x1b-\x1f]")

# Characters after the header that show how the numbers are written.
_SAMPLE = 2**16
_COMMA_NUMBER = r"[+-]?\d+,\d+"
_DECIMAL_COMMA = r"^\s*([+-]?\d+),(\d+)\s*$"


@dataclass(frozen=True)
class _Way:
    """How a file is written: the names of its columns, separator and decimal point."""

    header: list[str]
    separator: str
    decimal: str


def read_delimited(
    path: Path, *, text: Collection[str] | None = ()
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Read a CSV or TSV file, gzipped or not, in UTF-8, with a header.

    Numbers are parsed while reading; everything else stays text.

    Parameters
    ----------
    path : Path
        An existing file.
    text : collection of str, optional
        Columns that are kept as they are written (``01`` is not ``1``); None for all.

    Returns
    -------
    table : DataFrame (n, columns)
    notes : tuple of str

    Raises
    ------
    UserError
        ``not-a-table``, ``wrong-encoding``, ``damaged-file``, ``duplicate-columns``,
        ``ragged-rows``, ``unclosed-quote`` or ``no-rows``.
    """
    with _faults(path):
        _check_text(path)
        way, notes = _way(path)
        header, kept = way.header, [name for name in way.header if text is None or name in text]
        table = _read(path, way, kept)
    if table.empty:
        raise UserError(
            "no-rows", f"{path.name} has a header and no rows", "check how the file was written"
        )
    last = table[header[-1]]
    if len(header) > 1 and (last.isna().any() or last.eq("").any()):
        # The parser fills short rows up with missing cells, without a word.
        _check_widths(path, way)
    if way.decimal == ",":
        for name in kept:
            table[name] = table[name].str.replace(_DECIMAL_COMMA, r"\1.\2", regex=True)
    return table, notes


def dialect_of(path: Path) -> tuple[list[str], str, str]:
    """Return how a CSV or TSV file is written.

    Parameters
    ----------
    path : Path
        A file that `read_delimited` reads.

    Returns
    -------
    header : list of str
        Names of the columns.
    separator : str
    decimal : str
        The decimal point or comma.
    """
    way, _ = _way(path)
    return way.header, way.separator, way.decimal


def _read(path: Path, way: _Way, kept: Collection[str]) -> pd.DataFrame:
    spellings = missing_spellings()
    try:
        with _open(path) as stream, warnings.catch_warnings():
            # Rows that are longer than the header by the same number of cells only get a warning.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                stream,
                sep=way.separator,
                decimal=way.decimal,
                header=0,
                names=way.header,
                index_col=False,
                dtype=dict.fromkeys(kept, str),
                keep_default_na=False,
                na_values={name: spellings for name in way.header if name not in kept},
                skipinitialspace=True,
                low_memory=False,
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        if "EOF inside string" in str(error):
            raise UserError(
                "unclosed-quote",
                f'{path.name} has a quotation mark (") that is opened and never closed',
                'close it; a mark inside quoted text is written twice ("")',
            ) from error
        _check_widths(path, way)
        raise UserError(
            "not-a-table",
            f"{path.name} cannot be read as a table: {error}",
            "save it as CSV in UTF-8",
        ) from error


def _way(path: Path) -> tuple[_Way, tuple[str, ...]]:
    with _open(path) as stream:
        first = next((line for line in stream if line.strip()), "")
        start = stream.read(_SAMPLE)
    if not first:
        raise UserError(
            "empty-file",
            f"{path.name} holds nothing but blank lines",
            "check how the file was written",
        )
    separator, decimal, notes = ("\t" if ".tsv" in format_of(path) else ","), ".", []
    if separator == "," and "," not in first and (other := re.search(r"[;\t]", first)):
        separator = other[0]
        found = "semicolons" if separator == ";" else "tabs"
        notes.append(f"{path.name} is separated by {found}, not by commas")
        if re.search(rf"(^|[;\t])\s*{_COMMA_NUMBER}\s*($|[;\t])", start, re.MULTILINE):
            decimal = ","
            notes.append(f"numbers in {path.name} are read with a decimal comma")
    with _open(path) as stream:
        rows = csv.reader(stream, delimiter=separator, skipinitialspace=True)
        cells = [cell.strip() for cell in next(row for row in rows if len(row) > 1 or any(row))]
    header = [cell or f"column {place}" for place, cell in enumerate(cells, 1)]
    unnamed = [name for name, cell in zip(header, cells, strict=True) if not cell]
    if unnamed:
        notes.append(f"{path.name} has columns without a name, called {', '.join(unnamed)}")
    repeated = [name for name, count in Counter(header).items() if count > 1]
    if repeated:
        listed = ", ".join(repr(name) for name in repeated[:5])
        raise UserError(
            "duplicate-columns",
            f"{path.name} has several columns named {listed}",
            "give every column a name of its own",
        )
    return _Way(header, separator, decimal), tuple(notes)


def _check_widths(path: Path, way: _Way) -> None:
    header = way.header
    with _open(path) as stream:
        rows = csv.reader(stream, delimiter=way.separator, skipinitialspace=True)
        widths = ((rows.line_num, len(cells)) for cells in rows)
        wrong = [(line, width) for line, width in widths if width not in (0, len(header))]
    if wrong:
        line, width = wrong[0]
        cells = "1 cell" if width == 1 else f"{width} cells"
        lines = "1 such line" if len(wrong) == 1 else f"{len(wrong)} such lines"
        raise UserError(
            "ragged-rows",
            f"{path.name} has {len(header)} columns in its header and {cells} in line {line} "
            f"({lines})",
            "give every row as many cells as the header; put text that holds the separator into "
            'quotation marks (")',
        )


@contextmanager
def _open(path: Path) -> Iterator[io.TextIOWrapper]:
    csv.field_size_limit(_LONGEST_CELL)
    with _open_bytes(path) as stream:
        yield io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")


def _open_bytes(path: Path) -> gzip.GzipFile | io.BufferedReader:
    return gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb")


def _check_text(path: Path) -> None:
    with _open_bytes(path) as stream:
        start = stream.read(4096)
    if not start:
        raise UserError(
            "empty-file", f"{path.name} holds nothing", "check how the file was written"
        )
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise _wrong_encoding(path, 0, "UTF-16", "it begins with the mark of UTF-16")
    if _BINARY.search(start) or start[:4] == b"PK\x03\x04":
        kind = {b"PK": "a zip archive or a spreadsheet", b"\x1f\x8b": "gzipped"}.get(start[:2])
        raise UserError(
            "not-a-table",
            f"{path.name} holds binary data, not text" + (f": it is {kind}" if kind else ""),
            "save it as CSV in UTF-8"
            + ("; name gzipped files .csv.gz" if kind == "gzipped" else ""),
        )


@contextmanager
def _faults(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        position, byte = _first_wrong_byte(path)
        seen = f"byte {position} (0x{byte:02x}) is no UTF-8"
        raise _wrong_encoding(path, position, "WINDOWS-1252", seen) from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(
            "damaged-file",
            f"{path.name} is no intact gzip file: {error}",
            "write or fetch it again; without compression its name ends in .csv or .tsv",
        ) from error
    except csv.Error as error:
        raise UserError(
            "not-a-table",
            f"{path.name} cannot be read as a table: {error}",
            "save it as CSV in UTF-8",
        ) from error


def _wrong_encoding(path: Path, position: int, encoding: str, seen: str) -> UserError:
    return UserError(
        "wrong-encoding",
        f"{path.name} is not UTF-8: {seen}",
        f"convert it, such as by `iconv -f {encoding} -t UTF-8 {path.name} > utf8.csv`",
    )


def _first_wrong_byte(path: Path) -> tuple[int, int]:
    with _open_bytes(path) as stream:
        content = stream.read()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start, content[error.start]
    return 0, content[0]
