"""Settings of one user on one machine.

Owns where the database, the caches and the interpreters are. Nothing that
changes the physics is a setting: that belongs to recipes and Makers, which are
stored with every result. Settings are read when they are asked for, never at
import and never as default arguments.
"""

from __future__ import annotations

import os
import warnings
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from tm23flows.errors import InputError
from tm23flows.private import holds_password, refuse_shared

DEFAULT_FILE = Path("~/.tm23flows.yaml")

OTHER_VARIABLES = ("config_file", "wheel_cache", "eigen_dir")
"""``TM23_*`` variables that are no settings: where the file is, and what set-up reads."""


class TM23Settings(BaseSettings):
    """Settings from ``TM23_*`` variables, then ``~/.tm23flows.yaml``, then these defaults."""

    model_config = SettingsConfigDict(
        env_prefix="TM23_", env_ignore_empty=True, extra="forbid", frozen=True
    )

    mongo_uri: SecretStr | None = Field(
        None, description="MongoDB URI. Without one the embedded database is used."
    )
    database: str = Field("tm23", description="Name of the database of the archive.")
    db_path: Path = Field(
        Path("~/.local/share/tm23flows/db"), description="Folder of the embedded database."
    )
    db_port: int = Field(27923, ge=0, le=65535, description="Port of the embedded database.")
    gpaw_setup_path: Path | None = Field(
        None, description="Folder with extra GPAW datasets (Tc); default: beside the interpreter."
    )
    trainer_python_flare: str | None = Field(
        None, description="Interpreter that runs FLARE; default: the current one."
    )
    trainer_python_nequip: str | None = Field(
        None, description="Interpreter that runs NequIP; default: the current one."
    )
    trainer_python_allegro: str | None = Field(
        None, description="Interpreter that runs Allegro; default: the current one."
    )
    trainer_python_calculator: str | None = Field(
        None,
        description="Interpreter that runs calculators of 'tm23 bench' that name none; default: "
        "the current one.",
    )
    deadline: float | None = Field(
        None,
        gt=0,
        description="When this worker's time is over, in seconds since 1970; default: what SLURM "
        "says.",
    )
    allow_no_deadline: bool = Field(
        False,
        description="Whether jobs of a scheduler may run although nobody says when they end.",
    )
    lease_s: float = Field(
        900.0,
        gt=0,
        description="A worker that was not heard of for so long has lost what it was doing.",
    )
    database_patience_s: float = Field(
        600.0,
        ge=0,
        description="How long results wait for a database that is away before they go to the "
        "outbox.",
    )
    outbox: Path = Field(
        Path("~/.local/share/tm23flows/outbox"),
        description="Folder for results that could not reach the database: 'tm23 recover'.",
    )
    log_file: Path | None = Field(
        None, description="File for events, one line of JSON each; default: standard error."
    )
    vasp_cmd: str | None = Field(
        None,
        description="Command of VASP, such as 'srun vasp_std'; default: env of my_fworker.yaml, "
        "then atomate2's setting.",
    )
    vasp_gamma_cmd: str | None = Field(None, description="The same for the Gamma-point binary.")
    allowed_commands: str | None = Field(
        None,
        description="Other commands of VASP that workflows may name, separated by ';'. Those of "
        "this worker they always may.",
    )
    trainer_device: str = Field(
        "auto", description="Device of NequIP and Allegro: auto, cpu or cuda."
    )
    checkpoint_s: float = Field(
        600.0, gt=0, description="Seconds of training between two checkpoints: what a kill costs."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the environment above the file (whose values arrive as arguments)."""
        return env_settings, init_settings


def get_settings() -> TM23Settings:
    """Read the settings as they are now.

    Returns
    -------
    The settings.

    Raises
    ------
    InputError
        If the file names an unknown setting, a value is wrong, or it holds a password and
        others may read it.

    Warns
    -----
    UserWarning
        If the file is empty, or a ``TM23_*`` variable names no setting.
    """
    path = Path(os.environ.get("TM23_CONFIG_FILE", DEFAULT_FILE)).expanduser()
    values = _read_file(path)
    _warn_of_unknown_variables()
    try:
        return TM23Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"The setting '{where}' is wrong ({first['msg']}): mend {path} or the variable "
            f"TM23_{where.upper()}."
        ) from error


def _read_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        text = path.read_text(encoding="utf-8")
        values = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        # The error itself quotes the line, which may be the one with the password.
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise InputError(
            f"The settings file {path} cannot be read: line {line}, {error.problem}."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"The settings file {path} cannot be read: {reason}.") from error
    if holds_password(text):
        refuse_shared(path)
    if values is None:
        warnings.warn(f"The settings file {path} is empty.", stacklevel=3)
        return {}
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise InputError(f"The settings file {path} must hold 'name: value' lines.")
    return values


def _warn_of_unknown_variables() -> None:
    known = {*TM23Settings.model_fields, *OTHER_VARIABLES}
    for variable in os.environ:
        prefix, name = variable[:5].upper(), variable[5:].lower()
        if prefix == "TM23_" and name not in known and not _is_of_installed_trainer(name):
            warnings.warn(
                f"The variable {variable} names no setting; there is "
                f"{', '.join(f'TM23_{one.upper()}' for one in TM23Settings.model_fields)}.",
                stacklevel=3,
            )


def _is_of_installed_trainer(name: str) -> bool:
    """Whether a variable names the interpreter of a trainer of another package."""
    prefix, _, trainer = name.rpartition("_python_")
    installed = metadata.entry_points(group="tm23flows.trainers")
    return prefix == "trainer" and trainer in installed.names
