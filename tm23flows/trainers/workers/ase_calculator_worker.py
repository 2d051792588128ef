"""Runs a calculator of ASE that others wrote: ``python ase_calculator_worker.py request.json``.

Runs in whichever interpreter has it; imports numpy and ASE only. Owns its loading (it must be
what was registered), one calculation, and the check of what comes back: what a calculator raises
or returns wrongly is said of that frame, and the next one is computed with a calculator made
anew. Deaths and endless calculations are the business of who asks.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import sys
import traceback
import typing
from importlib import metadata
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from worker_io import RequestError, answer, read_frames, versions

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType, TracebackType

    import numpy as np
    from ase import Atoms

FILE = "$file"
ABSURD = 1e100
"""Numbers from here on are no physics, and their squares no numbers."""

LIBRARIES = ("ase", "numpy", "scipy", "torch", "jax", "tensorflow")
"""What a calculator may stand on; named with its versions where it is installed."""


class Told:
    """Keeps the reason of what a block raised, and writes the traceback to the log.

    Nobody knows what the code of others raises. What is no ``Exception`` passes.
    """

    def __init__(self) -> None:
        self.reason = ""

    def __enter__(self) -> typing.Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if kind is None or not isinstance(error, Exception):
            return False
        # not at the start of a line: that is where the reason of a worker's end is looked for
        text = "".join(traceback.format_exception(kind, error, trace))
        print("".join(f"| {line}\n" for line in text.splitlines()), flush=True)
        said = error.message if isinstance(error, RequestError) else f"{kind.__name__}: {error}"
        self.reason = " ".join(said.split())[:300].rstrip(": ")
        return True


def load(folder: Path) -> Any:
    """Make the calculator of a model.

    Parameters
    ----------
    folder
        Folder with ``calculator.json`` and the files that its kwargs name.

    Returns
    -------
    The calculator.

    Raises
    ------
    RequestError
        If it cannot be imported, is not what was registered, or does not take its kwargs.
    """
    about = json.loads((folder / "calculator.json").read_text())
    module, maker = find(about["calculator"])
    _check_unchanged(about, module)
    with Told() as told:
        return maker(**_with_files(about["kwargs"], folder))
    raise RequestError(
        "input", f"{about['calculator']} cannot be made with these kwargs ({told.reason})."
    )


def find(name: str) -> tuple[ModuleType, Callable[..., Any]]:
    """Find what makes a calculator.

    Parameters
    ----------
    name
        Such as ``ase.calculators.emt:EMT``, or a method of such a class that makes one.

    Returns
    -------
    The module that it is written in, and itself.

    Raises
    ------
    RequestError
        If there is no such thing, or it makes no calculators.
    """
    module_name, _, path = name.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
    except ImportError as error:
        raise RequestError("library", str(error)) from error
    owners = []
    for part in path.split("."):
        owners.append(found)
        if not hasattr(found, part):
            raise RequestError("input", f"The module {module_name} has no '{path}'.")
        found = getattr(found, part)
    # a class, a method of one, or a function that says what it makes
    written = owners[-1] if _is_calculator(owners[-1]) else found
    if not any(_is_calculator(one) for one in (written, _returned(found))):
        raise RequestError(
            "input",
            f"{name} is no calculator of ASE: name a class that is one, or a function whose "
            "return annotation says that it makes one.",
        )
    return sys.modules[written.__module__], found


def _is_calculator(one: Any) -> bool:
    from ase.calculators.abc import GetPropertiesMixin

    return isinstance(one, type) and issubclass(one, GetPropertiesMixin)


def _returned(one: Any) -> Any:
    """What a function says that it returns: a stored model must not name any function at all."""
    if isinstance(one, type) or not callable(one):
        return None
    try:
        return typing.get_type_hints(one).get("return")
    except (NameError, TypeError):
        return None


def _check_unchanged(about: dict[str, Any], module: ModuleType) -> None:
    for name, version in (about.get("package") or {}).items():
        here = versions(name).get(name)
        if here != version:
            raise RequestError(
                "unsupported",
                f"The calculator was registered with {name} {version} and {sys.executable} has "
                f"{here or 'none'}: use an interpreter with that version, or register it again "
                "with 'tm23 bench', as another model.",
            )
    if about.get("source") not in (None, _sha256_of(module)):
        raise RequestError(
            "unsupported",
            f"The module {module.__name__} is not the one that the calculator was registered "
            "with (its sha256 differs): register it again with 'tm23 bench', as another model.",
        )


def _sha256_of(module: ModuleType) -> str | None:
    path = getattr(module, "__file__", None)
    return None if path is None else hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _with_files(value: Any, folder: Path) -> Any:
    """Put the places of the model's files where the kwargs name them."""
    if isinstance(value, dict):
        if set(value) == {FILE}:
            return str(folder / value[FILE])
        return {key: _with_files(one, folder) for key, one in value.items()}
    return [_with_files(one, folder) for one in value] if isinstance(value, list) else value


