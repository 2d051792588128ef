"""S9: XML that grows when it is read is refused at once, in every reader there is.

Time and memory are measured in a process of its own, whose memory nothing else uses.
"""

import ast
import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tm23flows.engines.vasp import chunks, header
from tm23flows.engines.vasp.outputs import iter_steps, read_run_header
from tm23flows.engines.vasp.run import run_in
from tm23flows.engines.vasp.slow_reader import parse_block, parse_steps
from tm23flows.engines.vasp.spectra import read_spectrum
from tm23flows.errors import InputError

PACKAGE = Path(__file__).resolve().parents[2] / "tm23flows"
XML = '<?xml version="1.0" encoding="{}"?>\n'
LEVELS = "".join(
    f'<!ENTITY a{level} "{f"&a{level - 1};" * 10}">' for level in range(1, 10)
)  # ten to the ninth
LAUGHS = f'<!DOCTYPE modeling [<!ENTITY a0 "ha">{LEVELS}]>'
BODY = "<modeling><generator>&a9;</generator></modeling>"
FILE = '<!DOCTYPE modeling [<!ENTITY x SYSTEM "file:///etc/passwd">]>'

READERS = {
    "steps": lambda path: list(iter_steps(path)),
    "slow steps": lambda path: list(parse_steps(path, range(1, 100))),
    "header": read_run_header,
    "spectrum": read_spectrum,
}
BOMBS = {
    "laughs": (XML.format("ISO-8859-1") + LAUGHS + BODY).encode(),
    "laughs after a comment": (XML.format("utf-8") + "<!-- x -->" + LAUGHS + BODY).encode(),
    "laughs in another encoding": (XML.format("utf-16") + LAUGHS + BODY).encode("utf-16"),
    "hidden laughs": XML.format("UTF-7").encode()
    + LAUGHS.replace("<", "+ADw-").replace("!", "+ACE-").encode("ascii")
    + BODY.encode(),
    "a file of the machine": (XML.format("utf-8") + FILE + BODY).encode(),
    "one from elsewhere": (
        XML.format("utf-8") + '<!DOCTYPE modeling SYSTEM "http://127.0.0.1:9/x.dtd">' + BODY
    ).encode(),
    "laughs in the middle": b"<modeling>" + LAUGHS.encode() + b"</modeling>",
    "depth": b"<modeling>" + b"<structure>" * 100_000,
}


@pytest.fixture
def whole(tmp_path, copper, vasp):
    """A sound vasprun.xml of the simulator."""
    from tm23flows.engines.vasp.makers import TM23StaticMaker

    maker = TM23StaticMaker()
    maker.run_vasp_kwargs["custodian_kwargs"] = {"polling_time_step": 0.05}
    assert run_in(tmp_path / "run", maker, copper).error is None
    return tmp_path / "run/vasprun.xml"


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("reader", READERS)
def test_a_bomb_is_refused(reader, bomb, packed, tmp_path):
    path = tmp_path / "vasprun.xml"
    path.write_bytes(gzip.compress(BOMBS[bomb]) if packed else BOMBS[bomb])
    if (reader, bomb) == ("steps", "depth"):  # looks for steps only, and there is none
        assert READERS[reader](path) == []
        return
    with pytest.raises(InputError):
        READERS[reader](path)


def test_a_bomb_in_a_step_is_refused(whole):
    found = read_run_header(whole)
    with pytest.raises(InputError):
        parse_block(BOMBS["laughs"], 1, found, "vasprun.xml")
    with pytest.raises(InputError):
        parse_block(b"<calculation>&a9;</calculation>", 1, found, "vasprun.xml")


@pytest.mark.parametrize("reader", READERS)
def test_what_unpacks_without_end_is_refused(reader, whole, tmp_path, monkeypatch):
    """A whole beginning, and then megabytes of next to nothing out of some kB; limits are lower."""
    monkeypatch.setattr(chunks, "BOMB_BYTES", 1 << 22)
    monkeypatch.setattr(header, "MAX_HEADER_BYTES", 1 << 22)
    path = tmp_path / "bomb.xml"
    text = whole.read_bytes().partition(b"<calculation")[0]
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(text)
        for _ in range(8):
            file.write(b"<i>0</i>" * (1 << 17))
    with pytest.raises(InputError, match=r"far more than VASP|where VASP writes little"):
        READERS[reader](path)


@pytest.mark.parametrize("reader", READERS)
def test_a_sound_file_is_read(reader, whole):
    if reader == "spectrum":
        with pytest.raises(InputError, match="no projections"):
            READERS[reader](whole)
    else:
        assert READERS[reader](whole)


PROGRAM = """
import json, resource, sys
from pathlib import Path
import numpy, ase.io, lxml.etree, pymatgen.core, pymatgen.io.vasp
from tm23flows.errors import InputError
from tm23flows.engines.vasp.outputs import iter_steps, read_run_header
from tm23flows.engines.vasp.slow_reader import parse_steps
from tm23flows.engines.vasp.spectra import read_spectrum
from tm23flows.ops.structure_sources import read_crystal
readers = [lambda p: list(iter_steps(p)), read_run_header, read_spectrum,
           lambda p: list(parse_steps(p, range(1, 9))), lambda p: read_crystal(p, "Cu")]
before, refused = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0
for path in sys.argv[1:]:
    for read in readers:
        try:
            read(Path(path))
        except InputError:
            refused += 1
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"refused": refused, "grown_MB": (after - before) / 1024}))
"""


def test_a_bomb_takes_no_memory(tmp_path):
    for number, name in enumerate(BOMBS):
        (tmp_path / f"{number}-vasprun.xml").write_bytes(BOMBS[name])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *sorted(tmp_path.iterdir())],
        cwd=PACKAGE.parent, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout)
    assert said["refused"] == 5 * len(BOMBS) - 1  # steps of what has none are none
    assert said["grown_MB"] < 50


@pytest.mark.parametrize("name", ["vasprun.xml", "cu.xsd", "cu.xml", "cu.cif"])
def test_a_bomb_is_no_crystal(name, tm23, database, tmp_path):
    path = tmp_path / name
    path.write_bytes(BOMBS["laughs"])
    ran = tm23("build", "Cu", "--structure", f"file:{path}", "-o", tmp_path / "wf.yaml")
    assert ran.code == 2
    assert not (tmp_path / "wf.yaml").exists()


def test_a_packed_bomb_is_no_crystal(tmp_path):
    from tm23flows.ops.structure_sources import read_crystal

    path = tmp_path / "POSCAR.gz"
    with gzip.open(path, "wb", compresslevel=9) as file:
        for _ in range(70):
            file.write(b"\n" * (1 << 20))
    with pytest.raises(InputError, match="more than 64 MiB"):
        read_crystal(path, "Cu")


def parsers_in(source):
    """Yield calls that make an XML parser, with the keywords that they have."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in {"XMLParser", "XMLPullParser", "iterparse"}:
                yield name, {one.arg: ast.unparse(one.value) for one in node.keywords}


def test_every_parser_expands_and_loads_nothing(modules_with):
    texts = modules_with("XMLParser", "XMLPullParser", "iterparse").values()
    found = [one for text in texts for one in parsers_in(text)]
    assert found
    for name, keywords in found:
        assert name != "iterparse"
        assert keywords["resolve_entities"] == "False"
        assert keywords["no_network"] == "True"
        assert "huge_tree" not in keywords
