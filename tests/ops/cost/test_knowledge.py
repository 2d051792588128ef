"""What was measured, made ready: laws for what has a cost, the cores it had, bytes."""

from tm23flows.documents.effort import Effort
from tm23flows.ops.cost.knowledge import Knowledge, learn
from tm23flows.ops.cost.measured import Measured
from tm23flows.ops.cost.storage import Bytes
from tm23flows.ops.cost.work import LABEL, STEP, Kind


def row(kind, metal, **effort):
    found = Measured(kind, metal, {"atoms": 7.0})
    found.add(Effort(**effort))
    return found


def test_laws_cores_and_bytes():
    step, label = Kind("emt", STEP), Kind("emt", LABEL)
    rows = [
        row(step, "Cu", cpu_s=1.0, cores=4, max_memory_bytes=5),
        row(step, "Au", cpu_s=2.0, cores=8),
        row(label, "Cu", wall_s=3.0),
    ]
    known = learn(rows, Bytes(label=1.0))
    assert set(known.times) == {step}
    assert known.times[step].n_runs == 2
    assert known.memory[step].n_runs == 1
    assert known.cores == {step: 8, label: 1}
    assert known.sizes.label == 1.0


def test_nothing_is_known_of_nothing():
    assert learn([]) == Knowledge()
