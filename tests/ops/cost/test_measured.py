"""Rows of measured work add up, and only what is known is fitted."""

import pytest

from tm23flows.documents.effort import Effort
from tm23flows.ops.cost.measured import Measured, fit_measured, fit_memory
from tm23flows.ops.cost.work import LABEL, Kind

EMT = Kind("emt", LABEL)


def test_accounts_add_up():
    row = Measured(EMT, "Cu", {"atoms": 7.0})
    row.add(Effort(cpu_s=2.0, wall_s=3.0, cores=1, max_memory_bytes=10), units=4)
    row.add(Effort(wall_s=5.0, cores=2, max_memory_bytes=7))
    row.add(Effort(wall_s=1.0))  # nobody knows of how many cores
    assert (row.units, row.known) == (6, 5)
    assert row.core_s == 12.0
    assert row.wall_s == 9.0
    assert (row.cores, row.memory_bytes) == (2, 10)


def test_a_row_is_fitted_per_unit():
    row = Measured(EMT, "Cu", {"atoms": 7.0})
    row.add(Effort(cpu_s=2.0, max_memory_bytes=100), units=4)
    assert fit_measured([row])[EMT].estimate("Cu", row.sizes).value == pytest.approx(0.5, rel=0.1)
    assert fit_memory([row])[EMT].estimate("Cu", row.sizes).value == pytest.approx(100, rel=0.1)


@pytest.mark.parametrize("sizes", [{}, {"atoms": 0.0}])
def test_without_sizes_or_costs_there_is_no_law(sizes):
    row = Measured(EMT, "Cu", sizes)
    row.add(Effort(cpu_s=2.0, max_memory_bytes=100))
    assert fit_measured([row]) == fit_memory([row]) == {}
    silent = Measured(EMT, "Cu", {"atoms": 7.0})
    silent.add(Effort())
    assert fit_measured([silent]) == fit_memory([silent]) == {}
