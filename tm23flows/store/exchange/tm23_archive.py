"""TM23's own archive by the names of its files.

Owns these names and what follows from them. The archive itself was not at hand: the names and
counts are those that third parties have published (counted for 8 metals), and everything here is
tested on files that our tests write. Nobody has checked which energy the files hold, nor unit and
sign of their stress: the energy is ``unspecified``, and the stress has to be declared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from pydantic import JsonValue

from tm23flows.documents.frame import Frame
from tm23flows.errors import InputError
from tm23flows.store.exchange.declaration import declare
from tm23flows.store.exchange.foreign import extxyz_frames, read_declared
from tm23flows.store.exchange.intake import Incoming
from tm23flows.store.exchange.records import Pair
from tm23flows.store.exchange.tm23_names import ArchiveFile

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
