"""PAW datasets of GPAW: which one an element uses, and the one that has to be made.

Owns dataset names and fingerprints. GPAW ships PBE datasets for 26 of the 27
metals; technetium's is generated once, at set-up, with GPAW's own generator:
``python -m tm23flows.engines.gpaw_setups``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from tm23flows.errors import InputError, MissingDependencyError
from tm23flows.private import program_environment
from tm23flows.settings import get_settings

GENERATED = {"Tc": "15"}
"""Elements without a shipped dataset: valence electrons of the one that we generate.

With 15 electrons hcp Tc has 14.45 A^3 per atom and a bulk modulus of 296 GPa,
within 1 % of all-electron results; the 7-electron set is 6 % too large.
"""


def dataset_name(symbol: str) -> str:
    """Return the name of the dataset of an element, as GPAW's ``setups`` takes it.

    Parameters
    ----------
    symbol
        Chemical symbol.

    Returns
    -------
    ``"paw"`` for a shipped dataset.
    """
    return GENERATED.get(symbol, "paw")


def datasets_folder() -> Path:
    """Return the folder of generated datasets.

    Returns
    -------
    The setting ``gpaw_setup_path``, or a folder beside the interpreter.
    """
    path = get_settings().gpaw_setup_path
    if path is not None:
        return path.expanduser()
    return Path(sys.prefix) / "share" / "tm23flows" / "gpaw-setups"


def use_extra_datasets() -> None:
    """Let GPAW find the generated datasets in this process."""
    from gpaw import setup_paths

    folder = datasets_folder()
    if folder not in setup_paths:
        setup_paths.insert(0, folder)


def fingerprint(symbol: str, xc: str) -> str:
    """Return the identity of an element's dataset.

    Parameters
    ----------
    symbol
        Chemical symbol.
    xc
        Exchange-correlation functional of the dataset.

    Returns
    -------
    Name and md5 of the dataset file, such as ``Cu.PBE:f1c4...``.

    Raises
    ------
    InputError
        If GPAW has no dataset for the element.
    MissingDependencyError
        If the dataset has to be generated first.
    """
    from gpaw.setup_data import SetupData

    use_extra_datasets()
    name = dataset_name(symbol)
    try:
        data = SetupData(symbol, xc, name)
    except FileNotFoundError as error:
        if symbol in GENERATED:
            raise MissingDependencyError(
                f"The GPAW dataset of {symbol} is not there yet; make it with "
                "'python -m tm23flows.engines.gpaw_setups'."
            ) from error
        raise InputError(f"GPAW has no {xc} dataset for {symbol}.") from error
    label = f"{symbol}.{xc}" if name == "paw" else f"{symbol}.{name}.{xc}"
    return f"{label}:{data.fingerprint}"


@cache
def electrons_of_dataset(symbol: str, xc: str = "PBE") -> int:
    """Return the number of valence electrons of an element's dataset.

    Parameters
    ----------
    symbol
        Chemical symbol.
    xc
        Exchange-correlation functional of the dataset.

    Returns
    -------
    Electrons of one atom.

    Raises
    ------
    InputError
        If there is no such dataset.
    """
    from gpaw.setup_data import SetupData

    use_extra_datasets()
    try:
        return int(SetupData(symbol, xc, dataset_name(symbol)).Nv)
    except FileNotFoundError as error:
        raise InputError(f"GPAW has no {xc} dataset for {symbol} here.") from error


def missing_datasets() -> list[str]:
    """Return the elements whose dataset has to be generated and is not there.

    Returns
    -------
    Chemical symbols.
    """
    folder = datasets_folder()
    return [s for s, name in GENERATED.items() if not (folder / f"{s}.{name}.PBE").is_file()]


def generate(symbol: str) -> Path:
    """Generate the dataset of an element with GPAW's generator (a few seconds).

    Parameters
    ----------
    symbol
        Chemical symbol, one of :data:`GENERATED`.

    Returns
    -------
    The dataset file.

    Raises
    ------
    MissingDependencyError
        If the generator fails.
    """
    name = GENERATED[symbol]
    folder = datasets_folder()
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{symbol}.{name}.PBE"
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        command = [sys.executable, "-m", "gpaw", "dataset", symbol, "-f", "PBE", "-w"]
        command += ["-e", name, "-t", name]
        done = subprocess.run(
            command,
            cwd=scratch,
            env=program_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        made = Path(scratch) / target.name
        if not made.is_file():
            last = (done.stderr or done.stdout).strip().splitlines()[-1:]
            raise MissingDependencyError(
                f"GPAW could not generate the dataset of {symbol}: {' '.join(last)}"
            )
        made.replace(target)
    return target


def main() -> None:
    """Generate what is missing."""
    for symbol in missing_datasets():
        sys.stdout.write(f"{generate(symbol)}\n")


if __name__ == "__main__":
    main()
