"""The Materials Project through its real client, mp-api, against a server on this machine.

The answers are written by us in the form that mp-api and emmet-core describe. They are not
recorded from the service, which tests must not ask: ids and energies are made up.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

import pytest
from pymatgen.io.ase import AseAtomsAdaptor

from tm23flows.errors import InputError, MissingDependencyError
from tm23flows.flows.structure import StructureMaker
from tm23flows.jobs.structure import make_structure
from tm23flows.ops.materials_project import fetch_crystal
from tm23flows.science.metals import metal
from tm23flows.science.prototypes import build_primitive

KEY = "0123456789abcdefghijklmnopqrstuv"


def _material(number, symbol, phase, hull, **changes):
    atoms = build_primitive(metal(symbol), phase)
    return {
        "material_id": f"mp-{number}",
        "elements": [symbol],
        "structure": AseAtomsAdaptor.get_structure(atoms).as_dict(),
        "energy_above_hull": hull,
        "theoretical": False,
        "deprecated": False,
        "symmetry": {"symbol": "not looked at"},
        "origins": [
            {"name": "energy", "task_id": f"mp-{number}1", "last_updated": "2024-01-01T00:00:00"},
            {
                "name": "structure",
                "task_id": f"mp-{number}2",
                "last_updated": "2024-01-01T00:00:00",
            },
        ],
        **changes,
    }


MATERIALS = [
    _material(10, "Ti", "fcc", 0.05),
    _material(20, "Ti", "bcc", 0.0, theoretical=True),
    _material(30, "Ti", "omega", 0.002),
    _material(40, "Ti", "hcp", 0.007),
    _material(50, "Ti", "hcp", 0.001, deprecated=True),
    _material(60, "Cu", "fcc", 0.0, origins=None),
    _material(70, "Zr", "hcp", 0.0, theoretical=True),
    _material(80, "Ti", "hcp", 0.3, elements=["Ni", "Ti"]),
]


class Service(ThreadingHTTPServer):
    """Answers what mp-api asks; ``status`` makes it refuse, ``requests`` is what it saw."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.requests, self.filters = 200, [], True


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *words):
        """Say nothing."""

    def do_GET(self):
        asked = urlparse(self.path)
        words = {name: values[0] for name, values in parse_qs(asked.query).items()}
        self.server.requests.append((asked.path, words, self.headers.get("x-api-key")))
        if asked.path == "/heartbeat":
            self._answer(200, {"status": "OK", "version": "0.87.3", "db_version": "2026.01.15",
                               "access_controlled_batch_ids": []})  # fmt: skip
        elif self.server.status != 200:
            self._answer(self.server.status, {"message": f"no, not with {KEY}"})
        elif asked.path == "/materials/summary/":
            self._documents([one for one in MATERIALS if self._wanted(one, words)])
        elif asked.path == "/materials/core/":
            number = words["material_ids"].removeprefix("mp-")
            types = {f"mp-{number}1": "r2SCAN", f"mp-{number}2": "GGA"}
            self._documents([{"material_id": f"mp-{number}", "run_types": types}])
        else:
            self._answer(404, {"detail": "Not Found"})

    def _wanted(self, one, words):
        if "material_ids" in words:
            return one["material_id"] in words["material_ids"].split(",")
        if not self.server.filters:
            return words["chemsys"] in one["elements"]
        return (
            words["chemsys"] == "-".join(sorted(one["elements"]))
            and words["theoretical"] == str(one["theoretical"])
            and words["deprecated"] == str(one["deprecated"])
        )

    def _documents(self, documents):
        self._answer(200, {"data": documents, "meta": {"total_doc": len(documents)}})

    def _answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def service(monkeypatch):
    pytest.importorskip("mp_api", reason="needs mp-api: pip install 'tm23flows[mp]'")
    with Service() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("MP_API_ENDPOINT", f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setenv("MP_API_KEY", KEY)
        yield server
        server.shutdown()


def test_the_article_s_rule_takes_the_lowest_phase_that_was_observed(service):
    crystal = fetch_crystal("Ti")
    assert crystal.details["material_id"] == "mp-30"
    assert crystal.phase == "omega"
    assert len(crystal.positions) == 3


def test_the_rule_does_not_depend_on_what_the_server_filters(service):
    service.filters = False
    assert fetch_crystal("Ti").details["material_id"] == "mp-30"


def test_an_id_is_taken_as_it_is(service):
    crystal = fetch_crystal("Ti", "mp-20")
    assert crystal.phase == "bcc"
    assert "not observed, computed only" in crystal.source
    assert "deprecated" in fetch_crystal("Ti", "mp-50").source


def test_an_id_written_with_letters_is_the_same_id(service):
    with pytest.raises(InputError, match="no material mp-zzzzz"):
        fetch_crystal("Ti", "mp-zzzzz")
    assert fetch_crystal("Ti", "mp-be").details["material_id"] == "mp-30"


def test_the_past_is_complete_and_the_key_is_nowhere(service):
    crystal = fetch_crystal("Ti", "mp-30")
    day = crystal.details["retrieved"]
    assert crystal.source == (
        "Materials Project mp-30, energy above hull 0.002 eV/atom, observed, structure relaxed "
        f"with GGA, database version 2026.01.15, retrieved {day}"
    )
    assert crystal.details == {
        "material_id": "mp-30",
        "energy_above_hull_eV_per_atom": 0.002,
        "theoretical": False,
        "functional": "GGA",
        "structure_task": "mp-302",
        "space_group": "not looked at",
        "atoms_in_received_cell": 3,
        "database_version": "2026.01.15",
        "retrieved": day,
    }
    assert {key for path, _, key in service.requests if path != "/heartbeat"} == {KEY}
    assert KEY not in crystal.model_dump_json()
    assert "functional that is not stated" in fetch_crystal("Cu").source


def test_nothing_is_rescaled_and_both_bases_can_be_built(service):
    received = fetch_crystal("Cu")
    expected = build_primitive(metal("Cu"))
    assert received.atoms.get_volume() == pytest.approx(expected.get_volume())
    crystal = received.model_dump(mode="json")
    for basis, sites in (("given", 1), ("primitive", 1), ("conventional", 4)):
        assert len(StructureMaker(basis=basis, crystal=crystal).unit_cell("Cu")) == sites
    job = StructureMaker(crystal=crystal).make("Cu")
    structure = make_structure(*job.function_args)
    assert len(structure.numbers) == 31
    assert (structure.phase, structure.phase_source) == ("fcc", received.source)


def test_an_unknown_id_and_an_id_of_another_element(service):
    with pytest.raises(InputError, match="has no material mp-999"):
        fetch_crystal("Ti", "mp-999")
    with pytest.raises(InputError, match=r"mp-60 .* holds Cu, it is not a phase of Ti"):
        fetch_crystal("Ti", "mp-60")
    with pytest.raises(InputError, match=r"mp-80 .* holds Ni"):
        fetch_crystal("Ti", "mp-80")


@pytest.mark.parametrize("name", ["30", "mp-", "mp-3O", "foo", "", "mp-30,mp-40"])
def test_what_is_no_id_is_not_sent(service, name):
    with pytest.raises(InputError, match="is no id of the Materials Project"):
        fetch_crystal("Ti", name)
    assert service.requests == []


def test_no_observed_phase(service):
    with pytest.raises(InputError, match=r"no observed phase of Zr.*--mp-id"):
        fetch_crystal("Zr")


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused_is_not_printed(service, status):
    service.status = status
    with pytest.raises(InputError, match="refuses the key") as caught:
        fetch_crystal("Ti")
    assert KEY not in str(caught.value)


def test_a_broken_service(service):
    service.status = 500
    with pytest.raises(InputError, match="cannot say") as caught:
        fetch_crystal("Ti")
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_key_of_the_wrong_length(service, monkeypatch):
    monkeypatch.setenv("MP_API_KEY", "secret")
    with pytest.raises(InputError, match="32 characters") as caught:
        fetch_crystal("Ti")
    assert "secret" not in str(caught.value)


def test_the_key_of_pymatgen_will_do(service, monkeypatch):
    monkeypatch.delenv("MP_API_KEY")
    monkeypatch.setenv("PMG_MAPI_KEY", KEY)
    assert fetch_crystal("Cu").phase == "fcc"


def test_no_network(monkeypatch):
    pytest.importorskip("mp_api", reason="needs mp-api: pip install 'tm23flows[mp]'")
    monkeypatch.setenv("MP_API_KEY", KEY)
    monkeypatch.setenv("MP_API_ENDPOINT", "http://127.0.0.1:9/")
    with pytest.raises(InputError, match=r"does not answer.*--structure FILE") as caught:
        fetch_crystal("Ti")
    assert "\n" not in str(caught.value)


def test_no_key(monkeypatch):
    monkeypatch.delenv("MP_API_KEY", raising=False)
    monkeypatch.delenv("PMG_MAPI_KEY", raising=False)
    with pytest.raises(InputError, match="MP_API_KEY"):
        fetch_crystal("Ti")


def test_no_client(monkeypatch):
    monkeypatch.setenv("MP_API_KEY", KEY)
    monkeypatch.setitem(sys.modules, "mp_api.client", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'tm23flows\[mp\]'"):
        fetch_crystal("Ti")
