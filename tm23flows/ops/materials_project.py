"""Crystals from the Materials Project: asked for once, when a workflow is built.

Owns what is asked of the service, the article's choice among its phases, and the sentences
where that fails. The client is mp-api's own. The key stays in the environment: it is never
stored and never printed. Lattice constants are taken as they come; nothing is rescaled.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from tm23flows.documents.structure import Crystal
from tm23flows.errors import InputError, MissingDependencyError
from tm23flows.ops.structure_sources import check_crystal
from tm23flows.science.crystals import identify_phase
from tm23flows.science.metals import metal
from tm23flows.store.decode import refuse_code

if TYPE_CHECKING:
    from mp_api.client import MPRester

KEY_VARIABLES: Final = ("MP_API_KEY", "PMG_MAPI_KEY")
ENDPOINT_VARIABLE: Final = "MP_API_ENDPOINT"

# The client would take any letters for a number written with letters.
_ID: Final = re.compile(r"mp-([0-9]+|[a-z]+)")

_FIELDS: Final = (
    "material_id",
    "elements",
    "structure",
    "energy_above_hull",
    "theoretical",
    "deprecated",
    "symmetry",
    "origins",
)


def fetch_crystal(element: str, material_id: str | None = None) -> Crystal:
    """Fetch a phase of a metal from the Materials Project.

    Parameters
    ----------
    element
        The metal.
    material_id
        Such as ``mp-30``. Without it the article's rule chooses: of the phases that were
        observed in experiments the one with the lowest energy above the hull.

    Returns
    -------
    The crystal in the cell that the service gives; its source names the id, the energy above
    the hull, the functional of the relaxation, the version of the database and the day.

    Raises
    ------
    MissingDependencyError
        If mp-api is not installed.
    InputError
        If there is no key, no answer, no such id or phase, or it is of another element.
    """
    element = metal(element).symbol
    if material_id is not None and not _ID.fullmatch(material_id):
        raise InputError(f"'{material_id}' is no id of the Materials Project, such as mp-30.")
    key = _key()
    with _client(key) as client:
        found = _asking(key, _search, client, element, material_id)
        chosen = _choose(found, element, material_id)
        functional = _asking(key, _functional, client, chosen)
        version = client.db_version
    return _crystal(chosen, element, functional, version)


def _key() -> str:
    for name in KEY_VARIABLES:
        if key := os.environ.get(name, "").strip():
            return key
    raise InputError(
        "The Materials Project wants a key: get one at https://materialsproject.org/api and put "
        f"it into the variable {KEY_VARIABLES[0]}."
    )


def _client(key: str) -> MPRester:
    try:
        from mp_api.client import MPRester
    except ImportError as error:
        raise MissingDependencyError(
            "The Materials Project is asked through mp-api, which is not installed; run "
            "pip install 'tm23flows[mp]', or give the cell with --structure FILE."
        ) from error
    endpoint = os.environ.get(ENDPOINT_VARIABLE) or None
    # Without the document model: a field that a newer server adds or drops is no error.
    return _asking(
        key, MPRester, key, endpoint=endpoint, use_document_model=False, mute_progress_bars=True
    )


def _asking(key: str, ask: Any, *arguments: Any, **options: Any) -> Any:
    """Call, and put what goes wrong between here and the service into one sentence."""
    from mp_api.client.core import MPRestError
    from requests import RequestException

    try:
        return ask(*arguments, **options)
    except RequestException as error:
        raise InputError(
            f"The Materials Project does not answer ({type(error).__name__}); a machine without "
            "network can use --structure FILE."
        ) from error
    except (MPRestError, KeyError, ValueError) as error:
        reason = " ".join(str(error).replace(key, "***").split())
        if any(code in reason for code in ("status code 401", "status code 403")):
            raise InputError(
                f"The Materials Project refuses the key in {' or '.join(KEY_VARIABLES)}; get a "
                "new one at https://materialsproject.org/api."
            ) from error
        raise InputError(f"The Materials Project cannot say: {reason}") from error


def _search(client: MPRester, element: str, material_id: str | None) -> list[dict[str, Any]]:
    if material_id is not None:
        wanted = {"material_ids": [material_id]}
    else:
        wanted = {"chemsys": element, "theoretical": False, "deprecated": False}
    return client.materials.summary.search(**wanted, fields=list(_FIELDS))


def _choose(found: list[dict[str, Any]], element: str, material_id: str | None) -> dict[str, Any]:
    if material_id is not None:
        found = [one for one in found if _same_id(str(one["material_id"]), material_id)]
        if not found:
            raise InputError(f"The Materials Project has no material {material_id}.")
        others = sorted({str(one) for one in found[0]["elements"]} - {element})
        if others:
            raise InputError(f"{material_id} of the Materials Project holds {', '.join(others)}, "
                             f"it is not a phase of {element}.")  # fmt: skip
        return found[0]
    # The server has filtered by the same words; a crystal nobody saw must not slip through.
    seen = [one for one in found if one["theoretical"] is False and not one.get("deprecated")
            and one["energy_above_hull"] is not None]  # fmt: skip
    if not seen:
        raise InputError(
            f"The Materials Project has no observed phase of {element}; name one with --mp-id."
        )
    return min(seen, key=lambda one: (one["energy_above_hull"], str(one["material_id"])))


def _same_id(one: str, other: str) -> bool:
    """Compare ids, which are written as ``mp-30`` or, with letters for the number, ``mp-be``."""
    from emmet.core.mpid import AlphaID

    return AlphaID(one) == AlphaID(other)


def _functional(client: MPRester, chosen: dict[str, Any]) -> str | None:
    """Return the run type of the calculation that the structure comes from, such as GGA."""
    task = _structure_task(chosen)
    if task is None:
        return None
    found = client.materials.search(
        material_ids=[str(chosen["material_id"])], fields=["material_id", "run_types"]
    )
    types = (found[0].get("run_types") or {}) if found else {}
    return types.get(task)


def _structure_task(chosen: dict[str, Any]) -> str | None:
    for origin in chosen.get("origins") or ():
        if origin["name"] == "structure":
            return str(origin["task_id"])
    return None


def _crystal(chosen: dict[str, Any], element: str, functional: str | None, version: str) -> Crystal:
    from pymatgen.core import Structure
    from pymatgen.io.ase import AseAtomsAdaptor

    structure = chosen["structure"]
    if isinstance(structure, dict):
        refuse_code(structure)
        structure = Structure.from_dict(structure)
    atoms = AseAtomsAdaptor.get_atoms(structure, msonable=False)
    name, today = str(chosen["material_id"]), datetime.now(UTC).date().isoformat()
    check_crystal(atoms, element, f"{name} of the Materials Project")
    energy, observed = chosen["energy_above_hull"], chosen["theoretical"] is False
    words = [
        f"Materials Project {name}",
        "energy above hull " + ("not stated" if energy is None else f"{energy:.3f} eV/atom"),
        "observed" if observed else "not observed, computed only",
        *(["deprecated"] if chosen.get("deprecated") else []),
        f"structure relaxed with {functional or 'a functional that is not stated'}",
        f"database version {version or 'not stated'}",
        f"retrieved {today}",
    ]
    return Crystal.from_atoms(
        atoms,
        identify_phase(atoms),
        ", ".join(words),
        material_id=name,
        energy_above_hull_eV_per_atom=energy,
        theoretical=chosen["theoretical"],
        functional=functional,
        structure_task=_structure_task(chosen),
        space_group=(chosen.get("symmetry") or {}).get("symbol"),
        atoms_in_received_cell=len(atoms),
        database_version=version,
        retrieved=today,
    )
