"""Two datasets side by side: the same frame with both labels, whatever the order."""

import pytest

from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError
from tm23flows.store.datasets.creation import create_dataset
from tm23flows.store.datasets.pair_streams import stream_pairs
from tm23flows.store.datasets.pairs import pair_dataset

WIDE = Recipe(engine="emt", xc="none", sigma_eV=1.0)


@pytest.fixture
def frames(archive, make_frame, make_label):
    """Eight frames with labels of two recipes, the second ones in another order."""
    frames = [make_frame(seed=n, trajectory_id="a" * 64) for n in range(8)]
    archive.put(*frames, *(make_label(frame) for frame in frames))
    archive.put(*(make_label(frame, WIDE) for frame in frames[::-1]))
    return frames


@pytest.fixture
def narrow(archive, frames, make_label):
    labels = [make_label(frame) for frame in frames]
    return create_dataset(archive, "narrow", labels, "fraction", {"train_fraction": 0.5}).dataset


def test_pairs_are_streamed_by_identity(archive, narrow, frames):
    wide = pair_dataset(archive, "wide", narrow, {"sigma_eV": 1.0}).dataset
    pairs = list(stream_pairs(archive, narrow, wide))
    assert [pair.frame.id for pair in pairs] == [frame.id for frame in frames]
    for pair in pairs:
        assert pair.first.frame_id == pair.second.frame_id == pair.frame.id
        assert (pair.first.recipe.sigma_eV, pair.second.recipe.sigma_eV) == (0.2, 1.0)
    assert len(list(stream_pairs(archive, narrow, wide, "test"))) == 4
    assert [p.first.id for p in stream_pairs(archive, wide, narrow)] == list(wide.label_ids)
    with pytest.raises(InputError, match="no part 'validation'"):
        next(stream_pairs(archive, narrow, wide, "validation"))


def test_frames_that_only_one_has_are_refused_or_passed_over(archive, narrow, frames):
    lost = {frames[n].id for n in (1, 6)}
    archive.database["labels"].delete_many({"frame_id": {"$in": list(lost)}, "recipe_id": WIDE.id})
    words = {"sigma_eV": 1.0}
    wide = pair_dataset(archive, "wide", narrow, words, allow_missing=True).dataset
    for one, other in ((narrow, wide), (wide, narrow)):
        with pytest.raises(InputError, match="2 frames are in one of the two datasets only"):
            next(stream_pairs(archive, one, other))
        common = list(stream_pairs(archive, one, other, common_only=True))
        assert lost.isdisjoint({pair.frame.id for pair in common})
        assert len(common) == 6
