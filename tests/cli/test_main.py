import subprocess
import sys

import tm23flows


def test_version(tm23):
    assert tm23flows.__version__ in tm23("--version").out


def test_help_names_every_command(tm23):
    out = tm23("--help").out
    for command in ("demo", "db", "build", "run", "status", "query", "trace", "dataset", "import",
                    "export", "report", "doctor"):  # fmt: skip
        assert command in out


def test_help_loads_no_heavy_library():
    code = (
        "import sys; sys.argv = ['tm23', '--help']\n"
        "from tm23flows.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'gpaw', 'nequip', 'flare', 'maggma', 'jobflow', 'fireworks', 'pymatgen',"
        " 'matplotlib', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_unknown_command_is_a_usage_error(tm23):
    ran = tm23("fly")
    assert ran.code == 2
    assert "fly" in ran.err


def test_interrupt_is_one_sentence(tm23, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("tm23flows.store.archive.Archive.open", interrupted)
    ran = tm23("query")
    assert ran.code in (1, 130)
    assert "Traceback" not in ran.err


def test_a_defect_keeps_its_traceback(monkeypatch):
    """An error that is not for users must not be dressed up as one."""
    code = (
        "import sys; sys.argv = ['tm23', 'query']\n"
        "import tm23flows.store.archive as a\n"
        "def broken(*x, **y): raise RuntimeError('a defect')\n"
        "a.Archive.open = broken\n"
        "from tm23flows.cli.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "RuntimeError: a defect" in done.stderr


def test_a_database_that_dies_on_the_way_is_one_sentence(tm23, emt_archive, monkeypatch):
    from pymongo.errors import AutoReconnect

    def dies(*args, **kwargs):
        raise AutoReconnect("mongodb://user:hidden@127.0.0.1:1: connection closed")

    monkeypatch.setattr("tm23flows.store.query.selection.Selection.count", dies)
    ran = tm23("query", "--count")
    assert ran.code == 2
    assert ran.err.startswith("tm23: the database stopped answering")
    assert ran.err.count("\n") == 1
    assert "hidden" not in ran.err
