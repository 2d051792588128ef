"""Kill points: where they are, when they come, and that nothing is left of them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tm23flows.documents.frame import Frame
from tm23flows.errors import DatabaseError, InputError
from tm23flows.jobs import claimed
from tm23flows.store import claims
from tm23flows.store.archive import Archive
from tm23flows.testing.faults import Fault, command_with_faults, injected, read_plan

PUT = "tm23flows.store.archive:Archive.put"
ID = "tm23flows.store.claims:task_id"


def test_before_nothing_is_done_and_after_all_is(archive, make_frame):
    first, second = make_frame(1), make_frame(2)
    with (
        injected(Fault(at=PUT, do="raise", error="tm23flows.errors:DatabaseError")) as happened,
        pytest.raises(DatabaseError),
    ):
        archive.put(first)
    assert [one.at for one in happened] == [PUT]
    with (
        injected(Fault(at=PUT, when="after", do="raise", error="builtins:KeyError")),
        pytest.raises(KeyError),
    ):
        archive.put(second)
    assert archive.existing(Frame, [first.id, second.id]) == {second.id}


def test_a_lost_acknowledgement_is_a_write_and_an_error(archive, make_frame):
    from pymongo.errors import AutoReconnect

    frame = make_frame(1)
    with injected(Fault(at=PUT, do="ack_lost")), pytest.raises(AutoReconnect):
        archive.put(frame)
    assert archive.get(Frame, frame.id).id == frame.id


@pytest.mark.parametrize(("call", "expected"), [(1, [1, 0, 0]), (3, [0, 0, 1]), (0, [1, 1, 1])])
def test_the_call_is_counted(call, expected):
    with injected(Fault(at=ID, when="after", do="sleep", call=call)) as happened:
        seen = []
        for number in range(3):
            before = len(happened)
            claims.task_id("labels", number=number)
            seen.append(len(happened) - before)
    assert seen == expected


def test_names_that_were_imported_are_wrapped_too_and_nothing_is_left():
    original, method = claims.acquire, Archive.put
    assert claimed.acquire is original
    with injected(Fault(at="tm23flows.store.claims:acquire"), Fault(at=PUT)):
        assert claimed.acquire is claims.acquire is not original
        assert Archive.put is not method
    assert claimed.acquire is claims.acquire is original
    assert Archive.put is method


def test_an_inherited_method_is_wrapped_in_its_class_only():
    from tm23flows.engines.ase_engine import AseEngine
    from tm23flows.engines.emt import EmtEngine

    method = AseEngine.label
    assert "label" not in vars(EmtEngine)
    with injected(Fault(at="tm23flows.engines.emt:EmtEngine.label")):
        assert AseEngine.label is method is not EmtEngine.label
    assert EmtEngine.label is method
    assert "label" not in vars(EmtEngine)


def test_class_methods_are_wrapped(database):
    with injected(Fault(at="tm23flows.store.archive:Archive.open", do="sleep")) as happened:
        assert isinstance(Archive.open(), Archive)
    assert len(happened) == 1
    assert isinstance(Archive.open(), Archive)


def test_streams_fail_at_an_item_or_at_their_end(monkeypatch):
    module = type(sys)("streams")

    def count(up_to):
        yield from range(up_to)

    module.count = count
    monkeypatch.setitem(sys.modules, "streams", module)
    taken = []
    with injected(Fault(at="streams:count", do="raise", item=2, error="builtins:KeyError")):
        with pytest.raises(KeyError):
            taken.extend(module.count(5))
        assert list(module.count(3)) == [0, 1, 2]  # the second call
    assert taken == [0, 1]
    with injected(Fault(at="streams:count", when="after", do="sleep")) as happened:
        stream = module.count(2)
        assert [next(stream), next(stream), happened] == [0, 1, []]
        assert list(stream) == []
        assert len(happened) == 1


def test_once_is_once_for_all_processes(tmp_path):
    fault = Fault(at=ID, do="raise", error="builtins:KeyError", call=0, once=tmp_path / "once")
    with injected(fault), pytest.raises(KeyError):
        claims.task_id("labels")
    with injected(fault) as happened:
        claims.task_id("labels")
    assert happened == []


SCRIPT = """
import sys
from tm23flows.store.claims import task_id
for number in range(3):
    task_id("labels", number=number)
    sys.stdout.write(f"{sys.argv[1]}{number} ")
    sys.stdout.flush()
"""


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [
        (Fault(at=ID, call=2), -signal.SIGKILL, "a0 "),
        (Fault(at=ID, when="after", do="sigterm", call=3), -signal.SIGTERM, "a0 a1 "),
        (Fault(at=ID, do="sleep"), 0, "a0 a1 a2 "),
    ],
    ids=["sigkill", "sigterm", "sleep"],
)
def test_a_process_dies_where_the_plan_says(tmp_path, fault, status, said):
    script = tmp_path / "script"
    script.write_text(SCRIPT)
    command, variables = command_with_faults([fault], str(script), "a")
    done = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (status, said), done.stderr


def test_a_process_stands_still_where_the_plan_says(tmp_path):
    script = tmp_path / "script"
    script.write_text(SCRIPT)
    fault = Fault(at=ID, when="after", do="sigstop", call=2)
    command, variables = command_with_faults([fault], str(script), "a")
    with subprocess.Popen(
        command, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
        assert os.read(process.stdout.fileno(), 100) == b"a0 "
        process.send_signal(signal.SIGCONT)
        assert process.stdout.read() == "a1 a2 "
    assert process.returncode == 0


def test_scripts_beside_the_interpreter_are_found_by_name():
    command, variables = command_with_faults([], "tm23", "--version")
    done = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize(
    "plan",
    ["{", "[1]", "{}", '[{"at": "os:_exit"}]', '[{"at": "os:kill", "do": "explode"}]',
     '[{"at": "os:kill", "whn": "before"}]', '[{"at": "os.kill"}]'],
)  # fmt: skip
def test_a_wrong_plan_is_refused(plan):
    with pytest.raises(InputError, match="no plan of faults"):
        read_plan(plan)


@pytest.mark.parametrize("place", ["os:nothing", "no_such_module:f", "tm23flows.log:logging",
                                   f"{PUT}.more"])  # fmt: skip
def test_places_that_are_none_are_refused(place):
    with pytest.raises((InputError, ValueError)), injected(Fault(at=place)):
        pass


def test_plans_go_through_json(tmp_path):
    faults = [Fault(at=PUT, call=3, once=tmp_path / "x"), Fault(at=ID, do="sleep", seconds=0.5)]
    _, variables = command_with_faults(faults, "rlaunch")
    (plan,) = variables.values()
    assert read_plan(plan) == faults
    assert isinstance(json.loads(plan), list)
    assert Path(str(faults[0].once)).name == "x"
