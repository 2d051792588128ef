"""Records: two documents and a checksum, and nothing that was changed comes back."""

import json

import pytest

from tm23flows.errors import InputError
from tm23flows.store.exchange.records import (
    GEOMETRY,
    NUMBERS,
    document_texts,
    rebuild,
)


@pytest.fixture
def record(make_frame, make_label):
    frame = make_frame(origin='Größe \\ "x"')
    return frame, make_label(frame)


def parts(frame, label):
    arrays = {name: getattr(frame, name) for name in GEOMETRY}
    arrays |= {name: getattr(label, name) for name in NUMBERS}
    return document_texts(frame, label), arrays, label.energies.free, label.checksum


def test_texts_are_ascii_json_without_arrays(record):
    texts = document_texts(*record)
    for text, arrays in zip(texts, (GEOMETRY, NUMBERS), strict=True):
        assert text.isascii()
        assert not {*arrays, "id", "magnitudes", "checksum"} & set(json.loads(text))
    assert json.loads(texts[0])["origin"] == 'Größe \\ "x"'


def test_a_record_is_rebuilt_from_text_or_values(record):
    texts, *rest = parts(*record)
    for given in (texts, tuple(map(json.loads, texts))):
        found = rebuild("here", given, *rest)
        assert [one.model_dump_json() for one in found] == [one.model_dump_json() for one in record]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda t, a, e, c: (t, {**a, "positions": a["positions"] + 1e-5}, e, c), "geometry"),
        (lambda t, a, e, c: (t, {**a, "forces": a["forces"] * 2}, e, c), "label was changed"),
        (lambda t, a, e, c: (t, a, e + 1.0, c), "label was changed"),
        (lambda t, a, e, c: (t, a, e, "0" * 64), "label was changed"),
        (lambda t, a, e, c: (("{", t[1]), a, e, c), "cannot be read back"),
        (lambda t, a, e, c: (("[]", t[1]), a, e, c), "cannot be read back"),
        (lambda t, a, e, c: (("{}", t[1]), a, e, c), "layout version None"),
        (lambda t, a, e, c: (t, {**a, "forces": None}, e, c), "cannot be read back"),
    ],
)
def test_what_was_changed_is_refused(record, change, why):
    with pytest.raises(InputError, match=f"^here cannot be read back.*{why}|^here {why}"):
        rebuild("here", *change(*parts(*record)))
