"""What a Maker may say about the running of VASP.

Owns the lists of names in ``run_vasp_kwargs`` and ``write_input_set_kwargs``. They come with
the workflow, out of a database, so what leads to other programs, folders or files is not among
them. Commands are checked in ``command``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tm23flows.errors import InputError

_COMMANDS = "vasp_cmd vasp_gamma_cmd wall_time"
_CUSTODIAN = "handlers validators max_errors vasp_job_kwargs custodian_kwargs"
_LOOKS = "polling_time_step monitor_freq max_errors_per_job gzipped_output"
_PREVIOUS = "from_prev clean_prev"
_ENDS = "terminate_timeout graceful_termination graceful_termination_timeout"

NAMES = {
    "run_vasp_kwargs": frozenset(f"{_COMMANDS} {_CUSTODIAN}".split()),
    "custodian_kwargs": frozenset(
        f"{_LOOKS} skip_over_errors terminate_on_nonzero_returncode".split()
    ),
    "vasp_job_kwargs": frozenset(
        f"auto_npar auto_gamma copy_magmom update_incar backup final {_ENDS}".split()
    ),
    "write_input_set_kwargs": frozenset(
        f"{_PREVIOUS} apply_incar_updates potcar_spec make_dir_if_not_present".split()
    ),
}
"""Names that each dictionary may hold. The other ones of custodian and pymatgen name
files, folders and actions."""


def check_run_settings(
    kwargs: Mapping[str, Any], write_kwargs: Mapping[str, Any] | None = None
) -> None:
    """Refuse settings of a run that are not for a workflow to choose.

    Parameters
    ----------
    kwargs
        ``run_vasp_kwargs`` of a Maker.
    write_kwargs
        Its ``write_input_set_kwargs``.

    Raises
    ------
    InputError
        With the name, and those that there may be.
    """
    whole = {"run_vasp_kwargs": kwargs, "write_input_set_kwargs": write_kwargs or {}}
    for where, names in NAMES.items():
        given = whole[where] if where in whole else kwargs.get(where) or {}
        if not isinstance(given, Mapping):
            raise InputError(f"{where} must be a dictionary, not {given!r}.")
        if unknown := {str(name) for name in given} - names:
            raise InputError(
                f"{where} cannot hold '{min(unknown)}' here; it can hold "
                f"{', '.join(sorted(names))}."
            )
