"""The files of this user that may hold the password of a database.

Owns which files these are: our settings, FireWorks' and jobflow's. What a password looks like
and when a file is open to others is known by ``private``.
"""

from __future__ import annotations

import os
import stat
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


def launchpad_address(path: Path) -> str:
    """Read which server FireWorks uses, as plain values: nothing in the file is run.

    Parameters
    ----------
    path
        A ``my_launchpad.yaml``.

    Returns
    -------
    A URI.

    Raises
    ------
    InputError
        If it cannot be read, or names no server.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        # The error itself may quote the line with the password.
        raise InputError(f"{path} cannot be read ({type(error).__name__}); mend it.") from None
    host = content.get("host") if isinstance(content, dict) else None
    if not isinstance(host, str):
        raise InputError(f"{path} names no host; write the URI of the database there.")
    port = content.get("port") or 27017
    return host if content.get("uri_mode") or "://" in host else f"mongodb://{host}:{port}"


def check_private(path: Path) -> None:
    """Refuse a configuration file with a password that others than its owner may read.

    FireWorks' and jobflow's files name programs and classes, so none of them may be one that
    everybody can write.

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
    if path.stat().st_mode & stat.S_IWOTH:
        raise InputError(
            f"{path} says what runs here and everybody may write it; run chmod o-w {path}."
        )


def check_credentials(*others: Path | None) -> list[Path]:
    """Check all :func:`credential_files`, and some more.

    Parameters
    ----------
    others
        Files that were named on a command line; None and what is not there is passed over.

    Returns
    -------
    The files that were looked at.

    Raises
    ------
    InputError
        What :func:`check_private` says of the first that is refused.
    """
    named = [path for path in others if path is not None and path.is_file()]
    files = list(dict.fromkeys([*credential_files(), *named]))
    for path in files:
        check_private(path)
    return files
