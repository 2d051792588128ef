"""S1: no file of settings or data that we read is a program.

Two attacks are put into every one of them: a YAML tag that calls a function, and ``@module``,
which monty turns into an import. A marker is left where one of them works.
"""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fireworks import fw_config

from tm23flows.engines.vasp.command import vasp_commands
from tm23flows.errors import InputError, TM23Error, TrainingError
from tm23flows.ops import doctor
from tm23flows.ops.credentials import check_private
from tm23flows.ops.structure_sources import read_crystal
from tm23flows.settings import get_settings
from tm23flows.store.exchange.rare_folder import read_rare_events
from tm23flows.trainers.manifest import check_manifest

ROOT = Path(__file__).resolve().parents[2]
EVIL = "evil_module_of_a_test"
DECODERS = {"loadfn", "unsafe_load", "full_load", "MontyDecoder", "load_object_from_file"}
MAY_DECODE = {"store/decode.py"}


@pytest.fixture
def marker(tmp_path, monkeypatch):
    """A module on the path that leaves a mark when it is imported; the place of the mark."""
    path, folder = tmp_path / "marker", tmp_path / "plugins"
    folder.mkdir()
    code = f"open({str(path)!r}, 'w').write('x')\ndef run(*a): pass\nclass Run: pass\n"
    (folder / f"{EVIL}.py").write_text(code)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(ROOT)]))
    sys.modules.pop(EVIL, None)
    yield path
    sys.modules.pop(EVIL, None)
    assert not path.exists()


@pytest.fixture(params=["apply", "name", "module", "callable"])
def attack(request, marker):
    """One value, as YAML; the last two are JSON too."""
    return {
        "apply": f'!!python/object/apply:os.system ["touch {marker}"]',
        "name": f"!!python/name:{EVIL}.run",
        "module": json.dumps({"@module": EVIL, "@class": "Run"}),
        "callable": json.dumps({"@module": EVIL, "@callable": "run"}),
    }[request.param]


def is_json(attack):
    return attack.startswith("{")


@pytest.mark.parametrize("setting", ["mongo_uri", "trainer_device", "vasp_cmd", "database", "new"])
def test_settings(setting, attack, tmp_path, monkeypatch, tm23):
    path = tmp_path / "settings.yaml"
    path.write_text(f"{setting}: {attack}\n")
    monkeypatch.setenv("TM23_CONFIG_FILE", str(path))
    with pytest.raises(InputError):
        get_settings()
    ran = tm23("status")
    assert (ran.code, ran.out) == (2, "")


def test_settings_that_are_all_attack(attack, tmp_path, monkeypatch):
    path = tmp_path / "settings.yaml"
    path.write_text(attack)
    monkeypatch.setenv("TM23_CONFIG_FILE", str(path))
    with pytest.raises(InputError):
        get_settings()


@pytest.mark.parametrize("where", ["env:\n  vasp_cmd: {}\n", "name: {}\nenv: {{vasp_cmd: 1}}\n"])
def test_the_worker_file(where, attack, tmp_path, monkeypatch):
    path = tmp_path / "my_fworker.yaml"
    path.write_text(where.format(attack))
    monkeypatch.setattr(fw_config, "FWORKER_LOC", str(path))
    monkeypatch.delenv("TM23_VASP_CMD", raising=False)
    with pytest.raises(InputError):
        vasp_commands()


def test_the_launchpad_file(attack, tmp_path, monkeypatch, database):
    path = tmp_path / "my_launchpad.yaml"
    path.write_text(f"host: {attack}\nname: fireworks\nuri_mode: true\n")
    monkeypatch.setattr(fw_config, "LAUNCHPAD_LOC", str(path))
    with pytest.raises(TM23Error, match=r"my_launchpad\.yaml"):
        doctor.check_fireworks()


