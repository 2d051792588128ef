"""What a Maker may say about the running of VASP: names on a list, nothing that leads elsewhere."""

import pytest

from tm23flows.engines.vasp.makers import TM23MDMaker, TM23StaticMaker
from tm23flows.engines.vasp.run_settings import NAMES, check_run_settings
from tm23flows.errors import InputError


@pytest.mark.parametrize("maker", [TM23MDMaker, TM23StaticMaker], ids=["md", "static"])
def test_the_defaults_pass(maker):
    check_run_settings(maker().run_vasp_kwargs, maker().write_input_set_kwargs)


def test_every_name_of_the_lists_passes():
    inner = {where: dict.fromkeys(names) for where, names in NAMES.items()}
    kwargs, write = inner.pop("run_vasp_kwargs"), inner.pop("write_input_set_kwargs")
    check_run_settings({**kwargs, **inner}, write)


@pytest.mark.parametrize(
    ("kwargs", "name"),
    [
        ({"job_type": "full_opt_run"}, "job_type"),
        ({"scratch_dir": "/"}, "scratch_dir"),
        ({"custodian_kwargs": {"scratch_dir": "/"}}, "scratch_dir"),
        ({"custodian_kwargs": {"terminate_func": "os.abort"}}, "terminate_func"),
        ({"custodian_kwargs": {"directory": "/"}}, "directory"),
        ({"vasp_job_kwargs": {"vasp_cmd": ["sh"]}}, "vasp_cmd"),
        ({"vasp_job_kwargs": {"gamma_vasp_cmd": ["sh"]}}, "gamma_vasp_cmd"),
        ({"vasp_job_kwargs": {"output_file": "/etc/x"}}, "output_file"),
        ({"vasp_job_kwargs": {"stderr_file": "../x"}}, "stderr_file"),
        ({"vasp_job_kwargs": {"settings_override": [{"file": "../x"}]}}, "settings_override"),
    ],
)
def test_what_leads_to_other_files_and_programs_is_refused(kwargs, name):
    with pytest.raises(InputError, match=f"cannot hold '{name}' here; it can hold "):
        check_run_settings(kwargs)


@pytest.mark.parametrize("name", ["files_to_transfer", "zip_name", "cif_name", "output_dir"])
def test_inputs_are_written_to_no_other_place(name):
    with pytest.raises(InputError, match=f"write_input_set_kwargs cannot hold '{name}'"):
        check_run_settings({}, {name: "../x"})


def test_what_is_no_dictionary_is_refused():
    with pytest.raises(InputError, match="must be a dictionary"):
        check_run_settings({"custodian_kwargs": ["scratch_dir"]})
