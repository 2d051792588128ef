"""Sums of costs, draw by draw; what is unknown is left out and said."""

import pytest

from tm23flows.documents.effort import Effort
from tm23flows.ops.cost.book import CostBook
from tm23flows.ops.cost.knowledge import learn
from tm23flows.ops.cost.measured import Measured
from tm23flows.ops.cost.tasks import Task, Work
from tm23flows.ops.cost.work import LABEL, STEP, Kind

STEPS, LABELS = Kind("emt", STEP), Kind("emt", LABEL)
SIZES = ({"atoms": 7.0},)


def task(number, *work, parents=(), stage="aimd"):
    return Task(number, f"job {number}", "Cu", stage, "f", parents, work)


@pytest.fixture(scope="module")
def book():
    row = Measured(STEPS, "Cu", dict(SIZES[0]))
    row.add(Effort(cpu_s=20.0, cores=2, max_memory_bytes=1000), units=10)
    return CostBook(learn([row]), None)


def test_twice_the_work_costs_twice_as_much_in_every_draw(book):
    one, two = (book.draws(task(1, Work(STEPS, units, SIZES))) for units in (10, 20))
    assert two == pytest.approx(2 * one)


def test_a_limit_is_kept(book):
    assert book.of("Cu", Work(STEPS, 1000, SIZES, limit_s=50.0)).max() == 50.0


def test_the_known_part_of_a_stage(book):
    known, unknown = task(1, Work(STEPS, 10, SIZES)), task(2, Work(LABELS, 5, SIZES))
    alone, both = book.sum([known], "all", "aimd"), book.sum([known, unknown], "all", "aimd")
    assert alone.complete
    assert not both.complete
    assert both.core_s == alone.core_s
    assert both.memory_bytes is None
    assert alone.memory_bytes.holds(1000)
    rows = list(book.rows(("Cu", "aimd"), [known, unknown, task(3)]))
    assert [row.work for row in rows] == ["emt step", "emt label", ""]
    assert rows[0].core_s == alone.core_s
    assert rows[1].unknown.startswith("no emt label was measured yet")
    assert "f are counted" in rows[2].unknown


def test_sizes_that_are_not_known(book):
    (row,) = book.rows(("Cu", "aimd"), [task(1, Work(STEPS, 10))])
    assert row.core_s is None
    assert "not known before it runs" in row.unknown


def test_wall_time_along_a_chain(book):
    first, second = (
        task(n, Work(STEPS, 10, SIZES), parents=(1,) if n == 2 else ()) for n in (1, 2)
    )
    single, chain = book.wall([first], 1), book.wall([first, second], 9)
    assert chain.value == pytest.approx(2 * single.value)
    assert single.value == pytest.approx(book.sum([first], "all", "all").core_s.value / 2, rel=0.02)
    assert book.wall([task(1, Work(LABELS, 5, SIZES))], 1) is None
    seconds_each = task(3, stage="analyse")
    assert book.wall([first, seconds_each], 1) == single
