"""Archives to damage: reading and replacing segments."""

from tm23flows.documents.trajectory import Trajectory
from tm23flows.ops.audit.invariants import audit


def violations(archive, only):
    return audit(archive, [only]).violations


def trajectory_of(archive):
    stored = archive.database["trajectories"].find_one(sort=[("_id", 1)])
    return archive.get(Trajectory, stored["_id"])


def replace_segment(archive, trajectory, place, **changes):
    """Put other arrays into a segment, as if a program had written them."""
    segment = trajectory.segments[place]
    arrays = {**archive.blobs.get_arrays(segment.blob), **changes}
    blob = archive.blobs.put_arrays(**arrays)
    archive.database["trajectories"].update_one(
        {"_id": trajectory.id}, {"$set": {f"segments.{place}.blob": blob}}
    )
