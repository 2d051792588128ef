"""Which commands start VASP on this machine.

Owns the order in which they are looked up, and the refusal of commands that come with a
workflow and not from this machine. Does not run them (``run``) and does not know which of the
two a calculation needs: custodian decides that by the k-points.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from shutil import which
from typing import Any

import yaml

from tm23flows.errors import InputError, MissingDependencyError
from tm23flows.settings import get_settings

Command = tuple[str, ...]


def vasp_commands(
    standard: str | None = None, gamma: str | None = None
) -> tuple[Command, Command | None]:
    """Return the commands of the standard and of the Gamma-point binary.

    Each is taken from the first place that names it: the settings ``vasp_cmd`` and
    ``vasp_gamma_cmd`` (``TM23_VASP_CMD``, ``TM23_VASP_GAMMA_CMD``), ``env`` of FireWorks'
    ``my_fworker.yaml``, atomate2's settings.

    A workflow comes out of a database, and whoever writes there must not choose what runs here.
    So a command that it names has to be one of these, or one of the setting
    ``allowed_commands``. It is compared word by word; no variable in it is replaced.

    Parameters
    ----------
    standard
        Command of the standard binary; what a Maker's ``run_vasp_kwargs`` say.
    gamma
        Command of the Gamma-point binary.

    Returns
    -------
    Words of both commands. The second is None if its program is not there: the standard
    binary computes the Gamma point too.

    Raises
    ------
    InputError
        If a command is not a text, or a workflow names one that is not allowed here.
    MissingDependencyError
        If the program of the standard command is not found.
    """
    return _standard(standard), _gamma(gamma)


def _standard(given: str | None) -> Command:
    command, where = _look_up("vasp_cmd", given)
    if which(command[0]) is None:
        raise MissingDependencyError(
            f"VASP is not here: there is no program '{command[0]}' ({where}); set TM23_VASP_CMD "
            "to the command that starts VASP, such as 'srun vasp_std'."
        )
    return command


def _gamma(given: str | None) -> Command | None:
    command, _ = _look_up("vasp_gamma_cmd", given)
    # custodian looks for the last word and would take the standard binary without a word.
    return command if which(command[0]) and which(command[-1]) else None


def _look_up(name: str, given: str | None) -> tuple[Command, str]:
    if given is not None:
        return _allowed(given), "run_vasp_kwargs of the Maker"
    if found := getattr(get_settings(), name):
        return _split(found, f"setting {name}")
    path, env = _worker_env()
    if name in env:
        return _split(env[name], f"env of {path}")
    from atomate2 import SETTINGS

    return _split(getattr(SETTINGS, name.upper()), f"{name.upper()} of atomate2's settings")


def _allowed(given: object) -> Command:
    """Return the words of a workflow's command, if this worker allows it."""
    words, _ = _split(given, "run_vasp_kwargs of the Maker", variables=False)
    listed = (get_settings().allowed_commands or "").split(";")
    allowed = [_split(text, "setting allowed_commands")[0] for text in listed if text.strip()]
    own = [_look_up(name, None)[0] for name in ("vasp_cmd", "vasp_gamma_cmd")]
    if words not in (*own, *allowed):
        raise InputError(
            f"The workflow names the command '{' '.join(words)}', which this worker does not "
            "allow: leave vasp_cmd and vasp_gamma_cmd out of run_vasp_kwargs and set TM23_VASP_CMD "
            "where it runs, or add the command to TM23_ALLOWED_COMMANDS there."
        )
    return words


def _worker_env() -> tuple[str, dict[str, Any]]:
    from fireworks.fw_config import FWORKER_LOC

    path = Path(FWORKER_LOC or "")
    if not FWORKER_LOC or not path.is_file():
        return "", {}
    try:
        worker = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"The worker file {path} cannot be read: {reason}.") from error
    env = worker.get("env") if isinstance(worker, dict) else None
    return str(path), env if isinstance(env, dict) else {}


def _split(command: object, where: str, *, variables: bool = True) -> tuple[Command, str]:
    if isinstance(command, (list, tuple)) and all(isinstance(word, str) for word in command):
        words = tuple(command)
    elif isinstance(command, str):
        # No shell will read it, so variables are put in here, as atomate2 does.
        words = tuple(shlex.split(os.path.expandvars(command) if variables else command))
    else:
        words = ()
    if not words:
        raise InputError(
            f"The command of VASP ({where}) must be a text like 'srun vasp_std', not {command!r}."
        )
    return words, where
