from tm23flows.errors import TM23Error
from tm23flows.ops import doctor


def _fails() -> str:
    raise TM23Error("There is no coffee; make some.")


def test_exit_code_and_fix(tm23, monkeypatch):
    monkeypatch.setattr(doctor, "CHECKS", {"Python": doctor.check_python})
    assert tm23("doctor").code == 0
    monkeypatch.setattr(doctor, "CHECKS", {"Python": doctor.check_python, "coffee": _fails})
    ran = tm23("doctor")
    assert ran.code == 1
    assert "FAIL coffee" in ran.out
    assert "fix: make some." in ran.out


def test_json(tm23, monkeypatch):
    monkeypatch.setattr(doctor, "CHECKS", {"coffee": _fails})
    (row,) = tm23("doctor", "--json").json
    assert row == {
        "name": "coffee",
        "ok": False,
        "detail": "There is no coffee",
        "fix": "make some.",
    }
