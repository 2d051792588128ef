"""What stays private on this machine: passwords in the environment and in files.

Owns the rule which variables programs that are started from here do not get, and the refusal of
files with a password that others may read. Does not know which files there are (``ops``) and
does not look for secrets in results (``ops.audit.secrets``).
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from urllib.parse import unquote

from tm23flows.errors import InputError

LAUNCHERS = re.compile(
    r"^(SLURM|SRUN|PMI|PMIX|PRTE|OMPI|OPAL|I_MPI|MPI|MPICH|MPIR|HYDRA|HYDI|PALS|PBS|LSB|FLUX)_"
)
"""Variables that schedulers and MPI hand from one process to the next, whatever their name."""

_OURS = re.compile(r"^(TM23|JOBFLOW|FW)_", re.IGNORECASE)
_NAMED = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASS|PWD|CREDENTIALS?)$", re.IGNORECASE)
_NO_SECRET = frozenset({"PWD", "OLDPWD"})
_IN_URI = re.compile(r"\w://[^:/@\s]*:([^@\s]+)@")
_PASSWORD_LINE = re.compile(
    r"""^(?:[^#\n]*[{,])?[ \t]*["']?password["']?[ \t]*:[ \t]*(?!null\b|~)["']?[^\s"'#,}]""",
    re.MULTILINE,
)
_SHORTEST = 6


def private_variables() -> list[str]:
    """List the variables that no other program shall get.

    Returns
    -------
    Names: those of this package, of jobflow and FireWorks, which lead to the database; those
    that are called like a secret; and those whose value holds a URI with a password, or the
    password of the database. What schedulers and MPI use is not among them by its name.
    """
    password = _password(os.environ.get("TM23_MONGO_URI", ""))
    return sorted(name for name, value in os.environ.items() if _is_private(name, value, password))


def program_environment() -> dict[str, str]:
    """Return the environment for a program that is not ours.

    Returns
    -------
    All variables but the :func:`private_variables`.
    """
    hidden = set(private_variables())
    return {name: value for name, value in os.environ.items() if name not in hidden}


def holds_password(text: str) -> bool:
    """Say whether a configuration holds a password.

    Parameters
    ----------
    text
        Content of the file.

    Returns
    -------
    True if there is a URI with one, or a ``password: ...`` that is not empty, on a
    line of its own or within braces.
    """
    return bool(_IN_URI.search(text) or _PASSWORD_LINE.search(text))


def refuse_shared(path: Path) -> None:
    """Refuse a file that others than its owner may read or write.

    Parameters
    ----------
    path
        A file with a password in it.

    Raises
    ------
    InputError
        With the command that mends it.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise InputError(
            f"{path} holds a password and others than its owner may use it (mode {mode:04o}); run "
            f"chmod 600 {path}, and change the password if others were on this machine."
        )


def _is_private(name: str, value: str, password: set[str]) -> bool:
    if _OURS.search(name) or _IN_URI.search(value) or any(one in value for one in password):
        return True
    return bool(_NAMED.search(name)) and name not in _NO_SECRET and not LAUNCHERS.search(name)


def _password(uri: str) -> set[str]:
    found = _IN_URI.search(uri)
    given = {found[1], unquote(found[1])} if found else set()
    return {one for one in given if len(one) >= _SHORTEST}
