"""Parquet in the column layout of the ColabFit Exchange, in float64.

Owns writing and reading of the file; the columns are :mod:`tm23flows.store.exchange.colabfit`.
Our documents are in its two columns of metadata.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from tm23flows.errors import InputError, MissingDependencyError
from tm23flows.store.exchange.colabfit import COLUMNS, colabfit_row
from tm23flows.store.exchange.records import (
    Pair,
    Wanted,
    rebuild,
)

SUFFIXES = (".parquet",)
EXACT = "every float64, bit by bit"
NAMES = {"forces": "atomic_forces", "stress": "cauchy_stress"}

BATCH = 500
"""Frames in a row group; as many are in memory at once."""

FULL = [0, 5, 4, 5, 1, 3, 4, 3, 2]
"""Places of ASE's six components in the full tensor."""


def write(path: Path, pairs: Iterable[Pair], wanted: Wanted) -> None:
    """Write frames with their labels.

    Parameters
    ----------
    path
        File to write.
    pairs
        Frames and labels of them.
    wanted
        Which energy becomes ``energy``, and the id of the dataset.

    Raises
    ------
    InputError
        If a label lacks that energy.
    MissingDependencyError
        If pyarrow is not installed.
    """
    pa, parquet = _libraries()
    schema = _schema(pa)
    left = iter(pairs)
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        while batch := list(islice(left, BATCH)):
            rows = [colabfit_row(frame, label, wanted) for frame, label in batch]
            columns = {
                name: pa.array([row.get(name) for row in rows], schema.field(name).type)
                for name in COLUMNS
                if COLUMNS[name] != "table"
            }
            for name, tables in _tables(batch).items():
                columns[name] = _list_array(pa, tables)
            writer.write_table(pa.table([columns[name] for name in COLUMNS], schema=schema))


def read(path: Path) -> Iterator[Pair]:
    """Read frames with their labels from a file that :func:`write` made.

    Parameters
    ----------
    path
        The file.

    Yields
    ------
    Frames and labels, equal to the ones that were written.

    Raises
    ------
    InputError
        If the file cannot be read, was not written by us, or was changed since.
    MissingDependencyError
        If pyarrow is not installed.
    """
    pa, parquet = _libraries()
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            if not set(COLUMNS) <= set(file.schema_arrow.names):
                raise InputError(f"{path.name} was not written by 'tm23 export'.")
            for batch in file.iter_batches(BATCH):
                for pair in _batch(path.name, batch, number):
                    number += 1
                    yield pair
    except (pa.ArrowException, OSError, KeyError) as error:
        raise InputError(f"{path.name} is not a readable Parquet file: {error}.") from error


def _libraries() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingDependencyError(
            "Parquet needs pyarrow; install it with: pip install 'tm23flows[exchange]'."
        ) from error
    return pa, parquet


def _schema(pa: Any) -> Any:
    kinds = {
        "text": pa.string(),
        "texts": pa.list_(pa.string()),
        "time": pa.timestamp("ms"),
        "integer": pa.int32(),
        "integers": pa.list_(pa.int32()),
        "double": pa.float64(),
        "doubles": pa.list_(pa.float64()),
        "table": pa.list_(pa.list_(pa.float64())),
        "boolean": pa.bool_(),
        "booleans": pa.list_(pa.bool_()),
    }
    return pa.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])


def _tables(batch: list[Pair]) -> dict[str, list[np.ndarray | None]]:
    return {
        "cell": [frame.cell for frame, _ in batch],
        "positions": [frame.positions for frame, _ in batch],
        "atomic_forces": [label.forces for _, label in batch],
        "cauchy_stress": [
            None if label.stress is None else label.stress[FULL].reshape(3, 3) for _, label in batch
        ],
    }


def _list_array(pa: Any, tables: list[np.ndarray | None]) -> Any:
    """Make a column of tables with three columns without a Python object for each number."""
    there = [table for table in tables if table is not None]
    flat = np.concatenate(there).ravel() if there else np.empty(0)
    rows = pa.ListArray.from_arrays(np.arange(0, len(flat) + 1, 3, dtype=np.int32), pa.array(flat))
    lengths = np.cumsum([0, *(0 if table is None else len(table) for table in tables)])
    nulls = pa.array([table is None for table in tables])
    offsets = pa.array(lengths, pa.int32())
    return pa.ListArray.from_arrays(offsets, rows, mask=nulls)


def _batch(name: str, batch: Any, n_before: int) -> Iterator[Pair]:
    columns = {key: batch.column(key) for key in COLUMNS}
    for i in range(batch.num_rows):
        where = f"Frame {n_before + i + 1} of {name}"
        try:
            frame_text = json.loads(columns["configuration_metadata"][i].as_py())["tm23_frame"]
            properties = json.loads(columns["property_metadata"][i].as_py())
            texts = (frame_text, properties["tm23_label"])
            checksum = properties["tm23_checksum"]
        except (TypeError, KeyError, ValueError):
            raise InputError(f"{where} was not written by 'tm23 export'.") from None
        stress = _table(columns["cauchy_stress"][i])
        arrays = {
            "numbers": columns["atomic_numbers"][i].values.to_numpy().astype("<i8"),
            "cell": _table(columns["cell"][i]),
            "positions": _table(columns["positions"][i]),
            "forces": _table(columns["atomic_forces"][i]),
            "stress": None if stress is None else stress.ravel()[[0, 4, 8, 5, 2, 1]],
        }
        yield rebuild(where, texts, arrays, columns["energy"][i].as_py(), checksum)


def _table(scalar: Any) -> np.ndarray | None:
    return None if scalar.values is None else scalar.values.flatten().to_numpy().reshape(-1, 3)
