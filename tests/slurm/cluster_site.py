"""A clone of the shipped files on a cluster of tests, set up as docs/tutorials/your_cluster.md says.

Owns the folder: launchpad/ and my_fworker.yaml as they are shipped, the environment of the running
tests as the clone's own, a database and a home of their own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import yaml
from jobflow.managers.fireworks import flow_to_workflow

from tm23flows.ops.launchpad import job_states, open_launchpad
from tm23flows.store.archive import Archive
from tm23flows.store.embedded.process import start, stop

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
COMMAND_PATIENCE_S = 240.0

IMPATIENT = {"QUEUE_UPDATE_INTERVAL": 1, "RAPIDFIRE_SLEEP_SECS": 1, "WFLOCK_EXPIRATION_SECS": 3}
"""FireWorks waits five seconds after each submission, and as long as it likes for a lock."""


class Site:
    """The clone of a user, on a cluster."""

    def __init__(self, folder, slurm):
        self.folder = folder / "clone"
        self.slurm = slurm
        shutil.copytree(ROOT / "launchpad", self.folder / "launchpad")
        shutil.copy(ROOT / "my_fworker.yaml", self.folder)
        (self.folder / ".venv").symlink_to(sys.prefix)
        (folder / "home").mkdir()
        self._environment = {
            **{
                k: v
                for k, v in os.environ.items()
                if not k.startswith(("TM23", "FW_", "JOBFLOW", "SLURM"))
            },
            **slurm.environment,
            "HOME": str(folder / "home"),
            "PYTHONPATH": str(HERE),
            "TM23_DB_PATH": str(folder / "database"),
        }
        self.database = start(folder / "database", 0)
        self.launchpad = open_launchpad(self.database.uri)
        self.shell("true")  # writes the files of FireWorks
        written = folder / "database" / "config" / "FW_config.yaml"
        content = yaml.safe_load(written.read_text())
        written.write_text(yaml.safe_dump({**content, **IMPATIENT}))
        # What a shell has that has sourced the environment before: it does not write them again.
        for name, file in {
            "FW_CONFIG_FILE": "FW_config.yaml",
            "JOBFLOW_CONFIG_FILE": "jobflow.yaml",
        }.items():
            self._environment[name] = str(written.parent / file)

    def set(self, name, value):
        """Export a variable, as a user does in launchpad/environment.sh."""
        self._environment[name] = value

    def shell(self, command, code=0):
        """Run a line in the clone, in a shell that has sourced launchpad/environment.sh."""
        done = subprocess.run(
            ["bash", "-c", f". launchpad/environment.sh\n{command}"],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_PATIENCE_S,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def cron(self, line):
        """Run a line of a crontab once, as cron does: with sh, at home, and nearly no environment."""
        command = line.split(maxsplit=5)[5].replace("/PATH/TO/CLONE", str(self.folder))
        kept = {"HOME", "PYTHONPATH", "TM23_DB_PATH", *self.slurm.environment}
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self._environment["HOME"],
            env={
                "PATH": "/usr/bin:/bin",
                **{name: value for name, value in self._environment.items() if name in kept},
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_PATIENCE_S,
            check=False,
        )
        assert done.stdout + done.stderr == "", "cron would send a mail"
        (log,) = re.findall(r">> ~/(\S+)", command)
        said = (Path(self._environment["HOME"]) / log).read_text()
        assert done.returncode == 0, said
        return said

    def change(self, name, **values):
        """Fill in values of a file in launchpad/, as a user does for a cluster."""
        path = self.folder / "launchpad" / name
        content = yaml.safe_load(path.read_text())
        path.write_text(yaml.safe_dump({**content, **values}, sort_keys=False))

    def archive(self):
        """Open the archive from outside."""
        return Archive.open(self.database.uri, "tm23")

    def add(self, flow):
        """Add a workflow, as a user's script does."""
        self.launchpad.add_wf(flow_to_workflow(flow, store=None))

    def states(self):
        """Count Fireworks by state."""
        return Counter(one.state for one in job_states(self.launchpad))

    def workers(self):
        """Map names of jobs to those of the workers that completed them."""
        names = {one.fw_id: one.name for one in job_states(self.launchpad)}
        found = self.launchpad.launches.find(
            {"state": "COMPLETED"}, {"fw_id": 1, "fworker.name": 1}
        )
        return {names[one["fw_id"]]: one["fworker"]["name"] for one in found}

    def last_words(self):
        """Return the end of what all SLURM jobs said."""
        logs = sorted([*self.folder.rglob("*.out"), *self.folder.rglob("*.error")])
        return "\n".join(f"{log.name}: ...{log.read_text()[-2500:]}" for log in logs)

    def close(self):
        """Kill the jobs and stop the database."""
        self.slurm.clear()
        self.launchpad.connection.close()
        stop(Path(self._environment["TM23_DB_PATH"]))
