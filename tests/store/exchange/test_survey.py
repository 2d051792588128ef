"""The first reading: what is counted, and what is refused before anything is stored."""

import pytest

from tm23flows.documents.label import Energies
from tm23flows.errors import InputError
from tm23flows.store.exchange.survey import Survey, check_archive


def survey(labels, part="all"):
    found = Survey()
    for label in labels:
        found.add(part, label)
    return found


def test_the_first_record_of_a_frame_counts(make_frame, make_label):
    frame = make_frame()
    label = make_label(frame)
    other = make_label(frame, forces=label.forces + 1)
    found = survey([label, label, other, make_label(make_frame(seed=1))])
    assert (found.n_read, found.n_repeated, found.n_contradicting) == (4, 1, 1)
    assert len(found.labels) == len(found.frame_parts) == 2
    assert found.elements == {"Cu"}


def test_a_frame_in_two_parts_is_refused(make_frame, make_label):
    found = survey([make_label(make_frame())], "train")
    with pytest.raises(InputError, match="in two parts, train and test"):
        found.add("test", make_label(make_frame()))


def test_the_policy_is_the_first_energy_that_all_have(make_frame, make_label):
    def label(seed, **energies):
        return make_label(make_frame(seed=seed), energies=Energies(**energies))

    assert survey([label(0, free=1.0, sigma0=1.0)]).policy == "free"
    assert survey([label(0, free=1.0, sigma0=1.0), label(1, sigma0=1.0)]).policy == "sigma0"
    with pytest.raises(InputError, match="no energy in common"):
        _ = survey([label(0, free=1.0), label(1, unspecified=1.0)]).policy


def test_contradictions_to_the_archive_are_counted(archive, make_frame, make_label):
    labels = [make_label(make_frame(seed=seed)) for seed in range(3)]
    archive.put(*labels)
    check_archive(archive, survey(labels))
    others = [make_label(make_frame(seed=seed), stress=None) for seed in range(2)]
    with pytest.raises(InputError, match="2 labels of these files are in the archive"):
        check_archive(archive, survey([*others, labels[2]]))
