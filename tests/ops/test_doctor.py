import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tm23flows.errors import TM23Error
from tm23flows.ops import doctor
from tm23flows.ops.fireworks_config import write_config
from tm23flows.store.archive import Archive
from tm23flows.store.collections import COLLECTIONS


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_a_check_that_fails_names_its_fix(monkeypatch):
    def broken():
        raise TM23Error("The moon is not full; wait.")

    monkeypatch.setattr(doctor, "CHECKS", {"moon": broken, "Python": doctor.check_python})
    moon, python = doctor.examine()
    assert (moon.ok, moon.detail, moon.fix) == (False, "The moon is not full", "wait.")
    assert python.ok


def test_no_database(monkeypatch):
    with pytest.raises(TM23Error, match="tm23 db start"):
        doctor.check_database()


def test_database(database):
    assert doctor.check_database() == database.uri


def test_indexes(archive):
    assert doctor.check_indexes() == f"all of {len(COLLECTIONS)} collections"
    archive.database["labels"].drop_index("recipe_id_1_trajectory_id_1_step_1__id_1")
    with pytest.raises(TM23Error, match=r"labels\.recipe_id_1.*missing.*; run 'tm23 status'"):
        doctor.check_indexes()
    Archive.open()  # as 'tm23 status' does
    assert doctor.check_indexes() == f"all of {len(COLLECTIONS)} collections"


def test_indexes_with_other_options(archive):
    archive.database["frames"].drop_index("id_1")
    archive.database["frames"].create_index("id")
    with pytest.raises(TM23Error, match=r"frames\.id_1 have other options.*; drop them"):
        doctor.check_indexes()


def test_indexes_of_a_database_that_nothing_was_stored_in(database):
    assert doctor.check_indexes().startswith("none yet")


def test_older_layouts_are_said_with_the_command(emt_copy):
    assert doctor.check_layouts() == "all documents have today's layout"
    emt_copy.database["frames"].update_many({}, {"$set": {"schema_version": 1}})
    with pytest.raises(TM23Error, match=r"24 frames have an older layout.*; run tm23 db upgrade"):
        doctor.check_layouts()


def test_fireworks_with_another_database(database, tmp_path, monkeypatch):
    from fireworks import fw_config

    write_config(tmp_path, "mongodb://127.0.0.1:1")
    monkeypatch.setattr(fw_config, "LAUNCHPAD_LOC", str(tmp_path / "my_launchpad.yaml"))
    with pytest.raises(TM23Error, match=r"127\.0\.0\.1:1 .*tm23 db env"):
        doctor.check_fireworks()
    write_config(tmp_path, database.uri)
    assert doctor.check_fireworks().endswith("my_launchpad.yaml")


def test_fireworks_without_a_launchpad_file(database, monkeypatch):
    from fireworks import fw_config

    monkeypatch.setattr(fw_config, "LAUNCHPAD_LOC", None)
    with pytest.raises(TM23Error, match=r"finds no my_launchpad\.yaml"):
        doctor.check_fireworks()


def test_jobflow_without_a_store(tmp_path, monkeypatch):
    monkeypatch.setenv("JOBFLOW_CONFIG_FILE", str(tmp_path / "jobflow.yaml"))
    with pytest.raises(TM23Error, match="would not see each other"):
        doctor.check_jobflow()


def test_full_disk(monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(10, 9, 10**8))
    with pytest.raises(TM23Error, match=r"0\.1 GB"):
        doctor.check_disk()


def test_gpaw_data_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "check_gpaw", str)
    monkeypatch.setenv("TM23_GPAW_SETUP_PATH", str(tmp_path))
    with pytest.raises(TM23Error, match="Tc"):
        doctor.check_gpaw_data()


def test_an_interpreter_without_the_trainer(tmp_path, monkeypatch):
    bare = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    monkeypatch.setenv("TM23_TRAINER_PYTHON_FLARE", str(bare / "bin" / "python"))
    with pytest.raises(TM23Error, match="No module named 'flare'"):
        doctor.check_flare()


def test_an_interpreter_that_is_not_there(monkeypatch):
    monkeypatch.setenv("TM23_TRAINER_PYTHON_NEQUIP", str(Path("/nowhere/python")))
    with pytest.raises(TM23Error, match="does not run"):
        doctor.check_nequip()


def test_allegro_is_optional_unless_an_interpreter_is_named_for_it(tmp_path, monkeypatch):
    bare = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    monkeypatch.setattr(doctor.sys, "executable", str(bare / "bin" / "python"))
    assert doctor.check_allegro().startswith("none here; the trainer allegro needs it")
    monkeypatch.setenv("TM23_TRAINER_PYTHON_ALLEGRO", str(bare / "bin" / "python"))
    with pytest.raises(TM23Error, match="No module named 'allegro'"):
        doctor.check_allegro()
