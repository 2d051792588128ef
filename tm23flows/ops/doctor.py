"""The checks behind ``tm23 doctor``, of everything that the road needs.

Owns the checks of an installation. Each says what it found, and where it found
something wrong, what to do about it. Nothing is changed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tm23flows.errors import MissingDependencyError, TM23Error
from tm23flows.ops.credentials import check_credentials, launchpad_address
from tm23flows.private import program_environment
from tm23flows.settings import get_settings

if TYPE_CHECKING:
    from tm23flows.store.collections import Index

PROBE_TIMEOUT_S = 120
MIN_FREE_GB = 5.0
MIN_PYTHON = (3, 11)


@dataclass(frozen=True)
class Check:
    """What one check found.

    Parameters
    ----------
    name
        What was looked at.
    ok
        Whether it is as it should be.
    detail
        What was found.
    fix
        What to do; empty where nothing is to be done.
    """

    name: str
    ok: bool
    detail: str
    fix: str = ""


def examine() -> Iterator[Check]:
    """Run all checks, one after the other.

    Yields
    ------
    What each found, as soon as it is known.
    """
    for name, check in CHECKS.items():
        try:
            detail = check()
        except TM23Error as error:
            problem, _, fix = str(error).partition("; ")
            yield Check(name, ok=False, detail=problem, fix=fix or "See the documentation.")
        else:
            yield Check(name, ok=True, detail=detail)


def check_python() -> str:
    """Check the interpreter's version.

    Returns
    -------
    The version.

    Raises
    ------
    TM23Error
        If it is too old.
    """
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < MIN_PYTHON:
        raise TM23Error(f"Python {version} is too old; use Python 3.11 or newer.")
    return version


def check_settings() -> str:
    """Check that the settings can be read."""
    settings = get_settings()
    return "embedded database" if settings.mongo_uri is None else "database from mongo_uri"


def check_database() -> str:
    """Check that the database answers and can be written to.

    Returns
    -------
    Its URI without the password.

    Raises
    ------
    TM23Error
        If it does not.
    """
    from tm23flows.store.connect import connect, resolve_uri, without_password

    uri = resolve_uri()
    client = connect(uri)
    probe = client[get_settings().database]["doctor"]
    probe.update_one({"_id": "probe"}, {"$set": {"seen": True}}, upsert=True)
    if probe.find_one({"_id": "probe"}) is None:
        raise TM23Error("The database does not keep what is written; see its log.")
    probe.drop()
    return without_password(uri)


def check_indexes() -> str:
    """Check that queries find the indexes that they need.

    Returns
    -------
    What was found.

    Raises
    ------
    TM23Error
        If one is missing or has other options.
    """
    from tm23flows.store.collections import COLLECTIONS, differing_indexes, missing_indexes
    from tm23flows.store.connect import connect, resolve_uri

    database = connect(resolve_uri())[get_settings().database]
    if not set(COLLECTIONS) & set(database.list_collection_names()):
        return "none yet; the first command that opens the archive makes them"
    if missing := _index_names(missing_indexes(database)):
        raise TM23Error(
            f"The indexes {missing} are missing, so queries read whole collections; run "
            "'tm23 status' as a user who may write: opening the archive makes them."
        )
    if differing := _index_names(differing_indexes(database)):
        raise TM23Error(
            f"The indexes {differing} have other options than they should; drop them in mongosh, "
            "such as db.labels.dropIndex('frame_id_1'), and run 'tm23 status', which makes them."
        )
    return f"all of {len(COLLECTIONS)} collections"


def check_layouts() -> str:
    """Check that all documents have today's layout.

    Returns
    -------
    What was found.

    Raises
    ------
    TM23Error
        If some have an older one.
    """
    from tm23flows.ops.upgrade import older_documents
    from tm23flows.store.archive import Archive

    older = older_documents(Archive.open())
    if older:
        counts = ", ".join(f"{number} {name}" for name, number in older.items())
        raise TM23Error(
            f"{counts} have an older layout: they are read, but queries miss what their layout "
            "did not hold; run tm23 db upgrade."
        )
    return "all documents have today's layout"


def check_passwords() -> str:
    """Check that nobody else can read the passwords in configuration files."""
    return f"{len(check_credentials())} files, none with a password that others may read"


def check_fireworks() -> str:
    """Check that FireWorks' commands would find the same database.

    Returns
    -------
    The file that names it.

    Raises
    ------
    TM23Error
        If they would find none or another one.
    """
    from fireworks import fw_config

    from tm23flows.store.connect import resolve_uri, without_password

    path = fw_config.LAUNCHPAD_LOC
    hint = 'run eval "$(tm23 db env)" in this shell.'
    if path is None:
        raise TM23Error(f"FireWorks finds no my_launchpad.yaml; {hint}")
    address = launchpad_address(Path(path))
    if _server(address) != _server(resolve_uri()):
        raise TM23Error(f"FireWorks uses {without_password(address)} ({path}); {hint}")
    return str(path)


def check_jobflow() -> str:
    """Check that jobs of different workers would share their outputs.

    Returns
    -------
    Its configuration file.

    Raises
    ------
    TM23Error
        If jobflow has no configuration.
    """
    path = Path(os.environ.get("JOBFLOW_CONFIG_FILE", "~/.jobflow.yaml")).expanduser()
    if not path.is_file():
        raise TM23Error(
            f"jobflow has no {path}, so workers would not see each other's results; "
            'run eval "$(tm23 db env)" in this shell.'
        )
    return str(path)


def check_gpaw() -> str:
    """Check that GPAW can be imported, with its compiled part."""
    return _import(sys.executable, "gpaw, _gpaw", "gpaw.__version__")


def check_gpaw_data() -> str:
    """Check the PAW datasets, the generated one included.

    Returns
    -------
    Names and checksums of two of them.

    Raises
    ------
    TM23Error
        If one is missing.
    """
    check_gpaw()
    from tm23flows.engines.gpaw_setups import fingerprint, missing_datasets

    if missing := missing_datasets():
        raise TM23Error(
            f"The GPAW dataset of {', '.join(missing)} is not there; "
            "run python -m tm23flows.engines.gpaw_setups."
        )
    return f"{fingerprint('Cu', 'PBE')}, {fingerprint('Tc', 'PBE')}"


def check_vasp() -> str:
    """Check the command of VASP and its datasets, where there is one."""
    from tm23flows.engines.vasp.command import vasp_commands
    from tm23flows.engines.vasp.potcars import potcar_identity, potcar_title

    try:
        standard, gamma = vasp_commands()
    except MissingDependencyError:
        if get_settings().vasp_cmd is None:
            return "none here; --engine vasp needs it (TM23_VASP_CMD)"
        raise
    dataset = potcar_identity(potcar_title("Cu"))
    return f"{' '.join(standard)}, {' '.join(gamma or ('no Gamma-point binary',))}, {dataset}"


def check_flare() -> str:
    """Check that FLARE can be imported where it will run, and what it offers."""
    python = get_settings().trainer_python_flare or sys.executable
    code = "'B2' + (' B1' if hasattr(_C_flare, 'B1') else ' (this release has no B1)')"
    return _import(python, "flare.bffs.sgp", code, "from flare.bffs.sgp import _C_flare")


def check_nequip() -> str:
    """Check that NequIP can be imported where it will run, and on which device."""
    python = get_settings().trainer_python_nequip or sys.executable
    device = "'cuda' if torch.cuda.is_available() else 'cpu'"
    return _import(python, "nequip, torch", f"nequip.__version__ + ' on ' + ({device})")


def check_allegro() -> str:
    """Check that Allegro, which is optional, can be imported where it will run."""
    python = get_settings().trainer_python_allegro or sys.executable
    version = "metadata.version('nequip-allegro')"
    try:
        return _import(python, "allegro", version, "from importlib import metadata")
    except TM23Error as error:
        if get_settings().trainer_python_allegro is None and "ModuleNotFoundError" in str(error):
            return "none here; the trainer allegro needs it (pip install nequip-allegro==0.8.3)"
        raise


def check_disk() -> str:
    """Check that there is room in the working folder.

    Returns
    -------
    How much is free, in GB.

    Raises
    ------
    TM23Error
        If there is little.
    """
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    if free < MIN_FREE_GB:
        raise TM23Error(f"Only {free:.1f} GB are free here; make room or work elsewhere.")
    return f"{free:.0f} GB free"


CHECKS: dict[str, Callable[[], str]] = {
    "Python": check_python,
    "settings": check_settings,
    "database": check_database,
    "layouts": check_layouts,
    "indexes": check_indexes,
    "passwords": check_passwords,
    "FireWorks": check_fireworks,
    "jobflow": check_jobflow,
    "GPAW": check_gpaw,
    "GPAW data": check_gpaw_data,
    "VASP": check_vasp,
    "FLARE": check_flare,
    "NequIP": check_nequip,
    "Allegro": check_allegro,
    "disk": check_disk,
}


def _index_names(found: dict[str, list[Index]]) -> str:
    return ", ".join(f"{name}.{one.name}" for name, indexes in found.items() for one in indexes)


def _import(python: str, modules: str, value: str, statement: str | None = None) -> str:
    """Import in a process of its own, as the workers do, and return an expression's value."""
    program = f"import {modules}\n{statement or ''}\nprint({value})"
    try:
        done = subprocess.run(
            [python, "-c", program],
            env=program_environment(),
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TM23Error(f"{python} does not run ({error}); set another interpreter.") from error
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:]
        raise TM23Error(f"{' '.join(last)}; run make setup.")
    return done.stdout.strip().splitlines()[-1]


def _server(uri: str) -> str:
    """Return host and port of a URI, without user, database and options."""
    return uri.partition("://")[2].rpartition("@")[2].partition("/")[0]
