"""The job that chooses a k-mesh: the verdict follows from the stored labels alone."""

import numpy as np
import pytest

from tm23flows.documents.convergence import Convergence
from tm23flows.documents.label import Effort, Energies
from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError, NotFoundError, PhysicsError
from tm23flows.jobs.convergence import choose_kmesh
from tm23flows.science.convergence import Limits

BASE = Recipe(engine="gpaw", cutoff_eV=350)
LIMITS = {"energy_eV_per_atom": 0.001, "force_eV_per_A": 0.005}
N_ATOMS = 2


def mesh(n, offset=0.0):
    return {"kmesh": [n, n, n], "offset": [offset] * 3}


def recipe(one, **fields):
    update = {"kmesh": tuple(one["kmesh"]), "kmesh_offset": tuple(one["offset"]), **fields}
    return BASE.model_copy(update=update)


@pytest.fixture
def frames(archive, make_frame):
    frames = [make_frame(seed=seed) for seed in range(3)]
    archive.put(*frames)
    return frames


@pytest.fixture
def add(archive, make_label):
    """A function that stores labels off the true ones by (meV/atom, meV/angstrom)."""

    def add(frames, one, energy_meV=0.0, force_meV=0.0, base=None, **fields):
        made = base or recipe(one)
        for frame in frames:
            free = -3.0 + energy_meV / 1000 * N_ATOMS
            # The other two energies are further off: they must not be looked at.
            energies = Energies(free=free, sigma0=free + one["kmesh"][0], without_entropy=9.9)
            forces = frame.positions / 3
            forces[1, 2] -= force_meV / 1000
            given = {"energies": energies, "forces": forces, "effort": Effort(cpu_s=10.0), **fields}
            archive.put(make_label(frame, made, **given))
        return [made.id]

    return add


def choose(frames, meshes, recipe_ids, n_frames=3, limits=LIMITS, accept=False):
    ids = [frame.id for frame in frames]
    return choose_kmesh.original(ids, n_frames, meshes, recipe_ids, limits, accept)


MESHES = [mesh(1), mesh(2, 0.25), mesh(3), mesh(4, 0.125)]


def converging(add, frames, meshes=MESHES, errors=((40, 90), (3, 9), (0.4, 2), (0, 0))):
    return [add(frames, one, *error) for one, error in zip(meshes, errors, strict=True)]


def test_the_coarsest_converged_mesh_is_returned_and_stored(archive, frames, add):
    out = choose(frames, MESHES, converging(add, frames))
    assert (out["kmesh"], out["kmesh_offset"], out["converged"]) == ([3, 3, 3], [0, 0, 0], True)
    test = archive.get(Convergence, out["convergence_id"])
    assert (test.element, test.kmesh, test.converged) == ("Cu", (3, 3, 3), True)
    assert test.frame_ids == tuple(frame.id for frame in frames)
    energies = [row.energy_eV_per_atom for row in test.rows]
    assert energies == pytest.approx([0.040, 0.003, 0.0004, 0])
    assert [row.force_eV_per_A for row in test.rows] == pytest.approx([0.09, 0.009, 0.002, 0])
    assert [row.stress_eV_per_A3 for row in test.rows] == [0, 0, 0, 0]
    assert [row.cpu_s for row in test.rows] == [30.0] * 4
    assert [row.n_points for row in test.rows] == [1, 4, 14, 32]
    assert test.base_recipe == BASE
    assert test.limits == Limits()
    assert "at most" not in test.reason
    assert "0.4 meV/atom" in test.reason


def test_the_offset_of_the_chosen_mesh_goes_with_it(frames, add):
    recipe_ids = converging(add, frames, errors=((40, 90), (0.2, 1), (0.4, 2), (0, 0)))
    out = choose(frames, MESHES, recipe_ids)
    assert (out["kmesh"], out["kmesh_offset"]) == ([2, 2, 2], [0.25, 0.25, 0.25])
    # It is what a recipe takes.
    assert Recipe(engine="gpaw", kmesh=out["kmesh"], kmesh_offset=out["kmesh_offset"]).kmesh


def test_twice_is_once(archive, frames, add):
    recipe_ids = converging(add, frames)
    assert choose(frames, MESHES, recipe_ids) == choose(frames, MESHES, recipe_ids)
    assert archive.database["convergences"].count_documents({}) == 1


def test_its_past_reaches_the_frames(archive, frames, add):
    test = choose(frames, MESHES, converging(add, frames))["convergence_id"]
    levels = {level.collection: level for level in archive.trace(test).levels}
    assert levels["labels"].count == 12
    assert levels["frames"].count == 3
    summary = levels["convergences"].shown[0].summary
    assert summary["kmesh"] == [3, 3, 3]
    assert "3x3x3" in summary["reason"]
    archive.database["labels"].delete_one({"frame_id": frames[0].id})
    assert not archive.trace(test).complete


UNCONVERGED = ((40, 90), (3, 9), (1.5, 2), (0, 0))


def test_a_mesh_that_is_not_converged_stops_the_road_with_the_table(archive, frames, add):
    recipe_ids = converging(add, frames, errors=UNCONVERGED)
    with pytest.raises(PhysicsError) as caught:
        choose(frames, MESHES, recipe_ids)
    said = str(caught.value)
    for word in (
        "Cu", "not converged", "1x1x1: 40 meV/atom, 90 meV/A", "shifted 2x2x2: 3 meV/atom",
        "3x3x3: 1.5 meV/atom, 2 meV/A", "limits: 1 meV/atom, 5 meV/A", "shifted 4x4x4",
        "spacings_per_A", "accept_densest=True",
    ):  # fmt: skip
        assert word in said
    stored = archive.database["convergences"].find_one()
    assert stored["id"][:12] in said
    assert (stored["converged"], stored["kmesh"]) == (False, None)


