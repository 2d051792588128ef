"""What all documents promise: frozen, closed, versioned, true to their id, with a past."""

import math
import re

import bson
import numpy as np
import pytest
from pydantic import ValidationError

from tm23flows._version import __version__
from tm23flows.documents.base import Document, Provenance
from tm23flows.documents.frame import Frame


def stored(document):
    """A document as a database gives it back."""
    fields = bson.decode(bson.encode(document.model_dump()))
    return {"_id": fields["id"], **fields}


def test_a_document_comes_back_bit_by_bit(make_frame):
    frame = make_frame(seed=3)
    back = Frame.from_stored(stored(frame))
    assert back.model_dump_json() == frame.model_dump_json()
    assert back.positions.tobytes() == frame.positions.tobytes()


def test_documents_are_frozen(make_frame):
    frame = make_frame()
    with pytest.raises(ValidationError, match="frozen"):
        frame.element = "Ag"
    with pytest.raises(ValueError, match="read-only"):
        frame.positions[0, 0] = 1.0
    with pytest.raises(ValidationError, match="frozen"):
        frame.provenance.host = "elsewhere"


def test_unknown_fields_are_refused(make_frame):
    with pytest.raises(ValidationError, match="colour"):
        make_frame(colour="red")
    with pytest.raises(ValidationError, match="colour"):
        Frame.from_stored({**stored(make_frame()), "colour": "red"})


@pytest.mark.parametrize("version", [Frame.LAYOUT + 1, 0, None, "1", True, -1])
def test_another_layout_version_is_refused(make_frame, version):
    with pytest.raises(ValueError, match="layout version"):
        Frame.from_stored({**stored(make_frame()), "schema_version": version})


def test_content_that_does_not_match_the_id_is_refused(make_frame):
    mixed = {**stored(make_frame(seed=1)), "positions": stored(make_frame(seed=2))["positions"]}
    with pytest.raises(ValueError, match="does not match"):
        Frame.from_stored(mixed)


def test_the_past_of_a_document_does_not_change_its_id(make_frame):
    one = make_frame(provenance=Provenance.now({"gpaw": "1"}), step=5)
    other = make_frame(provenance=Provenance.now({"gpaw": "2"}), step=6)
    assert one.id == other.id
    assert re.fullmatch("[0-9a-f]{64}", one.id)


def test_a_noun_that_does_not_say_what_it_is_has_no_id():
    class Nameless(Document):
        pass

    with pytest.raises(TypeError, match="Nameless"):
        Nameless(provenance=Provenance.now()).id  # noqa: B018


def test_provenance_says_who_and_with_what():
    past = Provenance.now({"gpaw": "26.7.0"}, {"mode": {"ecut": 300}})
    assert past.software["gpaw"] == "26.7.0"
    assert past.software["tm23flows"] == __version__
    assert past.software["python"].startswith("3.")
    assert past.host
    assert past.inputs == {"mode": {"ecut": 300}}
    assert past.inputs_sha256 == Provenance.now(None, {"mode": {"ecut": 300}}).inputs_sha256
    assert past.inputs_sha256 != Provenance.now(None, {"mode": {"ecut": 301}}).inputs_sha256


def test_the_time_survives_the_millisecond_of_the_database():
    past = Provenance.now()
    assert bson.decode(bson.encode({"t": past.created}))["t"] == past.created


def test_inputs_that_have_no_hash_are_refused():
    with pytest.raises(ValueError):
        Provenance.now(inputs={"x": math.nan})


def test_geometry_that_is_not_finite_has_no_id(make_frame):
    with pytest.raises(ValueError, match="not finite"):
        make_frame(positions=np.full((2, 3), np.nan)).id  # noqa: B018
