"""Where the commands of VASP come from, and what is said when they are not there."""

import pytest
from fireworks import fw_config

from tm23flows.engines.vasp.command import vasp_commands
from tm23flows.errors import InputError, MissingDependencyError


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A folder on the path in which one can make programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(fw_config, "FWORKER_LOC", None)

    def make(*names):
        for name in names:
            (folder / name).write_text("#!/bin/sh\n")
            (folder / name).chmod(0o755)
        return folder

    return make


def test_atomate2s_setting_is_the_last_resort(programs):
    programs("vasp_std", "vasp_gam")
    assert vasp_commands() == (("vasp_std",), ("vasp_gam",))


def test_each_place_wins_over_the_next(programs, tmp_path, monkeypatch):
    programs("a", "b", "mpirun", "vasp_std")
    worker = tmp_path / "my_fworker.yaml"
    worker.write_text("name: x\nenv:\n  vasp_cmd: a -n 2\n  vasp_gamma_cmd: [mpirun, a]\n")
    monkeypatch.setattr(fw_config, "FWORKER_LOC", str(worker))
    assert vasp_commands() == (("a", "-n", "2"), ("mpirun", "a"))
    monkeypatch.setenv("TM23_VASP_CMD", "mpirun -n 2 b")
    assert vasp_commands() == (("mpirun", "-n", "2", "b"), ("mpirun", "a"))


@pytest.mark.parametrize("text", ["", "name: x\n", "- a\n", "env: 3\n"])
def test_a_worker_file_without_a_command_is_passed_over(text, programs, tmp_path, monkeypatch):
    programs("vasp_std")
    (tmp_path / "my_fworker.yaml").write_text(text)
    monkeypatch.setattr(fw_config, "FWORKER_LOC", str(tmp_path / "my_fworker.yaml"))
    assert vasp_commands() == (("vasp_std",), None)


def test_variables_are_put_in(programs, monkeypatch):
    folder = programs("vasp_std")
    monkeypatch.setenv("WHERE", str(folder))
    monkeypatch.setenv("TM23_VASP_CMD", "$WHERE/vasp_std")
    assert vasp_commands()[0] == (f"{folder}/vasp_std",)


def test_a_gamma_binary_that_is_not_there_is_none(programs, monkeypatch):
    programs("mpirun", "vasp_std")
    monkeypatch.setenv("TM23_VASP_CMD", "mpirun vasp_std")
    monkeypatch.setenv("TM23_VASP_GAMMA_CMD", "mpirun vasp_gam")
    assert vasp_commands() == (("mpirun", "vasp_std"), None)


def test_no_vasp_is_one_sentence_with_a_next_step(programs, monkeypatch):
    monkeypatch.setenv("TM23_VASP_CMD", "srun vasp_std")
    with pytest.raises(MissingDependencyError, match=r"no program 'srun'.*TM23_VASP_CMD"):
        vasp_commands()


def test_a_shell_line_is_words_only(programs, tmp_path, monkeypatch):
    programs("vasp_std")
    mark = tmp_path / "mark"
    monkeypatch.setenv("TM23_VASP_CMD", f"vasp_std;touch {mark}")
    with pytest.raises(MissingDependencyError, match="no program 'vasp_std;touch'"):
        vasp_commands()
    assert not mark.exists()


def test_a_workflow_may_name_the_commands_of_this_worker(programs, monkeypatch):
    programs("srun", "vasp_std", "vasp_gam")
    monkeypatch.setenv("TM23_VASP_CMD", "srun -n 4 vasp_std")
    assert vasp_commands("srun  -n 4 'vasp_std'", "vasp_gam") == (
        ("srun", "-n", "4", "vasp_std"),
        ("vasp_gam",),
    )


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize(
    "command", ["srun -n 8 vasp_std", "sh -c ls", ["srun", "sh"], "srun -n 4 $VASP"]
)
def test_a_workflow_may_name_no_other_command(which, command, programs, monkeypatch):
    programs("srun", "sh", "vasp_std")
    monkeypatch.setenv("VASP", "vasp_std")
    monkeypatch.setenv("TM23_VASP_CMD", "srun -n 4 vasp_std")
    given = (command, None) if which == 0 else (None, command)
    with pytest.raises(InputError, match=r"this worker does not allow.*TM23_ALLOWED_COMMANDS"):
        vasp_commands(*given)


def test_a_worker_may_allow_other_commands(programs, monkeypatch):
    programs("srun", "vasp_std", "vasp_gpu")
    monkeypatch.setenv("N", "2")
    monkeypatch.setenv("TM23_ALLOWED_COMMANDS", "vasp_gpu; srun -n $N 'vasp_gpu' ;")
    assert vasp_commands("vasp_gpu")[0] == ("vasp_gpu",)
    assert vasp_commands("srun -n 2 vasp_gpu")[0] == ("srun", "-n", "2", "vasp_gpu")
    with pytest.raises(InputError, match="does not allow"):
        vasp_commands("srun -n $N vasp_gpu")


@pytest.mark.parametrize("broken", ["env: [", "\tx: 1\n\t- y"])
def test_a_worker_file_that_cannot_be_read_is_one_sentence(broken, programs, tmp_path, monkeypatch):
    (tmp_path / "my_fworker.yaml").write_text(broken)
    monkeypatch.setattr(fw_config, "FWORKER_LOC", str(tmp_path / "my_fworker.yaml"))
    with pytest.raises(InputError, match="cannot be read"):
        vasp_commands()


@pytest.mark.parametrize("command", ["3", "{a: b}", "[1, 2]", "''"])
def test_a_command_that_is_no_text_is_refused(command, programs, tmp_path, monkeypatch):
    (tmp_path / "my_fworker.yaml").write_text(f"env:\n  vasp_cmd: {command}\n")
    monkeypatch.setattr(fw_config, "FWORKER_LOC", str(tmp_path / "my_fworker.yaml"))
    with pytest.raises(InputError, match="must be a text"):
        vasp_commands()