def describe(request: dict[str, Any]) -> dict[str, Any]:
    """Make the calculator once, and say what it comes from.

    Parameters
    ----------
    request
        Folder ``model``.

    Returns
    -------
    ``package``, versions of what is installed under the name of its module; ``source``, sha256
    of the module that it is written in; ``versions``, also of what it may stand on.
    """
    folder = Path(request["model"])
    load(folder)
    name = json.loads((folder / "calculator.json").read_text())["calculator"]
    module, _ = find(name)
    top = name.partition(":")[0].partition(".")[0]
    names = sorted(set(metadata.packages_distributions().get(top, [])))
    package = {one: metadata.version(one) for one in names}
    return {
        "package": package,
        "source": _sha256_of(module),
        "versions": {**versions(*LIBRARIES), **package},
    }


def serve(request: dict[str, Any]) -> dict[str, Any]:
    """Answer every message, which is one frame as npz, with its prediction as npz.

    Parameters
    ----------
    request
        Folder ``model`` and file descriptor ``channel``.

    Returns
    -------
    The number of ``calculations`` done. A frame that failed has numbers that are nan, and its
    reason in ``failures``.
    """
    connection, folder = Connection(request["channel"]), Path(request["model"])
    calculator = load(folder)
    connection.send_bytes(b"ready")
    done = 0
    while True:
        try:
            (atoms,) = read_frames(io.BytesIO(connection.recv_bytes()))
        except EOFError:
            return {"calculations": done}
        arrays, reason = None, Told()
        with reason:
            arrays = measure(calculator, atoms)
        found = io.BytesIO()
        _write(found, arrays, len(atoms), reason.reason)
        connection.send_bytes(found.getvalue())
        if arrays is None:
            # what is left in it of the frame that failed must not reach the next one
            calculator = load(folder)
        done += 1


def _write(
    found: io.BytesIO, arrays: dict[str, np.ndarray] | None, n_atoms: int, reason: str
) -> None:
    import numpy as np

    if arrays is None:
        nothing = {"energies": np.full(1, np.nan), "forces": np.full((n_atoms, 3), np.nan)}
        np.savez(found, **nothing, failures=np.array([reason or "no reason was given"]))
    else:
        np.savez(found, **arrays)


def measure(calculator: Any, atoms: Atoms) -> dict[str, np.ndarray]:
    """Calculate one frame, and check what comes back.

    Parameters
    ----------
    calculator
        A calculator of ASE.
    atoms
        The frame.

    Returns
    -------
    ``energies`` (1,) in eV, consistent with the forces where the calculator tells such an energy
    from another; ``forces`` (atoms, 3) in eV/A; ``stresses`` (1, 6) in eV/A^3 where it has them.

    Raises
    ------
    RequestError
        If energy or forces are missing, or a number is not finite or in the wrong shape.
    """
    forces = _numbers("forces", _asked(calculator, "forces", atoms), (len(atoms), 3))
    energy = _asked(calculator, "free_energy", atoms)
    energy = _asked(calculator, "energy", atoms) if energy is None else energy
    found = {"energies": _numbers("energy", energy, (1,)), "forces": forces}
    stress = _asked(calculator, "stress", atoms)
    if stress is not None:
        found["stresses"] = _numbers("stress", stress, (6,))[None]
    return found


def _asked(calculator: Any, what: str, atoms: Atoms) -> Any:
    """Ask for a property; None where the calculator does not have it."""
    from ase.calculators.calculator import PropertyNotImplementedError

    try:
        if what == "forces":
            return calculator.get_forces(atoms)
        if what == "stress":
            return calculator.get_stress(atoms)
        if what == "free_energy" and what not in getattr(calculator, "implemented_properties", ()):
            return None
        if what == "free_energy":
            return calculator.get_potential_energy(atoms, force_consistent=True)
        return calculator.get_potential_energy(atoms)
    except (PropertyNotImplementedError, NotImplementedError):
        return None


def _numbers(what: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    import numpy as np
    from ase.stress import full_3x3_to_voigt_6_stress

    if value is None:
        raise RequestError("failed", f"The calculator gives no {what}.")
    array = np.array(value, float)
    if what == "energy" and array.size == 1:
        array = array.reshape(shape)
    if what == "stress" and array.shape == (3, 3):
        array = full_3x3_to_voigt_6_stress(array)
    if array.shape != shape:
        raise RequestError("failed", f"The {what} came in the shape {array.shape}, not {shape}.")
    if not (np.abs(array) < ABSURD).all():  # also where it is nan
        raise RequestError("failed", f"NaN or infinite values in the {what}.")
    return array


if __name__ == "__main__":
    answer(["numpy", "ase"], {"describe": describe, "serve": serve})
