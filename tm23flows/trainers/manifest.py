"""The checksums that travel with the files of a model.

Owns writing and checking ``manifest.json``. A model is only loaded when its files
are the ones that the training wrote: a NequIP checkpoint is a pickle, and loading
a pickle runs whatever is in it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tm23flows.errors import TrainingError

MANIFEST = "manifest.json"


def write_manifest(folder: Path, names: list[str]) -> dict[str, Path]:
    """Write the checksums of the files of a model.

    Parameters
    ----------
    folder
        Folder of the model.
    names
        Its files, relative to the folder.

    Returns
    -------
    All files of the model by relative name, the manifest among them.
    """
    sums = {name: _sha256(folder / name) for name in names}
    (folder / MANIFEST).write_text(json.dumps({"sha256": sums}, indent=1, sort_keys=True))
    return {name: folder / name for name in [*names, MANIFEST]}


def check_manifest(folder: Path, names: list[str]) -> dict[str, str]:
    """Compare the files of a model with its manifest.

    Parameters
    ----------
    folder
        Folder of the model.
    names
        Files that must be listed and unchanged.

    Returns
    -------
    The sha256 of each file by relative name.

    Raises
    ------
    TrainingError
        If the manifest or a file is missing, unlisted or changed.
    """
    sums = _read(folder)
    for name in names:
        path = folder / name
        if name not in sums or not path.is_file():
            raise TrainingError(
                f"The model in {folder} is incomplete ('{name}' is missing): "
                f"take it from the archive again."
            )
        if _sha256(path) != sums[name]:
            raise TrainingError(
                f"The file '{name}' of the model in {folder} is not the one that was trained "
                f"(its sha256 differs), so it is not loaded: take the model from the archive again."
            )
    return {name: sums[name] for name in names}


def _read(folder: Path) -> dict[str, str]:
    try:
        content = json.loads((folder / MANIFEST).read_text())["sha256"]
        return {str(name): str(value) for name, value in content.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(
            f"{folder} has no readable {MANIFEST}, so its files cannot be trusted: "
            f"take the model from the archive again."
        ) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
