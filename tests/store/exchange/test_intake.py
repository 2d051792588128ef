"""Intake: all or nothing, duplicates counted, contradictions refused or said."""

import pytest

from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Energies
from tm23flows.errors import InputError
from tm23flows.store.collections import COLLECTIONS
from tm23flows.store.exchange.intake import Incoming, sentences, take_in


def incoming(pairs, part="all"):
    return Incoming(part, lambda: iter(pairs))


def count(archive):
    return {name: archive.database[name].count_documents({}) for name in COLLECTIONS}


def test_records_become_a_dataset_with_its_origin(archive, pairs):
    done = take_in(archive, "x", [incoming(pairs)], {"files": ["a"]}, {"a": "f" * 64})
    assert done.named.dataset.parts == {"all": tuple(label.id for _, label in pairs)}
    assert done.named.dataset.element == "Cu"
    assert done.named.dataset.query == {"files": ["a"]}
    assert done.named.dataset.provenance.inputs == {"a": "f" * 64}
    assert (done.n_read, done.n_frames, done.n_known, done.n_repeated) == (7, 7, 0, 0)
    assert list(sentences(done)) == ["7 labels as x@1"]
    before = count(archive)
    again = take_in(archive, "x", [incoming(pairs)], {"files": ["a"]}, {"a": "f" * 64})
    assert (again.n_known, again.named.version) == (7, 1)
    assert count(archive) == before


def test_repeated_frames_count_once_and_are_said(archive, pairs, make_label):
    frame, label = pairs[0]
    other = make_label(frame, energies=Energies(free=-77.0))
    given = [*pairs, pairs[1], pairs[2], (frame, other)]
    done = take_in(archive, "x", [incoming(given)], {}, {})
    assert (done.n_read, done.n_frames) == (10, 7)
    assert (done.n_repeated, done.n_contradicting) == (2, 1)
    assert [one.energies for one in archive.labels(frame=frame.id)] == [label.energies]
    said = " ".join(sentences(done))
    assert "2 records are there twice" in said
    assert "1 records are of frames that came before with other numbers" in said


def test_parts_are_kept_and_must_not_share_a_frame(archive, pairs):
    parts = [incoming(pairs[:4], "train"), incoming(pairs[4:], "test")]
    done = take_in(archive, "x", parts, {}, {})
    assert {part: len(ids) for part, ids in done.named.dataset.parts.items()} == {
        "train": 4,
        "test": 3,
    }
    assert list(sentences(done)) == ["7 labels as x@1 (4 train, 3 test)"]
    with pytest.raises(InputError, match="in two parts, train and test"):
        take_in(archive, "x", [incoming(pairs, "train"), incoming(pairs[6:], "test")], {}, {})


def test_other_numbers_than_in_the_archive_are_refused(archive, pairs, make_label):
    take_in(archive, "x", [incoming(pairs)], {}, {})
    before = count(archive)
    frame, label = pairs[0]
    other = make_label(frame, forces=-label.forces)
    with pytest.raises(InputError, match=r"1 labels .* other numbers; .* source=NAME"):
        take_in(archive, "y", [incoming([(frame, other)])], {}, {})
    assert count(archive) == before


def broken(pairs):
    yield from pairs
    raise InputError("the last one is broken")


@pytest.mark.parametrize(
    ("name", "given", "why"),
    [
        ("x", broken, "the last one is broken"),
        ("no name", iter, "no name for a dataset"),
        ("x", lambda _: iter(()), "not one frame"),
    ],
)
def test_an_import_that_fails_stores_nothing(archive, pairs, name, given, why):
    with pytest.raises(InputError, match=why):
        take_in(archive, name, [Incoming("all", lambda: given(pairs))], {}, {})
    assert not any(count(archive).values())


def test_the_policy_is_an_energy_that_all_have(archive, make_frame, make_label):
    frames = [make_frame(seed=seed) for seed in range(3)]
    known = [{"free": 1.0, "sigma0": 2.0}, {"sigma0": 2.0}, {"unspecified": 3.0}]
    pairs = [
        (frame, make_label(frame, energies=Energies(**one)))
        for frame, one in zip(frames, known, strict=True)
    ]
    assert take_in(archive, "a", [incoming(pairs[:1])], {}, {}).named.dataset.energy == "free"
    assert take_in(archive, "b", [incoming(pairs[:2])], {}, {}).named.dataset.energy == "sigma0"
    assert (
        take_in(archive, "c", [incoming(pairs[2:])], {}, {}).named.dataset.energy == "unspecified"
    )
    with pytest.raises(InputError, match="no energy in common"):
        take_in(archive, "d", [incoming(pairs)], {}, {})


def test_frames_that_are_there_get_the_tags_that_they_lack(archive, pairs):
    take_in(archive, "plain", [incoming(pairs)], {}, {})
    frame, label = pairs[2]
    tagged = [(frame.model_copy(update={"tags": {"re_atoms": [1], "event": "a"}}), label)]
    done = take_in(archive, "events", [incoming(tagged)], {}, {})
    assert archive.get(Frame, frame.id).tags == {**frame.tags, "re_atoms": [1], "event": "a"}
    assert done.n_known == 1
    assert not done.notes
    other = [(frame.model_copy(update={"tags": {"event": "b", "group": "md"}}), label)]
    done = take_in(archive, "others", [incoming(other)], {}, {})
    assert archive.get(Frame, frame.id).tags["event"] == "a"
    assert archive.get(Frame, frame.id).tags["group"] == "md"
    assert done.notes == ("1 frames had tags in the archive that say otherwise; these were kept.",)
