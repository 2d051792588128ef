"""Datasets: the table of titles, the search, the identity."""

import gzip
from hashlib import sha256
from pathlib import Path

import pytest
from pymatgen.core import SETTINGS

from tm23flows.engines.vasp.potcars import potcar_identity, potcar_title, read_potcar
from tm23flows.errors import InputError, MissingDependencyError
from tm23flows.science.metals import METALS, metal


def library(vasp):
    return Path(vasp["PMG_VASP_PSP_DIR"])


@pytest.mark.parametrize("functional", ["PBE", "PBE_54"])
def test_every_metal_has_a_dataset(functional, vasp):
    for symbol in METALS:
        potcar = read_potcar(potcar_title(symbol, functional), functional)
        assert potcar.element == symbol
        assert potcar.nelectrons >= metal(symbol).group


def test_titles_are_those_of_the_table_but_for_one_that_newer_releases_do_not_have():
    for symbol in METALS:
        assert potcar_title(symbol, "PBE") == metal(symbol).potcar_title
        if symbol != "W":
            assert potcar_title(symbol) == metal(symbol).potcar_title
    assert (potcar_title("W"), potcar_title("W", "PBE")) == ("W_sv", "W_pv")


def test_the_identity_is_title_and_checksum_and_no_content(vasp):
    text = (library(vasp) / "POT_GGA_PAW_PBE_54/POTCAR.Cu_pv").read_text()
    digest = sha256(text.encode()).hexdigest()[:16]
    identity = potcar_identity("Cu_pv")
    assert identity.startswith("PAW_PBE Cu_pv ")
    assert identity.endswith(f" sha256:{digest}")


def test_a_changed_file_has_another_identity_and_a_compressed_one_the_same(
    vasp, tmp_path, monkeypatch
):
    before = potcar_identity("Cu_pv")
    text = (library(vasp) / "POT_GGA_PAW_PBE_54/POTCAR.Cu_pv").read_text()
    monkeypatch.setenv("PMG_VASP_PSP_DIR", str(tmp_path))
    folder = tmp_path / "POT_GGA_PAW_PBE_54" / "Cu_pv"
    folder.mkdir(parents=True)
    with gzip.open(folder / "POTCAR.gz", "wt") as file:
        file.write(text)
    assert potcar_identity("Cu_pv") == before
    (folder / "POTCAR.gz").unlink()
    (folder / "POTCAR").write_text(text + " ")
    assert potcar_identity("Cu_pv") != before


def test_no_library_is_one_sentence(monkeypatch):
    monkeypatch.delenv("PMG_VASP_PSP_DIR", raising=False)
    monkeypatch.delitem(SETTINGS, "PMG_VASP_PSP_DIR", raising=False)
    with pytest.raises(MissingDependencyError, match=r"Cu_pv \(PBE_54\).*set PMG_VASP_PSP_DIR"):
        read_potcar("Cu_pv")


def test_a_missing_dataset_is_one_sentence_that_says_where_it_was_sought(vasp):
    place = library(vasp) / "POT_GGA_PAW_PBE_54"
    with pytest.raises(MissingDependencyError, match=f"Cu_GW .*{place}"):
        read_potcar("Cu_GW")


def test_pymatgens_own_setting_is_used_without_the_variable(vasp, monkeypatch):
    monkeypatch.delenv("PMG_VASP_PSP_DIR")
    monkeypatch.setitem(SETTINGS, "PMG_VASP_PSP_DIR", str(library(vasp)))
    assert read_potcar("Os_pv").element == "Os"


@pytest.mark.parametrize(
    ("title", "functional"), [("../../Cu", "PBE"), ("", "PBE"), ("Cu", "PBEsol")]
)
def test_senseless_names_are_refused(title, functional, vasp):
    with pytest.raises(InputError):
        read_potcar(title, functional)


def test_other_elements_have_no_default():
    with pytest.raises(InputError, match="Si"):
        potcar_title("Si")
