import pytest
from status_kit import refusal

from tm23flows.documents.recipe import Recipe
from tm23flows.ops.status import frames
from tm23flows.ops.status.frames import OTHER, REASONS, FrameCounter, reason_code

REFUSALS = {
    "not_as_asked": "what ran is not what was asked for: ENCUT 400 instead of 520",
    "not_converged": "the electrons did not converge in 60 iterations",
    "not_finite": "an energy or a force is not a finite number",
    "impossible": "a force of 1e+06 eV/A is impossible",
    "gave_up": "still wrong after 5 corrections; exit code 1; vasprun.xml ends early",
    "incomplete": "vasprun.xml ends early; the last line of vasp.out is: x",
    "killed": "killed by signal 9; out of words",
}


@pytest.mark.parametrize(("code", "words"), REFUSALS.items())
def test_reasons_have_codes(code, words):
    assert reason_code(words) == code


def test_codes_are_known_and_other_is_the_rest():
    assert set(REFUSALS) == set(REASONS)
    assert reason_code("the weather") == OTHER
    assert reason_code("PhysicsError: forces or stress are not finite numbers") == "not_finite"
    assert reason_code("KohnShamConvergenceError: Did not converge!") == "not_converged"
    assert reason_code("the atoms came back in other places") == "not_as_asked"


@pytest.fixture
def store(archive, make_frame, make_label):
    """Cu: one frame fine, one refused, one fine and refused elsewhere, one new; Ti: one refused."""
    fine, bad, both, new = (make_frame(seed) for seed in range(4))
    titanium = make_frame(9, element="Ti", numbers=[22, 22])
    archive.put(fine, bad, both, new, titanium, make_label(fine), make_label(both))
    words = REFUSALS["not_converged"]
    for one in (refusal(bad, words), refusal(both, "the weather", sigma_eV=0.1),
                refusal(titanium, words), refusal(titanium, words, sigma_eV=0.1)):  # fmt: skip
        archive.put(one)
    return archive, bad


def test_frames_are_accepted_rejected_or_wait(store):
    found = FrameCounter(store[0].database).count()
    copper, titanium = found["Cu"], found["Ti"]
    assert (copper.frames, copper.frames_accepted, copper.frames_rejected) == (4, 1, 2)
    assert copper.frames_waiting == 1
    assert (copper.labels, copper.labels_rejected) == (2, 2)
    assert copper.reasons == {"not_converged": 1, "other": 1}
    assert (titanium.frames_rejected, titanium.labels_rejected) == (1, 2)
    assert titanium.reasons == {"not_converged": 2}
    assert copper.examples == {"not_converged": REFUSALS["not_converged"], "other": "the weather"}


def test_a_label_that_was_made_after_all_is_not_refused_any_more(store, make_label):
    archive, bad = store
    counter = FrameCounter(archive.database)
    before = counter.count("Cu")["Cu"]
    archive.put(make_label(bad, Recipe(engine="emt", xc="none")))
    after = counter.count("Cu")["Cu"]
    assert (before.frames_rejected, after.frames_rejected) == (2, 1)
    assert (before.frames_accepted, after.frames_accepted) == (1, 2)
    assert "not_converged" not in after.reasons


def test_one_metal_and_an_empty_archive(store, archive):
    assert set(FrameCounter(archive.database).count("Ti")) == {"Ti"}
    assert FrameCounter(archive.database).count("Os") == {}


def test_more_frames_than_one_answer_holds_are_counted_the_same(store, monkeypatch):
    archive = store[0]
    before = FrameCounter(archive.database).count()
    monkeypatch.setattr(frames, "LARGEST_DISTINCT", 0)
    assert FrameCounter(archive.database).count() == before


def test_a_reason_tells_no_secret(archive, make_frame):
    frame = make_frame(1)
    archive.put(frame, refusal(frame, "no answer of mongodb://me:S3CRET-word@host"))
    told = FrameCounter(archive.database).count()["Cu"].examples
    assert told == {"other": "no answer of mongodb://me:***@host"}
