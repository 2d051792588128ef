"""The split from which models are trained at each temperature and tested at all of them.

Owns the rule. It divides each temperature as the splits for all temperatures do, and keeps the
temperatures apart. The article's own transfer, which trains on all cold frames, is in
:mod:`tm23flows.science.paper_splits`.
"""

from __future__ import annotations

from itertools import chain

from tm23flows.errors import InputError
from tm23flows.science import protocol
from tm23flows.science.paper_splits import full_split
from tm23flows.science.splits import Frames, Split, check_frames, fraction_split

TRAIN, TEST = "train_", "test_"
"""What the names of the parts begin with; the temperature follows."""


def transfer_matrix_split(
    frames: Frames,
    n_train: int | None = None,
    n_test: int | None = None,
    allow_missing: int = 0,
    train_fraction: float | None = None,
) -> Split:
    """Split each temperature in time into a part that trains and one that tests.

    The rule is ours, not the article's: all models are trained on as many frames, and all models
    are tested on the same frames, which none of them was trained on.

    Parameters
    ----------
    frames
        Time-ordered ids per temperature, at least two temperatures.
    n_train, n_test
        Frames of each temperature, from the start and from the end; None for those of the
        article's full set.
    allow_missing
        How many training frames each temperature may have less.
    train_fraction
        Share of each temperature that trains, in place of numbers.

    Returns
    -------
        Parts ``train_<temperature>`` and ``test_<temperature>``.

    Raises
    ------
    InputError
        There is only one temperature, or both numbers and a share are given.
    TooFewFramesError
        A temperature has too few frames.
    """
    check_frames(frames, "transfer-matrix")
    if len(frames) < 2:
        raise InputError("The transfer-matrix split needs at least two temperatures.")
    counts = {"n_train": n_train, "n_test": n_test, "allow_missing": allow_missing or None}
    given = {name: value for name, value in counts.items() if value is not None}
    if train_fraction is not None and given:
        raise InputError(
            f"The transfer-matrix split takes a share or numbers of frames, not both: leave out "
            f"train_fraction or {', '.join(given)}."
        )
    if train_fraction is not None:
        made = {name: fraction_split({name: ids}, train_fraction) for name, ids in frames.items()}
    else:
        train = protocol.FULL_TRAIN_PER_TEMPERATURE if n_train is None else n_train
        test = protocol.FULL_TEST_PER_TEMPERATURE if n_test is None else n_test
        made = {
            name: full_split({name: ids}, train, test, allow_missing)
            for name, ids in frames.items()
        }
    parts = chain.from_iterable(
        ((f"{TRAIN}{name}", one.parts["train"]), (f"{TEST}{name}", one.parts["test"]))
        for name, one in made.items()
    )
    missing = {name: count for one in made.values() for name, count in one.missing.items()}
    return Split("transfer-matrix", dict(parts), next(iter(made.values())).options, missing)
