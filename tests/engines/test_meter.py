"""Work of this process is seen by its counters."""

import time

import pytest

from tm23flows.engines.meter import mark, spent_since


def test_work_costs_and_waiting_does_not():
    began = mark()
    while spent_since(began).cpu_s < 0.05:
        sum(range(1000))
    worked = spent_since(began, scf_iterations=7)
    assert worked.wall_s >= 0.05 * 0.9
    assert worked.scf_iterations == 7
    assert worked.max_memory_bytes > 1e7  # Python alone has more
    began = mark()
    time.sleep(0.2)
    waited = spent_since(began)
    assert waited.wall_s >= 0.2
    assert waited.cpu_s < waited.wall_s


@pytest.mark.parametrize(("given", "cores"), [("3", 3), ("4,2", 4), ("", 1), ("0", 1), ("many", 1)])
def test_threads_are_cores(monkeypatch, given, cores):
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    assert spent_since(mark()).cores == cores
