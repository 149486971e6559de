"""Read Parquet files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa

from gengap.errors import UserError

__all__ = ["read_parquet"]


def read_parquet(path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Read a Parquet file; its column types are kept, its index is not.

    Parameters
    ----------
    path : Path
        An existing file.

    Returns
    -------
    table : DataFrame (n, columns)
    notes : tuple of str

    Raises
    ------
    UserError
        ``damaged-file`` or ``no-rows``.
    """
    try:
        table = pd.read_parquet(path, engine="pyarrow")
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UserError(
            "damaged-file",
            f"{path.name} cannot be read as Parquet: {str(error).splitlines()[0]}",
            "write it again; files of comma-separated text end in .csv",
        ) from error
    if table.empty:
        raise UserError(
            "no-rows", f"{path.name} has no rows or no columns", "check how it was written"
        )
    notes: tuple[str, ...] = ()
    if any(name is not None for name in table.index.names):
        named = ", ".join(str(name) for name in table.index.names)
        notes = (f"the index of {path.name} ({named}) is no column and was left out",)
    return table.reset_index(drop=True), notes
