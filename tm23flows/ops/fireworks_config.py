"""The files by which FireWorks and jobflow find the database and their worker.

Owns their content. They hold the URI of the database, so a URI with a password
makes files that only their owner can read.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import yaml

from tm23flows.store.connect import ANSWER_TIMEOUT_MS

LAUNCHPAD_DATABASE = "fireworks"
JOBFLOW_DATABASE = "jobflow"

FIREWORKS_SETTINGS = {
    # Job documents may hold secrets of their owner: never leave them in run folders.
    "PRINT_FW_JSON": False,
    # A job whose worker died is found after 20 minutes, not after FireWorks' 4 hours.
    "PING_TIME_SECS": 300,
    "RUN_EXPIRATION_SECS": 1200,
    # A worker that waits for its siblings looks again soon.
    "RAPIDFIRE_SLEEP_SECS": 10,
    "WFLOCK_EXPIRATION_SECS": 60,
}


def write_config(
    folder: Path, uri: str, worker: str = "local", launchpad: str = LAUNCHPAD_DATABASE
) -> dict[str, str]:
    """Write FireWorks' and jobflow's files for a database.

    Parameters
    ----------
    folder
        Where to write; it is made.
    uri
        MongoDB URI, without a database name.
    worker
        Name of the worker in ``my_fworker.yaml``.
    launchpad
        Name of FireWorks' database.

    Returns
    -------
    The environment variables that make every command use them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in _files(folder.resolve(), uri, worker, launchpad).items():
        _write_private(folder / name, yaml.safe_dump(content, sort_keys=False))
    return {
        "FW_CONFIG_FILE": str(folder.resolve() / "FW_config.yaml"),
        "JOBFLOW_CONFIG_FILE": str(folder.resolve() / "jobflow.yaml"),
    }


def _files(folder: Path, uri: str, worker: str, launchpad: str) -> dict[str, dict[str, Any]]:
    store = {"type": "MongoStore", "database": JOBFLOW_DATABASE, "uri": uri}
    return {
        "FW_config.yaml": {"CONFIG_FILE_DIR": str(folder), **FIREWORKS_SETTINGS},
        "my_launchpad.yaml": {
            "host": uri,
            "uri_mode": True,
            "name": launchpad,
            "logdir": None,
            "strm_lvl": "INFO",
            # FireWorks sets none beside a URI, and a worker would ask a server that hangs for ever.
            "mongoclient_kwargs": {"socketTimeoutMS": ANSWER_TIMEOUT_MS},
        },
        "my_fworker.yaml": {"name": worker, "category": "", "query": "{}"},
        "jobflow.yaml": {
            "JOB_STORE": {
                "docs_store": {**store, "collection_name": "outputs", "key": "uuid"},
                "additional_stores": {
                    "data": {**store, "type": "GridFSStore", "collection_name": "blobs"}
                },
            }
        },
    }


def _write_private(path: Path, text: str) -> None:
    # Jobs that start together write the same files, so each has its own part. Modes are 0600.
    descriptor, part = tempfile.mkstemp(prefix=path.name, suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        Path(part).replace(path)
    finally:
        Path(part).unlink(missing_ok=True)
