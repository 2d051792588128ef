"""Ionic steps of a VASP run, whatever file they are in.

Owns the choice of the reader and of the steps. OUTCAR is never read: it holds fewer digits
and no complete step can be told from a cut one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tm23flows.engines.vasp.chunks import HDF5_MAGIC, first_bytes
from tm23flows.engines.vasp.header import RunHeader, read_header
from tm23flows.engines.vasp.scan import StructureSurpriseError, scan_steps
from tm23flows.engines.vasp.slow_reader import parse_steps
from tm23flows.engines.vasp.steps import VaspStep
from tm23flows.engines.vasp.vaspout import read_h5_header, read_h5_steps
from tm23flows.errors import InputError

__all__ = ["VaspStep", "iter_steps", "read_run_header"]


def iter_steps(
    path: Path, first: int = 1, stride: int = 1, last: int | None = None
) -> Iterator[VaspStep]:
    """Read the steps of a run one by one, in constant memory.

    Parameters
    ----------
    path
        vasprun.xml, plain or compressed with gzip, or vaspout.h5; what it is is seen from
        its content.
    first
        Number of the first step to read; the first in the file has number 1.
    stride
        Read every this many steps.
    last
        Read no step after this one; None reads to the end. What comes after it in the file
        is not looked at.

    Yields
    ------
    The complete steps. A file that was cut, compressed or not, ends with its last complete
    step: that is no error. A file cut before its first step has none.

    Raises
    ------
    InputError
        If the selection is empty by itself, the file is neither of these, or it is damaged;
        the steps before the damage have been yielded then.
    """
    path = Path(path)
    wanted = _selection(first, stride, last)
    if first_bytes(path).startswith(HDF5_MAGIC):
        yield from read_h5_steps(path, wanted)
        return
    done = 0
    try:
        for step in scan_steps(path, wanted):
            yield step
            done = step.number
    except StructureSurpriseError:
        left = wanted[wanted.index(done) + 1 :] if done else wanted
        yield from parse_steps(path, left)


def read_run_header(path: Path) -> RunHeader:
    """Read what a run was asked to do.

    Parameters
    ----------
    path
        vasprun.xml, plain or compressed with gzip, or vaspout.h5.

    Returns
    -------
    The settings of the run.

    Raises
    ------
    InputError
        If the file is neither of these or ends before its header is complete.
    """
    path = Path(path)
    if first_bytes(path).startswith(HDF5_MAGIC):
        return read_h5_header(path)
    return read_header(path)


def _selection(first: int, stride: int, last: int | None) -> range:
    if first < 1 or stride < 1 or (last is not None and last < first):
        raise InputError(
            f"Steps {first} to {last or 'the end'} every {stride} are none; steps count from 1."
        )
    return range(first, sys.maxsize if last is None else last + 1, stride)
