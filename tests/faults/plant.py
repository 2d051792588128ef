"""A plant to break things in: one database, one launchpad, real workers as processes.

Owns the processes: each has its own group, every wait has an end, and everything is
killed when the plant is closed.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import yaml
from jobflow.managers.fireworks import flow_to_workflow

from tm23flows.errors import DatabaseError
from tm23flows.ops.fireworks_config import write_config
from tm23flows.ops.launchpad import job_states, open_launchpad
from tm23flows.store.archive import Archive
from tm23flows.store.embedded.process import start, stop

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BIN = Path(sys.executable).parent
PING_S = 1
LONG_AGO_S, LONG_AGO = "3600", "2020-01-01T00:00:00"  # nobody is silent for so long by itself
COMMAND_PATIENCE_S = 300.0
RESTART_PATIENCE_S = 60.0
RLAUNCH, TM23_WORKER = ("rlaunch", "rapidfire"), ("tm23", "worker")


class Plant:
    """A database and its workers in one folder, who see some more variables.

    Where ``line`` is set, workers and commands reach the database through that URI. After
    ``lock_patience_s`` with a workflow locked by another, FireWorks leaves a job unfinished: few
    seconds are for plants in which those who lock die, and nobody comes back.
    """

    def __init__(self, folder: Path, variables: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.line: str | None = None
        self.lock_patience_s = 60
        self.variables = dict(variables or {})  # what this plant adds is its own
        self.database = start(folder / "database", 0)
        self.launchpad = open_launchpad(self.uri)
        self.log = folder / "executions.log"
        self._workers: list[subprocess.Popen] = []
        self._configure("operator", "")

    @property
    def uri(self):
        return self.database.uri

    def archive(self):
        """Open the archive from outside, past the workers."""
        return Archive.open(self.uri, "tm23")

    def add(self, flows):
        """Add one workflow per flow or job, as a user's script does."""
        self.launchpad.bulk_add_wfs([flow_to_workflow(flow) for flow in flows])

    def worker(self, name, *options, category="", within=(), program=RLAUNCH):
        """Start `rlaunch rapidfire` in a folder of its own, perhaps by another command."""
        folder = self.folder / name
        environment = self._configure(name, category)
        with (folder / "worker.log").open("ab") as log:
            process = subprocess.Popen(
                [*within, BIN / program[0], *program[1:], "--sleep", "1", *options],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._workers.append(process)
        return process

    def run_workers(self, *names, patience_s=400.0, **options):
        """Start workers at once and wait until they find nothing more to do."""
        workers = [self.worker(name, **options) for name in names]
        for worker in workers:
            assert worker.wait(patience_s) == 0, self.last_words()

    def lpad(self, *arguments):
        """Run `lpad` as the operator; return what it prints."""
        return self._command("lpad", *arguments)

    def tm23(self, *arguments):
        """Run `tm23` as the operator; return what it prints."""
        return self._command("tm23", *arguments)

    def _command(self, *words):
        done = subprocess.run(
            [BIN / words[0], *words[1:]],
            cwd=self.folder / "operator",
            env=self._environment("operator"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def events(self, event):
        """List (uuid, worker) of all log lines of an event, oldest first."""
        return [tuple(words[:2]) for words in self.lines(event)]

    def lines(self, event):
        """List the words after the event of all its log lines, oldest first."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [words[1:] for words in map(str.split, lines) if words[0] == event]

    def executions(self):
        """Count starts by job."""
        return Counter(uuid for uuid, _ in self.events("start"))

    def states(self):
        """Count Fireworks by state."""
        return Counter(one.state for one in job_states(self.launchpad))

    def uuids(self, query):
        """Map the uuid of the jobs that match to the number of their Firework."""
        found = self.launchpad.fireworks.find(query, {"fw_id": 1, "spec._tasks": 1})
        return {one["spec"]["_tasks"][0]["job"]["uuid"]: one["fw_id"] for one in found}

    def kill_database(self):
        """SIGKILL the server, without a chance to write anything more."""
        os.kill(self.database.pid, signal.SIGKILL)
        wait_until(lambda: is_gone(self.database.pid))

    def restart_database(self):
        """Start a server on the same folder and port, which somebody's connection may have."""
        port, deadline = self.database.port, time.monotonic() + RESTART_PATIENCE_S
        while True:
            try:
                self.database = start(self.folder / "database", port)
            except DatabaseError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)
            else:
                break
        assert self.database.port == port

    def last_words(self):
        """Return the end of what each worker said, for messages of failed tests."""
        logs = sorted(self.folder.glob("*/worker.log"))
        return "\n".join(f"{log.parent.name}: ...{log.read_text()[-1500:]}" for log in logs)

    def close(self):
        """End every process that was started here."""
        for process in self._workers:
            kill(process)
        self.launchpad.connection.close()
        stop(self.folder / "database")

    def _configure(self, name, category):
        folder = self.folder / name
        write_config(folder, self.line or self.uri, worker=name)
        # In the worker's own folder, where FireWorks looks before anywhere else.
        for file, changes in {
            "FW_config.yaml": {
                "PING_TIME_SECS": PING_S,
                "WFLOCK_EXPIRATION_SECS": self.lock_patience_s,
            },
            "my_fworker.yaml": {"category": category},
        }.items():
            content = yaml.safe_load((folder / file).read_text())
            (folder / file).write_text(yaml.safe_dump({**content, **changes}))
        return self._environment(name)

    def _environment(self, name):
        folder = self.folder / name
        inherited = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("TM23_", "FW_", "JOBFLOW_"))
        }
        return {
            **inherited,
            "HOME": str(folder),  # nobody's ~/.fireworks
            "PYTHONPATH": os.pathsep.join([str(HERE), str(ROOT)]),
            "OMP_NUM_THREADS": "1",
            "FW_CONFIG_FILE": str(folder / "FW_config.yaml"),
            "JOBFLOW_CONFIG_FILE": str(folder / "jobflow.yaml"),
            "TM23_DB_PATH": str(self.folder / "database"),
            "FAULT_WORKER": name,
            **({"TM23_MONGO_URI": self.line} if self.line else {}),
            **self.variables,
        }


