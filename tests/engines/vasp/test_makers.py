"""atomate2's Makers with our defaults: its powerups work on them, alone and nested."""

from __future__ import annotations

from dataclasses import dataclass, field

import bson
import pytest
from atomate2 import SETTINGS
from atomate2.vasp import powerups
from atomate2.vasp.files import write_vasp_input_set
from custodian.vasp.handlers import VaspErrorHandler
from fireworks import Workflow
from jobflow import Flow, Maker, job
from jobflow.managers.fireworks import flow_to_workflow
from monty.json import MontyDecoder
from pymatgen.io.vasp import Incar, Kpoints, Potcar

from tm23flows.engines.vasp.handlers import NumericsErrorHandler
from tm23flows.engines.vasp.inputs import input_files
from tm23flows.engines.vasp.makers import TM23MDMaker, TM23StaticMaker

MAKERS = pytest.mark.parametrize("make", [TM23StaticMaker, TM23MDMaker])


@dataclass
class BatchMaker(Maker):
    """A Maker that holds one of a calculation, as those of our flows do."""

    name: str = "batch"
    calculation: Maker = field(default_factory=TM23StaticMaker)

    @job
    def make(self, frame_ids: list[str]) -> list[str]:
        """Do nothing."""
        return frame_ids


def make_flow(calculation=None):
    calculation = calculation or TM23StaticMaker()
    return Flow([BatchMaker(calculation=calculation).make(["a"])])


def maker_in(flow):
    """The calculation's Maker of a flow, after the way through FireWorks' database."""
    stored = bson.decode(bson.encode(flow_to_workflow(flow).to_dict()))
    (firework,) = Workflow.from_dict(stored).fws
    inner = firework.tasks[0]["job"]
    return MontyDecoder().process_decoded(inner).maker.calculation


def incar(maker, structure):
    return input_files(maker.input_set_generator, structure)["INCAR"]


def test_incar_settings_reach_a_nested_maker(vasp, copper):
    flow = make_flow()
    changed = powerups.update_user_incar_settings(flow, {"ENCUT": 444, "ALGO": "All"})
    written = incar(maker_in(changed), copper)
    assert (written["ENCUT"], written["ALGO"], written["SIGMA"]) == (444, "All", 0.2)
    assert incar(maker_in(flow), copper)["ENCUT"] == 520


@pytest.mark.parametrize(
    "kpoints", [Kpoints.gamma_automatic((3, 3, 3)), Kpoints.monkhorst_automatic((2, 2, 2))]
)
def test_kpoints_reach_a_nested_maker(kpoints, vasp, copper):
    changed = powerups.update_user_kpoints_settings(make_flow(), kpoints)
    written = input_files(maker_in(changed).input_set_generator, copper)["KPOINTS"]
    assert tuple(written.kpts[0]) == tuple(kpoints.kpts[0])


def test_datasets_reach_a_nested_maker(vasp, copper):
    changed = powerups.update_user_potcar_settings(make_flow(), {"Cu": "Cu"})
    changed = powerups.update_user_potcar_functional(changed, "PBE")
    potcar = input_files(maker_in(changed).input_set_generator, copper)["POTCAR"]
    assert (potcar.symbols, potcar.functional) == (["Cu"], "PBE")


def test_fields_of_the_set_reach_a_nested_maker(vasp, copper):
    changed = powerups.update_vasp_input_generators(
        make_flow(TM23MDMaker()), {"input_set_generator->temperature_K": 1700.0}
    )
    assert incar(maker_in(changed), copper)["TEBEG"] == 1700


def test_handlers_reach_a_nested_maker():
    mine = (VaspErrorHandler(errors_subset_to_catch=["edddav"]),)
    changed = powerups.update_vasp_custodian_handlers(make_flow(), mine)
    (handler,) = maker_in(changed).run_vasp_kwargs["handlers"]
    assert type(handler) is VaspErrorHandler
    assert handler.errors_subset_to_catch == ["edddav"]
    none = powerups.update_vasp_custodian_handlers(make_flow(), ())
    assert list(maker_in(none).run_vasp_kwargs["handlers"]) == []


def test_metadata_reach_a_nested_maker():
    changed = powerups.add_metadata_to_flow(make_flow(), {"project": "tm23"})
    assert maker_in(changed).task_document_kwargs["additional_fields"] == {"project": "tm23"}


@MAKERS
def test_powerups_work_on_makers_and_on_their_own_jobs(make, vasp, copper):
    changed = powerups.update_user_incar_settings(make(), {"ENCUT": 444})
    assert type(changed) is make
    assert incar(changed, copper)["ENCUT"] == 444
    flow = powerups.update_user_incar_settings(Flow([make().make(copper)]), {"ENCUT": 444})
    assert incar(flow.jobs[0].maker, copper)["ENCUT"] == 444


@MAKERS
def test_the_way_through_a_database_keeps_everything(make, vasp, copper):
    maker = maker_in(make_flow(make()))
    assert type(maker) is make
    assert [type(one) for one in maker.run_vasp_kwargs["handlers"]] == [
        type(one) for one in make().run_vasp_kwargs["handlers"]
    ]
    assert isinstance(maker.run_vasp_kwargs["handlers"][0], NumericsErrorHandler)
    assert str(incar(maker, copper)) == str(incar(make(), copper))


@MAKERS
def test_settings_of_the_site_are_not_applied(make, vasp, copper, tmp_path, monkeypatch):
    monkeypatch.setattr(SETTINGS, "VASP_INCAR_UPDATES", {"ENCUT": 300, "GGA": "PS"})
    maker = make()
    write_vasp_input_set(
        copper, maker.input_set_generator, directory=tmp_path, **maker.write_input_set_kwargs
    )
    written = Incar.from_file(tmp_path / "INCAR")
    assert written["ENCUT"] == 520
    assert "GGA" not in written
    assert Potcar.from_file(tmp_path / "POTCAR")[0].element == "Cu"


@MAKERS
def test_two_makers_share_nothing(make):
    one, other = make(), make()
    one.run_vasp_kwargs["vasp_cmd"] = "x"
    one.input_set_generator.user_incar_settings["ENCUT"] = 1
    assert "vasp_cmd" not in other.run_vasp_kwargs
    assert not other.input_set_generator.user_incar_settings
    assert one.run_vasp_kwargs["handlers"][0] is not other.run_vasp_kwargs["handlers"][0]