def test_the_densest_mesh_is_used_where_that_is_accepted_and_the_fact_is_kept(archive, frames, add):
    recipe_ids = converging(add, frames, errors=UNCONVERGED)
    out = choose(frames, MESHES, recipe_ids, accept=True)
    assert (out["kmesh"], out["kmesh_offset"]) == ([4, 4, 4], [0.125] * 3)
    assert out["converged"] is False
    test = archive.get(Convergence, out["convergence_id"])
    assert not test.converged
    assert "used all the same" in test.reason
    converged = choose(frames, MESHES, recipe_ids, accept=True, limits={**LIMITS,
        "energy_eV_per_atom": 0.002})  # fmt: skip
    assert converged["converged"]
    assert converged["kmesh"] == [3, 3, 3]


def test_only_the_last_frames_count(frames, add, archive):
    good = converging(add, frames[1:])
    for one, error in zip(MESHES, (80, 80, 80, 0), strict=True):
        add(frames[:1], one, error)
    out = choose(frames, MESHES, good, n_frames=2)
    assert archive.get(Convergence, out["convergence_id"]).frame_ids == (frames[1].id, frames[2].id)
    with pytest.raises(PhysicsError):
        choose(frames, MESHES, good, n_frames=3)


def test_a_mesh_whose_job_failed_is_a_gap(archive, frames, add):
    recipe_ids = converging(add, frames, errors=((0, 0), (0, 0), (0, 0), (0, 0)))
    out = choose(frames, MESHES, [[None], *recipe_ids[1:]])
    assert out["kmesh"] == [2, 2, 2]
    test = archive.get(Convergence, out["convergence_id"])
    assert test.rows[0].recipe_id is None
    assert "Without labels of all frames: 1x1x1." in test.reason
    # What is coarser than a gap is not proved.
    out = choose(frames, MESHES, [recipe_ids[0], [None], *recipe_ids[2:]])
    assert out["kmesh"] == [3, 3, 3]
    with pytest.raises(PhysicsError, match="has no labels of these frames"):
        choose(frames, MESHES, [*recipe_ids[:2], [None], recipe_ids[3]])
    with pytest.raises(PhysicsError, match="densest k-mesh, shifted 4x4x4, has no labels"):
        choose(frames, MESHES, [*recipe_ids[:3], [None]], accept=True)


def test_a_frame_without_a_label_on_the_densest_mesh_is_left_out(archive, frames, add):
    recipe_ids = converging(add, frames[:2])
    for one in MESHES[:3]:
        add(frames[2:], one, 70, 70)
    test = archive.get(Convergence, choose(frames, MESHES, recipe_ids)["convergence_id"])
    assert test.frame_ids == (frames[0].id, frames[1].id)
    assert test.kmesh == (3, 3, 3)
    assert "Of 3 frames 2 have labels" in test.reason


def test_a_mesh_that_misses_one_frame_is_a_gap(archive, frames, add):
    recipe_ids = converging(add, frames)
    archive.database["labels"].delete_one({"frame_id": frames[1].id, "recipe_id": recipe_ids[2][0]})
    with pytest.raises(PhysicsError, match="3x3x3, has no labels"):
        choose(frames, MESHES, recipe_ids)


def test_batches_of_one_mesh_have_one_recipe(frames, add):
    recipe_ids = converging(add, frames)
    assert choose(frames, MESHES, [one * 2 for one in recipe_ids])["kmesh"] == [3, 3, 3]
    assert choose(frames, MESHES, [[*one, None] for one in recipe_ids])["kmesh"] == [3, 3, 3]
    with pytest.raises(InputError, match="several recipes"):
        choose(frames, MESHES, [["a" * 64, "b" * 64], *recipe_ids[1:]])


def test_labels_that_differ_in_more_than_the_mesh_are_refused(frames, add):
    recipe_ids = converging(add, frames)
    other = add(frames, MESHES[3], base=recipe(MESHES[3], sigma_eV=1.0))
    with pytest.raises(InputError, match="nothing but the k-mesh"):
        choose(frames, MESHES, [*recipe_ids[:3], other])


def test_labels_on_another_mesh_than_was_asked_for_are_refused(frames, add):
    recipe_ids = converging(add, frames)
    with pytest.raises(InputError, match="computed on 1x1x1"):
        choose(frames, MESHES, [recipe_ids[0]] * 4)


def test_frames_of_several_cells_or_metals_are_refused(archive, frames, add, make_frame):
    recipe_ids = converging(add, frames)
    wider = make_frame(seed=7, cell=np.diag([6.0, 3.0, 3.0]))
    silver = make_frame(seed=8, element="Ag")
    archive.put(wider, silver)
    for other, why in ((wider, "one cell"), (silver, "one metal")):
        with pytest.raises(InputError, match=why):
            choose([*frames[:2], other], MESHES, recipe_ids)


def test_missing_frames_are_named(frames, add, make_frame):
    recipe_ids = converging(add, frames)
    with pytest.raises(InputError, match="4 frames, but there are only 3"):
        choose(frames, MESHES, recipe_ids, n_frames=4)
    # A reference to a run that failed is None.
    with pytest.raises(InputError, match="only 0"):
        choose_kmesh.original(None, 3, MESHES, recipe_ids, LIMITS, False)
    gone = make_frame(seed=9)
    with pytest.raises(NotFoundError, match=gone.id[:12]):
        choose([*frames[:2], gone], MESHES, recipe_ids)
