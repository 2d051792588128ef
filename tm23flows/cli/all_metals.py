"""The word ``all``: the 27 metals of TM23, and the folder that ``tm23 build all`` makes.

Owns what is in the folder: a workflow for each metal, so that each is added, paused and deleted by
itself and none is large, and ``index.csv``, which is not there before everything else is.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tm23flows.errors import InputError

if TYPE_CHECKING:
    from jobflow import Flow

    from tm23flows.ops.cost.plan import Plan

ALL = "all"
INDEX = "index.csv"
ENDINGS = ("yaml", "json")
_SUMMED = ("bytes", "jobs", "steps", "frames", "labels")


def named_metals(words: Sequence[str]) -> list[str]:
    """Return what metals are meant.

    Parameters
    ----------
    words
        Chemical symbols, or ``all``.

    Returns
    -------
    Chemical symbols; of ``all`` the 27 of TM23 in the article's order.

    Raises
    ------
    InputError
        If ``all`` is not alone.
    """
    from tm23flows.science.metals import METALS

    if ALL not in words:
        return list(words)
    if len(words) > 1:
        raise InputError(f"'{ALL}' means the {len(METALS)} metals of TM23; leave the others out.")
    return list(METALS)


def write_folder(
    metals: Sequence[str], make: Callable[[str], Flow], folder: Path, name: str, ending: str
) -> list[dict[str, Any]]:
    """Write a workflow for each metal into a folder, and an index of them.

    Parameters
    ----------
    metals
        Chemical symbols.
    make
        Wires the flow of one.
    folder
        The folder; it is made. Files of the same names are replaced.
    name
        What stands behind the metal in the names of the files.
    ending
        Format of the files: ``yaml`` or ``json``.

    Returns
    -------
    The rows of the index.

    Raises
    ------
    InputError
        If the folder or a file cannot be written.
    """
    from tm23flows.cli.execution import save_workflow
    from tm23flows.cli.forecast import read_known
    from tm23flows.ops.workflow_files import write_whole

    index = folder / INDEX
    try:
        folder.mkdir(exist_ok=True)
        index.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"The folder {folder} cannot be made ({error.strerror}); choose another one."
        ) from error
    rows, known = [], read_known()
    for number, metal in enumerate(metals, start=1):
        path = folder / f"{metal}_{name}.{ending}"
        plan, size = save_workflow(make(metal), path, known)
        rows.append(_row(metal, path, plan, size))
        said = f"{path.name}: {plan.fireworks} jobs, {size / 1e6:.2f} MB"
        typer.echo(f"{number}/{len(metals)} {said}", err=True)
    write_whole(index, _as_csv(rows).encode())
    return rows


def sum_line(rows: Sequence[dict[str, Any]], folder: Path) -> str:
    """Say what is in a folder and what to do with it.

    Parameters
    ----------
    rows
        The rows of its index.
    folder
        The folder.

    Returns
    -------
    One line.
    """
    total = {name: sum(row[name] for row in rows) for name in _SUMMED}
    # not those of another scale or engine that are in the folder from before
    same = rows[0]["file"].removeprefix(rows[0]["metal"])
    return (
        f"{total['jobs']} jobs of {len(rows)} metals in {folder} ({total['bytes'] / 1e6:.1f} "
        f"MB): {total['steps']} steps, {total['frames']} frames, {total['labels']} labels; "
        f"next: lpad add {folder}/*{same}"
    )


def _row(metal: str, path: Path, plan: Plan, size: int) -> dict[str, Any]:
    stages = {f"{stage} jobs": count for stage, count in plan.categories.items()}
    return {
        "metal": metal,
        "file": path.name,
        "bytes": size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "jobs": plan.fireworks,
        **stages,
        "steps": plan.aimd_steps,
        "frames": plan.frames,
        "labels": plan.labels,
        "largest document bytes": plan.largest_document_bytes,
    }


def _as_csv(rows: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO()
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, columns, restval=0, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
