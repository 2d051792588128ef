from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tm23flows import stopping
from tm23flows.errors import (
    InputError,
    MissingDependencyError,
    OutOfTimeError,
    TrainingError,
)
from tm23flows.trainers.worker import Worker, run_worker
from tm23flows.trainers.workers import worker_io

WORKERS = Path(worker_io.__file__).parent
PRELUDE = f"import os, sys, time\nsys.path.insert(0, {str(WORKERS)!r})\nfrom worker_io import *\n"


@pytest.fixture
def worker(tmp_path):
    """Make a worker of a few lines; ``task`` is its function."""

    def make(body: str, library: str = "json") -> Worker:
        script = tmp_path / "script.py"
        code = PRELUDE + textwrap.dedent(body) + f"\nanswer([{library!r}], {{'train': task}})\n"
        script.write_text(code)
        return Worker("Oracle", str(script), "trainer_python_flare", "ask it to come")

    return make


def interpreter(path: Path, line: str) -> str:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
    return str(path)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until(condition, seconds: float = 300.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_the_answer_comes_home(worker, tmp_path):
    script = worker("def task(request): return {'twice': 2 * request['n']}")
    assert run_worker(script, "train", {"n": 21}, tmp_path) == {"twice": 42}
    assert not list(tmp_path.glob("*.part"))


def test_a_worker_has_one_thread(worker, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    script = worker("def task(request): return {'n': os.environ['OMP_NUM_THREADS']}")
    assert run_worker(script, "train", {}, tmp_path) == {"n": "1"}
    assert os.environ["OMP_NUM_THREADS"] == "7"


def test_a_worker_is_not_told_how_to_open_a_database(worker, tmp_path, monkeypatch):
    for name, value in {
        "TM23_MONGO_URI": "mongodb://host/",
        "TM23_CONFIG_FILE": str(tmp_path / "none.yaml"),
        "JOBFLOW_CONFIG_FILE": "/a/jobflow.yaml",
        "FW_CONFIG_FILE": "/a/FW_config.yaml",
        "MP_API_KEY": "k",
        "ANY_NAME": "mongodb+srv://me:S3CRET@host/db?x=1",
        "PLAIN": "https://host:80/path",
    }.items():
        monkeypatch.setenv(name, value)
    script = worker("def task(request): return dict(os.environ)")
    seen = run_worker(script, "train", {}, tmp_path)
    assert seen["PLAIN"] == "https://host:80/path"
    assert seen["PATH"] == os.environ["PATH"]
    private = ("TM23_", "JOBFLOW_", "FW_", "MP_API_KEY", "ANY_NAME")
    assert not [name for name in seen if name.startswith(private)]


def test_a_crash_is_told_with_its_reason_and_the_log(worker, tmp_path):
    script = worker("""
        def task(request):
            print("working")
            raise ArithmeticError("the matrix is singular")
    """)
    with pytest.raises(TrainingError, match="ArithmeticError: the matrix is singular") as caught:
        run_worker(script, "train", {}, tmp_path)
    assert str(tmp_path / "train.log") in str(caught.value)
    assert "working" in (tmp_path / "train.log").read_text()


def test_the_result_of_an_earlier_run_is_not_taken_for_this_one(worker, tmp_path):
    run_worker(worker("def task(request): return {'ok': 1}"), "train", {}, tmp_path)
    with pytest.raises(TrainingError, match="exit status 0"):
        run_worker(worker("def task(request): os._exit(0)"), "train", {}, tmp_path)


def test_a_kill_is_told_as_one(worker, tmp_path):
    script = worker("def task(request): os.kill(os.getpid(), 9)")
    with pytest.raises(TrainingError, match=r"signal 9 .*memory") as caught:
        run_worker(script, "train", {}, tmp_path)
    assert caught.value.reason == "killed"


@pytest.mark.parametrize("kind", ["diverged", "out_of_memory", "failed"])
def test_a_failure_keeps_its_name(worker, tmp_path, kind):
    script = worker(f"def task(request): raise RequestError({kind!r}, 'It ended.')")
    with pytest.raises(TrainingError, match=r"It ended\. The log is") as caught:
        run_worker(script, "train", {}, tmp_path)
    assert caught.value.reason == kind


def test_a_worker_is_asked_to_stop_and_not_again_in_the_next_run(worker, tmp_path):
    script = worker("""
        def task(request):
            from pathlib import Path
            end = time.monotonic() + request["patience_s"]
            while time.monotonic() < end:
                if stop_asked(Path.cwd()):
                    raise RequestError("stopped", "It was asked to stop.")
                time.sleep(0.02)
            return {"done": True}
    """)
    seen = []
    with pytest.raises(OutOfTimeError, match="asked to stop"):
        run_worker(
            script, "train", {"patience_s": 60}, tmp_path, lambda folder: not seen.append(folder)
        )
    assert set(seen) == {tmp_path}
    again = run_worker(script, "train", {"patience_s": 0.2}, tmp_path, lambda _folder: False)
    assert again == {"done": True}


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("input", InputError),
        ("unsupported", MissingDependencyError),
        ("library", MissingDependencyError),
        ("failed", TrainingError),
    ],
)
def test_errors_of_a_worker_become_errors_for_users(worker, tmp_path, kind, error):
    script = worker(f"def task(request): raise RequestError({kind!r}, 'It is too late.')")
    with pytest.raises(error, match=r"It is too late\."):
        run_worker(script, "train", {}, tmp_path)


