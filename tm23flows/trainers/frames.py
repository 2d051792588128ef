"""The frames that go into a trainer and the arrays that come out.

Owns the checks that no trainer may be spared (enough frames, complete and finite
labels, periodic cells) and the one file format that passes between this package
and a worker: numpy's npz with flat float64 arrays, without pickle. Does not know
where frames come from.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
from ase import Atoms
from ase.io import read
from ase.io.extxyz import XYZError

from tm23flows.errors import InputError
from tm23flows.trainers.base import Predictions


def read_geometries(path: Path) -> list[Atoms]:
    """Read the frames of an extended XYZ file.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    At least one frame; each is periodic and has finite positions.

    Raises
    ------
    InputError
        If there is no such file, or a frame in it cannot be used.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}: write the frames of the dataset there first.")
    try:
        frames = read(path, index=":", format="extxyz")
    except (XYZError, ValueError, KeyError, OSError) as error:
        raise InputError(f"{path} is not a readable extended XYZ file ({error}).") from error
    if not frames:
        raise InputError(f"{path} holds no frame: export the dataset again.")
    for number, atoms in enumerate(frames, start=1):
        check_geometry(atoms, f"Frame {number} of {path.name}")
    return frames


def read_labelled(path: Path, minimum: int) -> list[Atoms]:
    """Read frames with their labels.

    Parameters
    ----------
    path
        Extended XYZ file with the keys energy (eV), forces (eV/A) and stress (eV/A^3).
    minimum
        Number of frames that the trainer needs.

    Returns
    -------
    The frames; each has a finite energy, finite forces and a finite stress.

    Raises
    ------
    InputError
        If there are too few frames, or a label is missing or not finite.
    """
    frames = read_geometries(path)
    if len(frames) < minimum:
        raise InputError(
            f"{path} holds {len(frames)} frame(s), and training needs at least {minimum}: "
            f"use a larger dataset."
        )
    for number, atoms in enumerate(frames, start=1):
        _check_labels(atoms, f"Frame {number} of {path.name}")
    return frames


def check_geometry(atoms: Atoms, where: str) -> None:
    """Refuse atoms that no model here is made for.

    Parameters
    ----------
    atoms
        The atoms.
    where
        What to call them in the message.

    Raises
    ------
    InputError
        If they are not periodic in three directions, or not finite.
    """
    if not atoms.pbc.all() or atoms.cell.rank < 3:
        raise InputError(f"{where} is not periodic in three directions: set its cell and pbc.")
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        raise InputError(f"{where} has NaN or infinite positions: correct or remove it.")


def _check_labels(atoms: Atoms, where: str) -> None:
    results = {} if atoms.calc is None else atoms.calc.results
    for key in ("energy", "forces", "stress"):
        if key not in results:
            raise InputError(f"{where} has no label '{key}': label it before training.")
        if not np.isfinite(results[key]).all():
            raise InputError(
                f"{where} has NaN or infinite values in its label '{key}': "
                f"remove it from the dataset."
            )


def write_frames(path: Path | BinaryIO, frames: list[Atoms], labels: bool) -> None:
    """Write frames for a worker.

    Parameters
    ----------
    path
        The npz file, or a stream.
    frames
        The frames.
    labels
        Whether to write their energies (eV), forces (eV/A) and stresses (eV/A^3) too.
    """
    arrays = {
        "counts": np.array([len(atoms) for atoms in frames]),
        "numbers": np.concatenate([atoms.numbers for atoms in frames]),
        "positions": np.concatenate([atoms.positions for atoms in frames]),
        "cells": np.array([atoms.cell.array for atoms in frames]),
    }
    if labels:
        arrays["energies"] = np.array([atoms.get_potential_energy() for atoms in frames])
        arrays["forces"] = np.concatenate(
            [atoms.get_forces(apply_constraint=False) for atoms in frames]
        )
        arrays["stresses"] = np.array(
            [atoms.get_stress(voigt=True, apply_constraint=False) for atoms in frames]
        )
    np.savez(path, **arrays)


def read_predictions(path: Path | BinaryIO, frames: list[Atoms]) -> Predictions:
    """Read what a worker predicted.

    Parameters
    ----------
    path
        The npz file, or a stream.
    frames
        The frames that were given to it.

    Returns
    -------
    The predictions; what the worker says of frames that failed is in ``failures``.
    """
    ends = np.cumsum([len(atoms) for atoms in frames])[:-1]
    with np.load(path, allow_pickle=False) as arrays:
        spread, failed = arrays.get("uncertainties"), arrays.get("failures")
        return Predictions(
            energies=arrays["energies"],
            forces=tuple(np.split(arrays["forces"], ends)),
            stresses=arrays.get("stresses"),
            uncertainties=None if spread is None else tuple(np.split(spread, ends)),
            failures={} if failed is None else {i: str(why) for i, why in enumerate(failed) if why},
        )


def check_elements(frames: list[Atoms], known: list[int] | None) -> None:
    """Refuse frames with an element that the model has never seen.

    Parameters
    ----------
    frames
        The frames.
    known
        Atomic numbers of the model; None where they are not known, and it has to say itself.

    Raises
    ------
    InputError
        If a frame has another element.
    """
    for number, atoms in enumerate(frames, start=1):
        strange = [] if known is None else sorted(set(atoms.numbers.tolist()) - set(known))
        if strange:
            raise InputError(
                f"Frame {number} has atomic number {strange[0]}, and this model was trained on "
                f"{known}: choose a model of that element."
            )
