"""Parquet in the column layout of the ColabFit Exchange.

Owns the columns: those of the files ``co/*.parquet`` that ColabFit publishes, as its page
"Parquet File Schema: Configuration" (materials.colabfit.org/docs/configuration_schema) and the
schema of colabfit-tools list them, in float64. ColabFit does not say the sign of
``cauchy_stress``; here it is positive under tension. Our documents are in the two columns of
metadata.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label
from tm23flows.errors import InputError, MissingDependencyError
from tm23flows.store.exchange.records import (
    Pair,
    Wanted,
    document_texts,
    label_checksum,
    rebuild,
)

SUFFIXES = (".parquet",)
EXACT = "every float64, bit by bit"

BATCH = 500
"""Frames in a row group; as many are in memory at once."""

ID_LENGTH = 25
"""Digits of ColabFit's short ids after ``PO_`` and ``CO_``."""

FULL = [0, 5, 4, 5, 1, 3, 4, 3, 2]
"""Places of ASE's six components in the full tensor."""

COLUMNS: dict[str, str] = {
    "property_id": "text",
    "property_hash": "text",
    "last_modified": "time",
    "dataset_id": "text",
    "multiplicity": "integer",
    "software": "text",
    "method": "text",
    "energy": "double",
    "atomic_forces": "table",
    "cauchy_stress": "table",
    "cauchy_stress_volume_normalized": "boolean",
    "electronic_band_gap": "double",
    "electronic_band_gap_type": "text",
    "formation_energy": "double",
    "adsorption_energy": "double",
    "atomization_energy": "double",
    "max_force_norm": "double",
    "mean_force_norm": "double",
    "energy_above_hull": "double",
    "configuration_id": "text",
    "configuration_hash": "text",
    "structure_hash": "text",
    "cell": "table",
    "positions": "table",
    "pbc": "booleans",
    "chemical_formula_hill": "text",
    "chemical_formula_reduced": "text",
    "chemical_formula_anonymous": "text",
    "elements": "texts",
    "elements_ratios": "doubles",
    "atomic_numbers": "integers",
    "nsites": "integer",
    "nelements": "integer",
    "nperiodic_dimensions": "integer",
    "dimension_types": "integers",
    "names": "texts",
    "labels": "texts",
    "configuration_metadata": "text",
    "property_metadata": "text",
}
"""Kind of each column; what we have nothing to say about is null."""


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
            rows = [_row(frame, label, wanted) for frame, label in batch]
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


def _row(frame: Frame, label: Label, wanted: Wanted) -> dict[str, Any]:
    texts = document_texts(frame, label)
    norms = np.linalg.norm(label.forces, axis=1)
    properties = f'{{"tm23_checksum": "{label_checksum(label)}", "tm23_label": {texts[1]}}}'
    return {
        "property_id": f"PO_{label.id[:ID_LENGTH]}",
        "property_hash": label.id,
        "last_modified": label.provenance.created,
        "dataset_id": wanted.dataset_id,
        "multiplicity": 1,
        "software": label.effort.program or label.recipe.engine,
        "method": f"DFT-{label.recipe.xc}" if label.recipe.engine != "emt" else "EMT",
        "energy": label.energies.of(wanted.energy),
        "cauchy_stress_volume_normalized": None if label.stress is None else True,
        "max_force_norm": float(norms.max()),
        "mean_force_norm": float(norms.mean()),
        "configuration_id": f"CO_{label.frame_id[:ID_LENGTH]}",
        "configuration_hash": label.frame_id,
        "structure_hash": label.frame_id,
        "pbc": [True, True, True],
        **_composition(tuple(frame.numbers.tolist())),
        "nperiodic_dimensions": 3,
        "dimension_types": [1, 1, 1],
        "names": [f"{frame.element}-{label.frame_id[:ID_LENGTH]}"],
        "labels": [frame.regime] if frame.regime else [],
        "configuration_metadata": f'{{"tm23_frame": {texts[0]}}}',
        "property_metadata": properties,
    }


@cache
def _composition(numbers: tuple[int, ...]) -> dict[str, Any]:
    from ase import Atoms
    from ase.formula import Formula

    formula = Formula(Atoms(numbers=numbers).get_chemical_formula("hill"))
    counts = dict(sorted(formula.count().items()))
    reduced, _ = formula.reduce()
    return {
        "chemical_formula_hill": str(formula),
        "chemical_formula_reduced": reduced.format("hill"),
        "chemical_formula_anonymous": str(formula.stoichiometry()[0]),
        "elements": list(counts),
        "elements_ratios": [count / len(numbers) for count in counts.values()],
        "atomic_numbers": list(numbers),
        "nsites": len(numbers),
        "nelements": len(counts),
    }


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