@contextmanager
def open_plant(folder, variables=None):
    """Have a plant while the block lasts."""
    plant = Plant(folder, variables)
    try:
        yield plant
    finally:
        plant.close()


def kill(process):
    """SIGKILL a worker with all its children, and take its exit status."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(60.0)


def kill_at_work(plant, workers):
    """SIGKILL workers when one of them has a job; they stand still while that is looked up.

    All but one may have ended: one that asks for jobs while another ends one finds none waiting.
    """

    def is_caught():
        alive = [one for one in workers if one.poll() is None]
        assert alive, "all workers ended before they could be killed"
        for worker in alive:
            os.killpg(worker.pid, signal.SIGSTOP)
        if plant.states()["RUNNING"]:
            return True
        for worker in alive:
            os.killpg(worker.pid, signal.SIGCONT)
        return False

    wait_until(is_caught, explain=plant.last_words)
    for worker in workers:
        kill(worker)


def silence(plant, fw_id):
    """Let a worker not be heard of for years, so that nobody has to wait for it."""
    launch = plant.launchpad.launches.find_one({"fw_id": fw_id, "state": "RUNNING"})
    for one in launch["state_history"]:
        one["updated_on"] = LONG_AGO
    plant.launchpad.launches.replace_one({"_id": launch["_id"]}, launch)


def is_silent(plant, fw_id):
    """Whether a worker has said nothing since it was silenced."""
    launch = plant.launchpad.launches.find_one({"fw_id": fw_id, "state": "RUNNING"})
    return all(one["updated_on"] == LONG_AGO for one in launch["state_history"])


def is_gone(pid):
    """Whether a process has ended, even if its parent did not take notice yet."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return text.rpartition(")")[2].split()[0] == "Z"


def wait_until(condition, patience_s=200.0, explain=lambda: ""):
    """Wait for a condition; fail after a while."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {patience_s} s in vain; {explain()}"
        time.sleep(0.02)


def lost_fireworks(output):
    """Read the numbers of Fireworks off the report of `lpad detect_lostruns`."""
    found = re.search(r"Detected \d+ lost FWs: \[(.*)\]", output)
    assert found, output
    return [int(number) for number in re.findall(r"\d+", found[1])]
