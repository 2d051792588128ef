"""Settings of the search for events: what they refuse, and times as steps."""

import pytest

from tm23flows.errors import InputError
from tm23flows.science.event_rule import EventRule


@pytest.mark.parametrize(
    "fields",
    [{"r_site_A": 0}, {"join_fs": -1}, {"frames_per_event": 0}, {"max_events": 0},
     {"quiet_frames": -1}, {"min_order": 2}, {"vacancy_cutoff_A": 0}, {"seed": -1}],
)  # fmt: skip
def test_senseless_rules_are_refused(fields):
    with pytest.raises(InputError):
        EventRule(**fields)


def test_the_persistence_is_a_time():
    assert EventRule(persistence_fs=100).hop_rule(5.0).persistence_steps == 20
    assert EventRule(persistence_fs=1).hop_rule(5.0).persistence_steps == 1
