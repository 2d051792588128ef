"""Older layouts: read as the present one, and never guessed."""

import bson
import pytest

from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label
from tm23flows.documents.upgrades import UPGRADES, upgrade_stored
from tm23flows.store.collections import COLLECTIONS


def old_frame(frame):
    """A frame as the first version of the program stored it."""
    fields = bson.decode(bson.encode(frame.model_dump()))
    return {"_id": fields["id"], **fields, "schema_version": 1}


def test_a_frame_of_the_first_layout_is_read(make_frame):
    frame = make_frame(seed=4)
    stored = old_frame(frame)
    del stored["tags"]
    assert Frame.from_stored(stored).model_dump_json() == frame.model_dump_json()
    assert stored["schema_version"] == 1  # left as it was


def test_a_label_of_the_first_layout_is_read(make_frame, make_label):
    label = make_label(make_frame())
    stored = bson.decode(bson.encode(label.model_dump()))
    del stored["magnitudes"]
    back = Label.from_stored({**stored, "_id": label.id, "schema_version": 1})
    assert back.model_dump_json() == label.model_dump_json()
    assert back.magnitudes == label.magnitudes


def test_a_newer_layout_is_refused_with_the_way_out(make_frame):
    stored = {**old_frame(make_frame()), "schema_version": 99}
    with pytest.raises(ValueError, match="newer tm23flows"):
        upgrade_stored("Frame", stored, Frame.LAYOUT)


def test_a_layout_that_no_step_is_known_from_is_refused():
    with pytest.raises(ValueError, match="no step"):
        upgrade_stored("Nothing", {"_id": "0", "schema_version": 1}, 2)


def test_every_layout_can_be_reached_from_the_first():
    for noun in COLLECTIONS.values():
        for version in range(1, noun.LAYOUT):
            assert (noun.__name__, version) in UPGRADES
    assert all(version >= 1 for _, version in UPGRADES)
