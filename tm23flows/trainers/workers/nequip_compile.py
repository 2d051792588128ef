"""Compiles a model of the NequIP framework into a file that needs neither us nor its training.

Owns the call of NequIP's compiler (ahead of time, by PyTorch's Inductor) and the check
that the compiled model predicts what the other one does. Does not know where models
come from.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nequip_run import checked, find_device, load_calculator
from worker_io import RequestError, versions

if TYPE_CHECKING:
    from ase import Atoms

# largest difference of forces in units of the largest force, or of 1 eV/A where that is more
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}


def compile_model(request: dict[str, Any]) -> dict[str, Any]:
    """Compile, and compare with the model as it was trained.

    Parameters
    ----------
    request
        Folder of the ``model``, the ``sha256`` of its files, the device, the file
        ``output``, what it is for (``target``: ase or pair_nequip, which is LAMMPS) and the
        folder ``workdir``.

    Returns
    -------
    ``difference``, the largest one of the forces relative to ``TOLERANCE``'s unit (None for
    LAMMPS, whose files ASE does not read), and the versions.
    """
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        raise RequestError(
            "unsupported",
            f"Compiling a model needs a C++ compiler, and there is no {compiler}: install g++, "
            f"or use the model as it is.",
        )
    workdir, device = Path(request["workdir"]), find_device(request["device"])
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(workdir / "inductor")
    source, example = _with_example(checked(Path(request["model"]), request), workdir)

    from nequip.scripts.compile import main

    options = {"--mode": "aotinductor", "--device": device, "--target": request["target"]}
    words = [word for option in options.items() for word in option]
    main([str(source), request["output"], *words])
    shutil.rmtree(workdir / "inductor", ignore_errors=True)
    difference = None
    if request["target"] == "ase":
        difference = _compare(request, example, device)
    return {"difference": difference, "versions": versions("nequip", "torch", "e3nn", "ase")}


def _with_example(path: Path, workdir: Path) -> tuple[Path, Atoms]:
    """Copy a checkpoint so that it names a frame of ours in place of the training frames.

    NequIP traces the model with a frame of the files that the checkpoint names; these
    stay where the model was trained.
    """
    import torch
    from ase.io import write

    content = torch.load(path, map_location="cpu", weights_only=True)
    info = content["hyper_parameters"]["info_dict"]
    model, data = info["training_module"]["model"], info["data"]
    example, place = _example(model["type_names"], model["r_max"]), str(workdir / "example.traj")
    write(place, example)
    data |= {"train_file_path": place, "val_file_path": place}
    torch.save(content, workdir / "example.ckpt")
    return workdir / "example.ckpt", example


def _example(symbols: list[str], r_max: float) -> Atoms:
    """Make a frame with all elements, in which every atom has some dozens of neighbours."""
    import numpy as np
    from ase.build import bulk
    from ase.calculators.singlepoint import SinglePointCalculator

    atoms = bulk("Cu", "fcc", a=0.75 * r_max, cubic=True).repeat((2, 2, 1 + len(symbols)))
    atoms.symbols[:] = [symbols[i % len(symbols)] for i in range(len(atoms))]
    atoms.rattle(0.02 * r_max, seed=0)
    zero = {"energy": 0.0, "forces": np.zeros((len(atoms), 3)), "stress": np.zeros(6)}
    atoms.calc = SinglePointCalculator(atoms, **zero)
    return atoms


def _compare(request: dict[str, Any], atoms: Atoms, device: str) -> float:
    import numpy as np
    from nequip.integrations.ase import NequIPCalculator

    trained = load_calculator(Path(request["model"]), request)
    compiled = NequIPCalculator.from_compiled_model(
        request["output"], device=device, chemical_species_to_atom_type_map=True
    )
    wanted: list[np.ndarray] = []
    found: list[np.ndarray] = []
    for frame in (atoms, atoms.repeat((2, 1, 1))):  # another number of atoms than it was made with
        for calculator, forces in ((trained, wanted), (compiled, found)):
            calculator.calculate(frame, ["forces"])
            forces.append(calculator.results["forces"])
    scale = max(1.0, *(np.abs(part).max() for part in wanted))
    difference = max(np.abs(a - b).max() for a, b in zip(found, wanted, strict=True)) / scale
    precision = str(next(trained.model.parameters()).dtype).removeprefix("torch.")
    if not difference <= TOLERANCE[precision]:
        Path(request["output"]).unlink()
        raise RequestError(
            "failed",
            f"The compiled model differs from the trained one by {difference:.1e} of its forces: "
            f"it was removed; use the model as it is.",
        )
    return float(difference)