def test_the_file_of_jobflow(attack, tmp_path, monkeypatch):
    """jobflow reads it when it is imported. Its classes it does import: the file is as trusted as
    the code of its owner, and ``tm23 doctor`` refuses it where everybody may write it."""
    path = tmp_path / "jobflow.yaml"
    if is_json(attack):
        path.write_text(attack)
        path.chmod(0o666)
        with pytest.raises(InputError, match="chmod o-w"):
            check_private(path)
        return
    path.write_text(f"JOB_STORE: {attack}\n")
    monkeypatch.setenv("JOBFLOW_CONFIG_FILE", str(path))
    done = subprocess.run(
        [sys.executable, "-c", "import jobflow"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode != 0


@pytest.mark.parametrize("name", ["cu.yaml", "cu.json", "POSCAR.json"])
def test_a_structure(name, attack, tmp_path):
    path = tmp_path / name
    path.write_text(f'{{"lattice": {attack}, "sites": [{attack}]}}')
    with pytest.raises(TM23Error):
        read_crystal(path, "Cu")


@pytest.mark.parametrize("key", ["Energies", "Forces", "r", "other"])
def test_a_folder_of_rare_events(key, attack, tmp_path, tm23):
    (tmp_path / "DATA.json").write_text(f'{{"{key}": {attack}}}')
    with pytest.raises(InputError):
        read_rare_events(tmp_path)
    ran = tm23("rare-events", "score", "--data", tmp_path, "--reference", "DFT_K1")
    assert ran.code == 2


def test_a_declaration_beside_a_file(attack, archive, emt_archive, tmp_path, tm23):
    path = tmp_path / "cu.xyz"
    assert tm23("export", "Cu-demo", "--part", "test", "-o", path).code == 0
    manifest = path.with_name("cu.xyz.manifest.json")
    words = json.loads(manifest.read_text())
    words["declaration"] = "HERE"
    manifest.write_text(json.dumps(words).replace('"HERE"', attack))
    assert tm23("import", path, "--name", "x").code == 2


def test_the_manifest_of_a_model(attack, tmp_path):
    (tmp_path / "model.json").write_text("{}")
    (tmp_path / "manifest.json").write_text(f'{{"sha256": {attack}}}')
    with pytest.raises(TrainingError):
        check_manifest(tmp_path, ["model.json"])


def test_the_description_of_a_calculator(attack, tmp_path):
    from tm23flows.trainers.base import get_trainer
    from tm23flows.trainers.manifest import write_manifest

    (tmp_path / "calculator.json").write_text(f'{{"calculator": {attack}, "kwargs": {attack}}}')
    write_manifest(tmp_path, ["calculator.json"])
    (tmp_path / "frames.xyz").write_text('1\nLattice="3 0 0 0 3 0 0 0 3"\nCu 0 0 0\n')
    with pytest.raises(TM23Error):
        get_trainer("calculator").predict(tmp_path, tmp_path / "frames.xyz", tmp_path / "work")


@pytest.mark.parametrize("where", ["{}", '{{"a": {}}}', '{{"a": [1, {{"b": {}}}]}}'])
def test_kwargs_of_bench(where, attack, emt_archive, tm23, tmp_path):
    ran = tm23(
        "bench", "--dataset", "Cu-demo", "--calculator", "ase.calculators.emt:EMT",
        "--kwargs", where.format(attack), "-o", tmp_path / "wf.yaml",
    )  # fmt: skip
    assert ran.code == 2
    assert not (tmp_path / "wf.yaml").exists()


def test_settings_of_a_study_and_of_a_training(attack, emt_archive, tm23, tmp_path):
    for words in (
        ["build", "study", "phonons", "Cu", "--set", f"displacement_A={attack}"],
        ["train", "--dataset", "Cu-demo", "--trainer", "flare", "--set", f"cutoff_A={attack}"],
    ):
        assert tm23(*words, "-o", tmp_path / "wf.yaml").code == 2, words
    assert not (tmp_path / "wf.yaml").exists()


def decoders_in(source):
    """Yield what in a module could decode objects out of text."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (one.name for one in node.names if one.name in DECODERS)
        elif isinstance(node, ast.Attribute) and node.attr in DECODERS:
            yield node.attr
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in {"yaml.load", "yaml.load_all", "eval", "exec", "compile"}:
                yield called
            if called.endswith("YAML") and not any(
                one.arg == "typ" and getattr(one.value, "value", "") == "safe"
                for one in node.keywords
            ):
                yield called


@pytest.mark.parametrize(
    "source",
    ["from monty.serialization import loadfn", "serialization.loadfn(x)", "yaml.load(x)",
     "yaml.unsafe_load(x)", "YAML().load(x)", "YAML(typ='unsafe')", "eval(x)",
     "from monty.json import MontyDecoder"],
)  # fmt: skip
def test_a_decoder_is_seen(source):
    assert list(decoders_in(source))


def test_only_one_module_decodes(modules_with):
    found = modules_with(*DECODERS, "YAML", "yaml.load", "eval(", "exec(", "compile(")
    assert set(found) > MAY_DECODE
    for place, text in found.items():
        assert place in MAY_DECODE or not list(decoders_in(text)), place
