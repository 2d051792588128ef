"""The names of the files in TM23's own archive.

Owns what a name says, and which files may go together. The archive was not at hand: names and
counts are those that third parties have published.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tm23flows.errors import InputError
from tm23flows.science.metals import metal
from tm23flows.science.protocol import (
    FULL_TEST_PER_TEMPERATURE,
    FULL_TRAIN_PER_TEMPERATURE,
    Regime,
)
from tm23flows.store.exchange.members import take_out

NAME = re.compile(
    r"(?P<metal>[A-Z][a-z]?)_(?:(?P<cwm>2700cwm)|(?P<regime>cold|warm|melt)_nequip)"
    r"_(?P<part>train|test)\.xyz"
)

COUNTS = {"train": FULL_TRAIN_PER_TEMPERATURE, "test": FULL_TEST_PER_TEMPERATURE}
"""Frames of one temperature; the 2700cwm files repeat those of all three."""


@dataclass(frozen=True)
class ArchiveFile:
    """One file of the archive.

    Parameters
    ----------
    path
        Where it is.
    metal, regime, part
        What its name says; a regime of None stands for all three.
    """

    path: Path
    metal: str
    regime: str | None
    part: str

    @property
    def count(self) -> int:
        """Number of frames that it should have."""
        return COUNTS[self.part] * (len(Regime) if self.regime is None else 1)


def archive_files(paths: Sequence[Path], chosen: str | None, stack: ExitStack) -> list[ArchiveFile]:
    """Find the files of one metal.

    Parameters
    ----------
    paths
        Files of the archive, folders with such files, or its zip.
    chosen
        The metal, where there are files of several.
    stack
        Keeps what comes out of a zip until it is closed.

    Returns
    -------
    The files, cold before warm before melt.

    Raises
    ------
    InputError
        If a name is none of the archive's, there are several metals, a file is there twice, or
        2700cwm files come together with files of single temperatures.
    """
    files: list[ArchiveFile] = []
    for path in paths:
        if path.is_dir():
            files += [_named(one) for one in path.rglob("*.xyz") if NAME.fullmatch(one.name)]
        elif path.suffix == ".zip":
            files += _from_zip(path, chosen, stack)
        else:
            files.append(_named(path))
    if chosen is not None:
        files = [one for one in files if one.metal == metal(chosen).symbol]
    _check(files)
    order = ("train", "test"), (None, *map(str, Regime))
    return sorted(files, key=lambda f: (order[0].index(f.part), order[1].index(f.regime)))


def _named(path: Path) -> ArchiveFile:
    found = NAME.fullmatch(path.name)
    if found is None:
        raise InputError(
            f"'{path.name}' is no name of a file of TM23's archive, such as Cu_2700cwm_train.xyz "
            "or Cu_cold_nequip_test.xyz."
        )
    symbol = metal(found["metal"]).symbol
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    return ArchiveFile(path, symbol, found["regime"], found["part"])


def _from_zip(path: Path, chosen: str | None, stack: ExitStack) -> list[ArchiveFile]:
    if chosen is None:
        raise InputError(f"{path.name} has files of many metals; say --declare metal=Cu.")
    start = f"{metal(chosen).symbol}_"
    folder = Path(stack.enter_context(TemporaryDirectory()))

    def wanted(name: str) -> bool:
        # The files of all temperatures repeat those of single ones.
        found = NAME.fullmatch(Path(name).name)
        return found is not None and found["cwm"] is None and Path(name).name.startswith(start)

    return [_named(one) for one in take_out(path, folder, wanted).values()]


def _check(files: Sequence[ArchiveFile]) -> None:
    if not files:
        raise InputError("There is no file of TM23's archive among these.")
    metals = sorted({one.metal for one in files})
    if len(metals) > 1:
        raise InputError(
            f"These are files of {', '.join(metals)}, whose k-meshes differ: import one metal at a "
            "time, with --declare metal=SYMBOL for a folder or the zip."
        )
    if len({one.regime is None for one in files}) > 1:
        raise InputError(
            "The 2700cwm files repeat the frames of the files of single temperatures: import one "
            "kind or the other, never both in one dataset."
        )
    twice = [one for one, n in Counter((f.regime, f.part) for f in files).items() if n > 1]
    if twice:
        raise InputError(f"There are two files of {twice[0][0] or '2700cwm'} {twice[0][1]}.")
