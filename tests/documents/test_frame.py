"""Frames: one geometry, whoever computes it."""

import pytest

from tm23flows.documents.ids import geometry_id


def test_the_geometry_is_the_identity(make_frame):
    frame = make_frame(seed=1)
    assert frame.id == geometry_id("frame", frame.numbers, frame.cell, frame.positions)
    elsewhere = make_frame(seed=1, trajectory_id="a" * 64, step=99, regime=None, origin=None)
    assert elsewhere.id == frame.id
    assert make_frame(seed=2).id != frame.id


def test_arrays_that_do_not_fit_have_no_id(make_frame):
    with pytest.raises(ValueError, match="geometry"):
        make_frame(numbers=[29, 29, 29]).id  # noqa: B018
