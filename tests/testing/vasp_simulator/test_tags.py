import pytest

from tm23flows.errors import InputError
from tm23flows.testing.vasp_simulator.tags import complete, read_incar


def test_values_have_the_types_of_their_tags():
    given = read_incar(
        "a title\nENCUT = 520 eV ! cutoff\nLWAVE = .FALSE. # no\nismear = 1; SIGMA = 2\n"
        "ALGO = Normal\nMAGMOM = 2*0.6 1\nNELM = 100\nLREAL = Auto\n"
    )
    assert given == {
        "ENCUT": 520.0,
        "LWAVE": False,
        "ISMEAR": 1,
        "SIGMA": 2.0,
        "ALGO": "Normal",
        "MAGMOM": [0.6, 0.6, 1.0],
        "NELM": 100,
        "LREAL": "Auto",
    }


def test_lines_go_on_after_a_backslash():
    assert read_incar("MAGMOM = 1 \\\n 2\n") == {"MAGMOM": [1.0, 2.0]}


def test_what_pymatgen_writes_is_read_as_it_was(tmp_path):
    from pymatgen.io.vasp import Incar

    tags = {
        "ENCUT": 520.0,
        "LWAVE": False,
        "LREAL": False,
        "EDIFF": 1e-6,
        "NSW": 3,
        "PREC": "Normal",
    }
    Incar(tags).write_file(tmp_path / "INCAR")
    assert read_incar((tmp_path / "INCAR").read_text()) == tags


def test_the_rest_is_filled_in():
    tags = complete(read_incar("ENCUT = 300\nIBRION = 0\nNSW = 2\nTEBEG = 300\nSMASS = 0\n"))
    assert (tags["ENMAX"], tags["TEEND"], tags["SIGMA"]) == (300.0, 300.0, 0.2)
    assert "ENCUT" not in tags


@pytest.mark.parametrize(
    "text",
    [
        "ENCTU = 500",
        "ENCUT = many",
        "LWAVE = perhaps",
        "NSW = 1.5.2",
        "METAGGA = SCAN",
    ],
)
def test_what_it_does_not_know_is_refused(text):
    with pytest.raises(InputError, match=text.split(maxsplit=1)[0]):
        read_incar(text)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("SMASS = 3", "SMASS"),
        ("MDALGO = 3", "MDALGO"),
        ("LDAU = T", "LDAU"),
        ("IBRION = 2; NSW = 10", "IBRION"),
        ("NSW = 10", "IBRION"),
        ("TEBEG = 300; TEEND = 600", "TEEND"),
    ],
)
def test_physics_that_it_does_not_have_is_refused(text, word):
    with pytest.raises(InputError, match=word):
        complete(read_incar(text))