def test_a_missing_library_is_told_with_the_fix(worker, tmp_path):
    script = worker("def task(request): return {'ok': 1}", library="no_such_library")
    with pytest.raises(MissingDependencyError, match="ask it to come") as caught:
        run_worker(script, "train", {}, tmp_path)
    assert "no_such_library" in str(caught.value)
    assert "TM23_TRAINER_PYTHON_FLARE" in str(caught.value)


@pytest.mark.parametrize("name", ["flare", "nequip", "allegro"])
def test_an_interpreter_without_any_library_is_told(name, tmp_path, monkeypatch, dataset_dir):
    from tm23flows.trainers.base import get_trainer

    bare = interpreter(tmp_path / "bare", f'exec {sys.executable} -E -s -S "$@"')
    monkeypatch.setenv(f"TM23_TRAINER_PYTHON_{name.upper()}", bare)
    trainer = get_trainer(name)
    with pytest.raises(MissingDependencyError, match="No module named 'numpy'") as caught:
        trainer.train(dataset_dir, trainer.hyperparameters(), tmp_path / "work", 0)
    assert bare in str(caught.value)


def test_an_interpreter_that_is_not_there_is_told(worker, tmp_path, monkeypatch):
    monkeypatch.setenv("TM23_TRAINER_PYTHON_FLARE", str(tmp_path / "nowhere"))
    script = worker("def task(request): return {'ok': 1}")
    with pytest.raises(MissingDependencyError, match=r"nowhere.*TM23_TRAINER_PYTHON_FLARE"):
        run_worker(script, "train", {}, tmp_path)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_worker_ends_with_its_parent(worker, tmp_path, signum):
    script = worker("""
        def task(request):
            import pathlib
            pathlib.Path("pid.part").write_text(str(os.getpid()))
            pathlib.Path("pid.part").rename("pid")
            time.sleep(600)
    """)
    code = (
        # A shell lets what it runs in the background ignore this signal.
        "import pathlib, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from tm23flows.trainers.worker import Worker, run_worker\n"
        f"worker = Worker('Oracle', {script.script!r}, 'trainer_python_flare', '')\n"
        f"run_worker(worker, 'train', {{}}, pathlib.Path({str(tmp_path)!r}))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    try:
        assert wait_until((tmp_path / "pid").exists)
        pid = int((tmp_path / "pid").read_text())
        assert alive(pid)
        parent.send_signal(signum)
        assert parent.wait(timeout=300) == -signum
        assert wait_until(lambda: not alive(pid))
    finally:
        parent.kill()


def test_a_parent_that_handles_termination_itself_is_told_after_the_worker_ended(worker, tmp_path):
    script = worker("""
        def task(request):
            time.sleep(1)  # the parent goes on after it has started this
            os.kill(os.getppid(), 15)
            time.sleep(600)
    """)
    seen = []
    before = signal.signal(signal.SIGTERM, lambda signum, _frame: seen.append(signum))
    try:
        with pytest.raises(TrainingError, match="signal"):
            run_worker(script, "train", {}, tmp_path)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == [signal.SIGTERM]


def test_where_a_signal_is_a_request_to_stop_the_worker_is_ended_and_its_task_given_back(
    worker, tmp_path
):
    script = worker("""
        def task(request):
            os.kill(os.getppid(), 15)
            time.sleep(600)
    """)
    try:
        with stopping.stopping_on_signals(), pytest.raises(OutOfTimeError, match="told to stop"):
            run_worker(script, "train", {}, tmp_path)
        assert stopping.stop_requested() == "SIGTERM"
    finally:
        stopping.forget_request()


def test_the_handler_for_termination_is_given_back(worker, tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    run_worker(worker("def task(request): return {'ok': 1}"), "train", {}, tmp_path)
    assert signal.getsignal(signal.SIGTERM) == before


def test_the_workers_import_nothing_of_the_package():
    for path in WORKERS.glob("*.py"):
        lines = path.read_text().splitlines()
        imports = [line for line in lines if line.strip().startswith(("import ", "from "))]
        assert not [line for line in imports if "tm23flows" in line], path.name


def test_a_crash_is_not_put_down_to_memory(worker, tmp_path):
    script = worker("def task(request): os.kill(os.getpid(), 11)")
    with pytest.raises(TrainingError, match=r"signal 11 \(Segmentation fault\)\.") as ended:
        run_worker(script, "train", {}, tmp_path)
    assert ended.value.reason == "killed"
