"""The files of this user that may hold the password of a database.

Owns which files these are: our settings, FireWorks' and jobflow's. What a password looks like
and when a file is open to others is known by ``private``.
"""

from __future__ import annotations

import os
from pathlib import Path

from tm23flows.errors import InputError
from tm23flows.private import holds_password, refuse_shared
from tm23flows.settings import DEFAULT_FILE


def credential_files() -> list[Path]:
    """List the configuration files that this process and its workers read.

    Returns
    -------
    Those that are there.
    """
    from fireworks import fw_config

    named = [
        os.environ.get("TM23_CONFIG_FILE", DEFAULT_FILE),
        fw_config.LAUNCHPAD_LOC,
        fw_config.FWORKER_LOC,
        fw_config.QUEUEADAPTER_LOC,
        os.environ.get("FW_CONFIG_FILE"),
        os.environ.get("JOBFLOW_CONFIG_FILE", "~/.jobflow.yaml"),
    ]
    paths = [Path(one).expanduser() for one in named if one]
    return [path for path in dict.fromkeys(paths) if path.is_file()]


def check_private(path: Path) -> None:
    """Refuse a configuration file with a password that others than its owner may read.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    InputError
        With the command that mends it, or if the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"The file {path} cannot be read: {error.strerror}.") from error
    if holds_password(text):
        refuse_shared(path)


def check_credentials() -> list[Path]:
    """Check all :func:`credential_files`.

    Returns
    -------
    The files that were looked at.

    Raises
    ------
    InputError
        What :func:`check_private` says of the first that is refused.
    """
    files = credential_files()
    for path in files:
        check_private(path)
    return files
