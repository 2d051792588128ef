from datetime import UTC, datetime, timedelta, timezone

import pytest

from tm23flows.ops.moments import moment, seconds_between, server_now

NOON = datetime.fromisoformat("2030-01-02T12:00:00")


@pytest.mark.parametrize(
    "stored",
    ["2030-01-02T12:00:00", "2030-01-02T12:00:00+00:00", "2030-01-02T14:00:00+02:00", NOON,
     NOON.replace(tzinfo=UTC), NOON.replace(hour=14, tzinfo=timezone(timedelta(hours=2)))],
    ids=["plain text", "text in UTC", "text elsewhere", "plain", "in UTC", "elsewhere"],
)  # fmt: skip
def test_all_forms_are_the_same_moment(stored):
    assert moment(stored) == NOON


@pytest.mark.parametrize("stored", [None, "", "soon", 3])
def test_what_is_no_moment_is_none(stored):
    assert moment(stored) is None


def test_the_clock_of_the_server_goes_on(archive):
    first = server_now(archive.database)
    assert first.tzinfo is None
    assert server_now(archive.database) >= first


def test_time_between_moments_is_known_where_both_are_and_never_negative():
    assert seconds_between(NOON, NOON + timedelta(minutes=2)) == 120
    assert seconds_between(NOON + timedelta(minutes=2), NOON) == 0
    assert seconds_between(None, NOON) is None
