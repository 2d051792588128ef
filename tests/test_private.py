"""What other programs are not told, and which files are refused."""

import pytest

from tm23flows.errors import InputError
from tm23flows.private import (
    holds_password,
    private_variables,
    program_environment,
    refuse_shared,
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TM23_MONGO_URI", "mongodb://127.0.0.1"),
        ("TM23_ANYTHING", "1"),
        ("FW_CONFIG_FILE", "/x"),
        ("JOBFLOW_CONFIG_FILE", "/x"),
        ("MP_API_KEY", "1"),
        ("aws_secret_access_key", "1"),
        ("GITHUB_TOKEN", "1"),
        ("DB_PASS", "1"),
        ("MYSQL_PWD", "1"),
        ("MY_DATABASE", "mongodb+srv://me:S3CRET-pw@host/db"),
        ("NOTE", "the password is S3CRET/pw"),
        ("SLURM_COMMENT", "mongodb://me:S3CRET-pw@host"),
    ],
)
def test_a_secret_is_kept_from_programs(name, value, monkeypatch):
    monkeypatch.setenv("TM23_MONGO_URI", "mongodb://me:S3CRET%2Fpw@host")
    monkeypatch.setenv(name, value)
    assert name in private_variables()
    assert name not in program_environment()


@pytest.mark.parametrize(
    "name",
    ["PATH", "PWD", "OLDPWD", "HOME", "LD_LIBRARY_PATH", "OMP_NUM_THREADS", "SLURM_JOB_ID",
     "SLURM_STEP_KEY", "PMI_KEY", "OMPI_MCA_orte_security_token", "I_MPI_HYDRA_KEY", "MODULEPATH",
     "VASP_SIMULATOR_PLAN", "SSH_AUTH_SOCK", "KEYMAP", "BYPASS_X"],
)  # fmt: skip
def test_what_programs_and_launchers_need_is_handed_on(name, monkeypatch):
    monkeypatch.setenv(name, "some value")
    assert program_environment()[name] == "some value"


def test_a_short_password_hides_no_other_variables(monkeypatch):
    monkeypatch.setenv("TM23_MONGO_URI", "mongodb://me:a@host")
    monkeypatch.setenv("NAME", "banana")
    assert program_environment()["NAME"] == "banana"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mongo_uri: mongodb://me:S3CRET@host:1/x\n", True),
        ("host: a\npassword: S3CRET\n", True),
        ('{\n"password": "S3CRET"}', True),
        ('{"host": "a", "password": "S3CRET"}', True),
        ("docs_store: {type: MongoStore, password: S3CRET}\n", True),
        ("docs_store: {password: , host: a}\n", False),
        ("docs_store: {host: a, password: null}\n", False),
        ("# or so: {password: here}\n", False),
        ("  password: 'S3CRET'\n", True),
        ("host: a\npassword: null\n", False),
        ("host: a\npassword:\nuser: b\n", False),
        ("password: ''\n", False),
        ("# password in the environment\nmongo_uri: mongodb://host:1/x\n", False),
        ("", False),
    ],
)
def test_a_password_in_a_file_is_seen(text, expected):
    assert holds_password(text) is expected


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o660])
def test_a_file_for_others_is_refused_with_the_command_that_mends_it(mode, tmp_path):
    path = tmp_path / "file.yaml"
    path.touch()
    path.chmod(mode)
    with pytest.raises(InputError, match=rf"mode {mode:04o}.*chmod 600 {path}"):
        refuse_shared(path)
    path.chmod(0o600)
    refuse_shared(path)
