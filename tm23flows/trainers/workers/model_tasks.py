"""The tasks of a worker that need no more than a way to load a model.

Owns "predict", from a file of frames to one of predictions, and "serve", the worker's
end of a calculator: one message is the frames as npz, the next is their predictions as
npz, both as in those files, so that a served model says bit by bit what "predict" says.
Knows no trainer.
"""

from __future__ import annotations

import io
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from worker_io import predict_all, read_frames, versions

if TYPE_CHECKING:
    from collections.abc import Callable


def serving(
    load: Callable[[Path, dict[str, Any]], Any], extra: str | None = None
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Make the task ``serve`` of a worker.

    Parameters
    ----------
    load
        Makes an ASE calculator from the folder of a model and the request, which has
        the ``sha256`` of the model's files by name and the ``device``.
    extra
        Key of the calculator's results that is the uncertainty per atom (n,).

    Returns
    -------
    The task: from the request to the number of ``calculations`` done.
    """

    def serve(request: dict[str, Any]) -> dict[str, Any]:
        connection = Connection(request["channel"])
        calculator = load(Path(request["model"]), request)
        connection.send_bytes(b"ready")
        done = 0
        while True:
            try:
                frames = read_frames(io.BytesIO(connection.recv_bytes()))
            except EOFError:
                return {"calculations": done}
            found = io.BytesIO()
            predict_all(calculator, frames, found, extra)
            connection.send_bytes(found.getvalue())
            done += 1

    return serve


def predicting(
    load: Callable[[Path, dict[str, Any]], Any], *distributions: str, extra: str | None = None
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Make the task ``predict`` of a worker.

    Parameters
    ----------
    load
        As for ``serving``.
    distributions
        Whose versions the answer names.
    extra
        As for ``serving``.

    Returns
    -------
    The task: from the request, with the files ``frames`` and ``predictions``, to the
    ``versions`` of what was used.
    """

    def predict(request: dict[str, Any]) -> dict[str, Any]:
        calculator = load(Path(request["model"]), request)
        predict_all(calculator, read_frames(request["frames"]), request["predictions"], extra)
        return {"versions": versions(*distributions)}

    return predict
