"""TM23's own archive by the names of its files.

Owns these names and what follows from them. The archive itself was not at hand: the names and
counts are those that third parties have published (counted for 8 metals), and everything here is
tested on files that our tests write. Nobody has checked which energy the files hold, nor unit and
sign of their stress: the energy is ``unspecified``, and the stress has to be declared.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import JsonValue

from tm23flows.documents.frame import Frame
from tm23flows.errors import InputError
from tm23flows.science.metals import metal
from tm23flows.science.protocol import (
    FULL_TEST_PER_TEMPERATURE,
    FULL_TRAIN_PER_TEMPERATURE,
    Regime,
)
from tm23flows.store.exchange.declaration import declare
from tm23flows.store.exchange.foreign import extxyz_frames, read_declared
from tm23flows.store.exchange.intake import Incoming
from tm23flows.store.exchange.members import take_out
from tm23flows.store.exchange.records import Pair

NAME = re.compile(
    r"(?P<metal>[A-Z][a-z]?)_(?:(?P<cwm>2700cwm)|(?P<regime>cold|warm|melt)_nequip)"
    r"_(?P<part>train|test)\.xyz"
)

COUNTS = {"train": FULL_TRAIN_PER_TEMPERATURE, "test": FULL_TEST_PER_TEMPERATURE}
"""Frames of one temperature; the 2700cwm files repeat those of all three."""

CITATION = (
    "Owen et al., npj Comput. Mater. 10, 92 (2024), doi 10.1038/s41524-024-01264-z; "
    "data doi 10.24435/materialscloud:6c-b3"
)

SETTINGS: dict[str, JsonValue] = {
    "engine": "vasp",
    "xc": "PBE",
    "cutoff_eV": 520.0,
    "smearing": "methfessel-paxton",
    "smearing_order": 1,
    "sigma_eV": 0.2,
    "spin_polarized": False,
    "citation": CITATION,
    "url": "https://doi.org/10.24435/materialscloud:6c-b3",
}
"""What the article states of the labels (the order of the smearing is inferred); the k-mesh of each
metal is in its Supplementary Information and not known here."""

FIXED = {"energy", "energy_unit", "force_unit", "regime", "temperature_K"}


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


def tm23_incoming(
    files: Sequence[ArchiveFile], words: dict[str, JsonValue], counts: str = "paper"
) -> list[Incoming]:
    """Prepare the import of files of one metal.

    Parameters
    ----------
    files
        The files.
    words
        What a user declares: at least the stress.
    counts
        ``paper`` refuses files with other numbers of frames than the article's; ``any`` does not.

    Returns
    -------
    What can be taken in, as parts train and test.

    Raises
    ------
    InputError
        If the stress is not declared, or a word is declared that the importer fixes.
    """
    if fixed := sorted(FIXED & set(words)):
        raise InputError(f"The tm23 importer fixes '{fixed[0]}'; import with --format extxyz.")
    if counts not in ("paper", "any"):
        raise InputError(f"There are no counts '{counts}'; say paper or any.")
    if not {"stress", "stress_unit"} & set(words):
        raise InputError(
            "Nobody here has seen unit and sign of the stress in TM23's archive: look at a "
            "compressed frame, then declare stress-unit and stress-sign, or stress=none."
        )
    declared = declare(
        {**SETTINGS, **words}, energy="unspecified", energy_unit="eV", force_unit="eV/A"
    )
    source = f"tm23 {files[0].metal}"
    incoming = []
    for one in files:
        said = declared.model_copy(update={"regime": one.regime})
        read = partial(read_declared, one.path, extxyz_frames, said, source)
        incoming.append(Incoming(one.part, partial(_counted, one, read, counts)))
    return incoming


def _counted(file: ArchiveFile, read: Callable[[], Iterator[Pair]], counts: str) -> Iterator[Pair]:
    """Number the frames, which stand in the order of time, and refuse another count."""
    count = 0
    for frame, label in read():
        count += 1
        yield _with_index(frame, count), label
    if counts == "paper" and count != file.count:
        raise InputError(
            f"{file.path.name} holds {count} frames, and TM23's has {file.count}; if this is "
            "right, say --declare counts=any."
        )


def _with_index(frame: Frame, index: int) -> Frame:
    return frame.model_copy(update={"tags": {**frame.tags, "index": index}})


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
