"""Settings: the environment over the file over the defaults, and nothing unknown."""

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from pydantic import ValidationError

from tm23flows.errors import InputError
from tm23flows.settings import TM23Settings, get_settings


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A settings file that does not exist yet, and no variable that says otherwise."""
    for name in TM23Settings.model_fields:
        monkeypatch.delenv(f"TM23_{name.upper()}", raising=False)
    path = tmp_path / "settings.yaml"
    monkeypatch.setenv("TM23_CONFIG_FILE", str(path))
    return path


def test_without_file_and_variables_there_are_defaults(path):
    assert not path.exists()
    settings = get_settings()
    assert settings.mongo_uri is None
    assert settings.database == "tm23"
    assert settings.db_port == 27923
    assert settings.trainer_device == "auto"


def test_the_environment_goes_over_the_file_and_the_file_over_defaults(path, monkeypatch):
    path.write_text("database: from_file\ndb_port: 4000\n")
    monkeypatch.setenv("TM23_DATABASE", "from_environment")
    settings = get_settings()
    assert settings.database == "from_environment"
    assert settings.db_port == 4000
    assert settings.trainer_device == "auto"


def test_settings_are_read_when_they_are_asked_for(path, monkeypatch):
    assert get_settings().database == "tm23"
    monkeypatch.setenv("TM23_DATABASE", "later")
    assert get_settings().database == "later"
    monkeypatch.delenv("TM23_DATABASE")
    path.write_text("database: in_file")
    assert get_settings().database == "in_file"


def test_the_file_in_the_home_folder_is_the_default(path, monkeypatch, tmp_path):
    del path
    monkeypatch.delenv("TM23_CONFIG_FILE")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".tm23flows.yaml").write_text("database: at_home")
    assert get_settings().database == "at_home"
    monkeypatch.setenv("TM23_CONFIG_FILE", "~/other.yaml")
    (tmp_path / "other.yaml").write_text("database: elsewhere")
    assert get_settings().database == "elsewhere"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("databse: x", "'databse' is wrong"),
        ("db_port: many", "'db_port' is wrong"),
        ("db_port: 70000", "'db_port' is wrong"),
        ("- database", "name: value"),
        ("just words", "name: value"),
        ("1: 2", "name: value"),
        ("database: [", "cannot be read"),
        ("database: \x00", "cannot be read"),
    ],
    ids=str,
)
def test_a_wrong_file_is_one_sentence_that_names_it(path, text, why):
    path.write_text(text)
    with pytest.raises(InputError, match=why) as caught:
        get_settings()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_in_another_encoding_is_one_sentence(path):
    path.write_bytes(b"database: \xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        get_settings()


def test_a_wrong_variable_is_named(path, monkeypatch):
    del path
    monkeypatch.setenv("TM23_DB_PORT", "many")
    with pytest.raises(InputError, match="TM23_DB_PORT"):
        get_settings()


def test_an_empty_file_warns(path):
    path.write_text("# nothing yet\n")
    with pytest.warns(UserWarning, match="is empty"):
        assert get_settings().database == "tm23"


def test_a_variable_that_names_no_setting_warns(path, monkeypatch):
    del path
    monkeypatch.setenv("TM23_MONGOURI", "mongodb://host")
    with pytest.warns(UserWarning, match="TM23_MONGOURI names no setting; .*TM23_MONGO_URI"):
        get_settings()


def test_known_variables_do_not_warn(path, monkeypatch):
    del path
    monkeypatch.setenv("TM23_DATABASE", "x")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        get_settings()


def test_an_empty_variable_is_none(path, monkeypatch):
    del path
    monkeypatch.setenv("TM23_MONGO_URI", "")
    assert get_settings().mongo_uri is None


def test_the_password_does_not_show(path, monkeypatch):
    del path
    monkeypatch.setenv("TM23_MONGO_URI", "mongodb://user:hidden@host")
    settings = get_settings()
    assert "hidden" not in repr(settings)
    assert settings.mongo_uri.get_secret_value() == "mongodb://user:hidden@host"


def test_settings_are_frozen(path):
    del path
    with pytest.raises(ValidationError, match="frozen"):
        get_settings().database = "other"


def test_importing_the_package_reads_no_settings(path):
    path.write_text("unknown: 1")
    command = [
        sys.executable,
        "-c",
        "import tm23flows, tm23flows.store.archive, tm23flows.cli.main",
    ]
    root = Path(__file__).resolve().parents[1]
    subprocess.run(command, check=True, cwd=root)
    with pytest.raises(InputError):
        get_settings()
