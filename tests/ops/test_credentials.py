"""Files with passwords: which there are, and who may read them."""

import pytest
from fireworks import fw_config

from tm23flows.errors import InputError
from tm23flows.ops.credentials import (
    check_credentials,
    check_private,
    credential_files,
    launchpad_address,
)

PLACES = ("LAUNCHPAD_LOC", "FWORKER_LOC", "QUEUEADAPTER_LOC")


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """No configuration at all."""
    for name in PLACES:
        monkeypatch.setattr(fw_config, name, None)
    monkeypatch.delenv("FW_CONFIG_FILE", raising=False)
    monkeypatch.setenv("JOBFLOW_CONFIG_FILE", str(tmp_path / "none.yaml"))


def test_without_files_there_is_nothing_to_check(nowhere):
    assert check_credentials() == credential_files() == []


@pytest.mark.parametrize("name", [*PLACES, "FW_CONFIG_FILE", "JOBFLOW_CONFIG_FILE"])
@pytest.mark.parametrize("text", ["host: mongodb://me:S3CRET@h:1/\n", "password: S3CRET\n"])
def test_each_file_is_looked_at(name, text, nowhere, monkeypatch, tmp_path):
    path = tmp_path / "file.yaml"
    path.write_text(text)
    path.chmod(0o644)
    if name in PLACES:
        monkeypatch.setattr(fw_config, name, str(path))
    else:
        monkeypatch.setenv(name, str(path))
    with pytest.raises(InputError, match=f"chmod 600 {path}") as refused:
        check_credentials()
    assert "S3CRET" not in str(refused.value)
    path.chmod(0o600)
    assert check_credentials() == [path]


def test_a_file_without_a_password_may_be_open(tmp_path):
    path = tmp_path / "file.yaml"
    path.write_text("host: mongodb://127.0.0.1:1/\npassword: null\n")
    path.chmod(0o644)
    check_private(path)


def test_a_file_that_everybody_may_write_is_refused(tmp_path):
    path = tmp_path / "my_fworker.yaml"
    path.write_text("env: {vasp_cmd: srun vasp_std}\n")
    path.chmod(0o666)
    with pytest.raises(InputError, match=f"chmod o-w {path}"):
        check_private(path)
    path.chmod(0o664)
    check_private(path)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("host: mongodb://me:x@h:5/\nuri_mode: true\n", "mongodb://me:x@h:5/"),
        ("host: h\nport: 5\n", "mongodb://h:5"),
        ("host: h\n", "mongodb://h:27017"),
        ('{"host": "h", "port": 5, "uri_mode": false}', "mongodb://h:5"),
    ],
)
def test_the_address_of_the_launchpad(text, address, tmp_path):
    (tmp_path / "x").write_text(text)
    assert launchpad_address(tmp_path / "x") == address


@pytest.mark.parametrize("text", ["", "[1]", "host: 3", "name: x", "host: [S3CRET", "\tS3CRET: ["])
def test_a_launchpad_file_without_an_address(text, tmp_path):
    (tmp_path / "x").write_text(text)
    with pytest.raises(InputError, match=str(tmp_path)) as refused:
        launchpad_address(tmp_path / "x")
    assert "S3CRET" not in str(refused.value)


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        check_private(tmp_path)
