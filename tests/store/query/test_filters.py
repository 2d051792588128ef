"""Plain values and the filters that they become."""

from datetime import date, datetime

import pytest

from tm23flows.errors import InputError
from tm23flows.store.query.filters import (
    between,
    combine,
    id_condition,
    number,
    parse_moment,
    plain_text,
    tag_condition,
)


def test_filters_are_joined_flat_where_no_field_is_in_two():
    assert combine([{"a": 1}, {}, {"b": 2}]) == {"a": 1, "b": 2}
    assert combine([{"a": 1}, {"a": {"$lt": 3}}]) == {"$and": [{"a": 1}, {"a": {"$lt": 3}}]}
    assert combine([{}, {}]) == {}


def test_ranges_and_ids():
    assert between("x", 1, None) == {"x": {"$gte": 1}}
    assert between("x", None, None) == {}
    assert between("x", 0, 0) == {"x": {"$gte": 0, "$lte": 0}}
    assert id_condition("_id", "a" * 64) == {"_id": "a" * 64}
    assert id_condition("_id", "abcdef") == {"_id": {"$gte": "abcdef", "$lt": "abcdefg"}}


def test_moments_are_utc():
    noon = datetime.fromisoformat("2026-11-21T12:00")
    assert parse_moment("2026-11-21T13:00+01:00") == noon
    assert parse_moment("2026-11-21T12:00Z") == noon
    assert parse_moment(noon) is noon
    for wrong in ("12:00", "1700000000", 5, None, "0001-01-01T00:00+05:00"):
        with pytest.raises(InputError, match="date"):
            parse_moment(wrong)


@pytest.mark.parametrize(
    ("stored", "asked"), [(7, "7"), ("7", "7"), (7.5, "7.5"), (True, "true"), ("a b", "a b")]
)
def test_tags_are_found_however_their_source_wrote_them(archive, make_frame, stored, asked):
    archive.put(make_frame(1, tags={"event": stored}), make_frame(2, tags={"event": "other"}))
    archive.put(make_frame(3), make_frame(4, tags={"group": stored}))
    assert archive.frames(tag=f"event={asked}").count() == 1


@pytest.mark.parametrize("text", ["event", "=1", "event=", "a.b=1", "$a=1", "event=$gt", "é=1"])
def test_what_is_no_tag_is_refused(text):
    with pytest.raises(InputError, match=r"no tag|no value"):
        tag_condition(text)


def test_text_is_plain_or_refused():
    assert plain_text("vasp.6.4.2 18Apr23 (build)") == "vasp.6.4.2 18Apr23 (build)"
    for wrong in ("", "$ne", "{1}", "a\0", "x" * 201, None, 3):
        with pytest.raises(InputError, match="no value"):
            plain_text(wrong)


def test_numbers_are_finite_or_none():
    assert (number("1e-3"), number("-5"), number(" 7 ")) == (0.001, -5.0, 7.0)
    assert {number(text) for text in ("nan", "inf", "1e999", "five", "", "$gt")} == {None}


def test_a_date_is_its_first_moment():
    assert parse_moment(date(2026, 11, 21)) == parse_moment("2026-11-21")
