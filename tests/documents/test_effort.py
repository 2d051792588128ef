"""Accounts add up, and what nobody measured stays unknown."""

import pytest

from tm23flows.documents.effort import Effort, total_effort


def test_sums_and_maxima():
    total = total_effort(
        [
            Effort(cpu_s=1.5, wall_s=2.0, cores=1, max_memory_bytes=10, scf_iterations=8),
            Effort(cpu_s=2.5, wall_s=3.0, cores=4, max_memory_bytes=7, scf_iterations=9),
        ]
    )
    assert total == Effort(cpu_s=4, wall_s=5, cores=4, max_memory_bytes=10, scf_iterations=17)


def test_the_last_step_of_a_program_speaks_for_all():
    steps = [Effort(scf_iterations=5), None, Effort(scf_iterations=6, wall_s=20.0)]
    assert total_effort(steps) == Effort(scf_iterations=11, wall_s=20.0)


def test_nothing_is_known_of_nothing():
    assert total_effort([]) == Effort()
    assert total_effort([None, Effort()]).cpu_s is None


@pytest.mark.parametrize(
    ("effort", "core_s"),
    [
        (Effort(cpu_s=3.0, wall_s=9.0, cores=2), 3.0),
        (Effort(wall_s=9.0, cores=2), 18.0),
        (Effort(wall_s=9.0), None),
        (Effort(cores=2), None),
    ],
)
def test_seconds_of_a_core(effort, core_s):
    assert effort.core_s == core_s
