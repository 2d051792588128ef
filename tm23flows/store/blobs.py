"""Content-addressed blobs in GridFS.

Owns everything too large for a document: trajectory segments, model files,
predictions. A blob is stored before the document that names it, so a document
never points to nothing.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tm23flows.documents.ids import bytes_id
from tm23flows.errors import DatabaseError, InputError, NotFoundError
from tm23flows.store.batches import batched
from tm23flows.store.collections import BLOBS, NOT_SHIPPED

if TYPE_CHECKING:
    from pymongo.database import Database


class Blobs:
    """Bytes by their sha256.

    Parameters
    ----------
    database
        The database of the archive.
    """

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        from gridfs import GridFS

        self._bucket = GridFS(database, BLOBS)
        self._files = database[BLOBS].files
        self._chunks = database[BLOBS].chunks
        self._not_shipped = database[NOT_SHIPPED]

    def put(self, data: bytes) -> str:
        """Store bytes; storing them again only makes the blob young.

        A blob that nothing names is deleted when it is old. Who stores it again is about to name
        it, so its age is counted anew.

        Parameters
        ----------
        data
            The bytes.

        Returns
        -------
        Their sha256, which is the id of the blob.
        """
        from gridfs.errors import FileExists
        from pymongo.errors import DuplicateKeyError

        key = bytes_id(data)
        young = {"$currentDate": {"uploadDate": True}}
        if self._files.update_one({"_id": key}, young).matched_count:
            return key
        # A writer that died half-way leaves chunks that no file names.
        self._chunks.delete_many({"files_id": key})
        try:
            self._bucket.put(data, _id=key)
        except (FileExists, DuplicateKeyError):
            if not self._bucket.exists(key):
                raise
        return key

    def get(self, key: str) -> bytes:
        """Read a blob and check it.

        Parameters
        ----------
        key
            Its sha256.

        Returns
        -------
        The bytes.

        Raises
        ------
        NotFoundError
            If there is no such blob.
        DatabaseError
            If the bytes are not the ones that were stored.
        """
        from gridfs.errors import CorruptGridFile, NoFile

        try:
            data = self._bucket.get(key).read()
        except NoFile:
            raise NotFoundError(self._absent(key)) from None
        except CorruptGridFile as error:
            raise DatabaseError(f"The blob {key[:12]} is damaged: {error}.") from error
        if bytes_id(data) != key:
            raise DatabaseError(f"The blob {key[:12]} is damaged: its checksum is wrong.")
        return data

    def _absent(self, key: str) -> str:
        if self._not_shipped.find_one({"_id": key}) is None:
            return f"The blob {key[:12]} is not in the archive."
        return (
            f"The blob {key[:12]} is a file of a model that was left out when the model came here: "
            "import a dump that has it, with --trust-model-files, or train a model of another "
            "--seed (the same training is the same model, and is not kept twice)."
        )

    def has(self, key: str) -> bool:
        """Say whether a blob is there, without reading it.

        Parameters
        ----------
        key
            Its sha256.

        Returns
        -------
        True if it is.
        """
        return bool(self._bucket.exists(key))

    def lengths(self, keys: Iterable[str]) -> dict[str, int]:
        """Say which blobs are there and how long they are, without reading them.

        Parameters
        ----------
        keys
            Their sha256.

        Returns
        -------
        Lengths in bytes of those that are there.
        """
        return {
            one["_id"]: int(one["length"])
            for some in batched(keys)
            for one in self._files.find({"_id": {"$in": some}}, {"length": 1})
        }

    def put_arrays(self, **arrays: np.ndarray) -> str:
        """Store named arrays as a compressed ``.npz`` blob.

        Parameters
        ----------
        **arrays
            Numeric arrays.

        Returns
        -------
        The id of the blob.

        Raises
        ------
        InputError
            If an array holds Python objects.
        """
        return self.put(pack_arrays(arrays))

    def get_arrays(self, key: str) -> dict[str, np.ndarray]:
        """Read named arrays back.

        Parameters
        ----------
        key
            The id of the blob.

        Returns
        -------
        The arrays by name.

        Raises
        ------
        NotFoundError
            If there is no such blob.
        """
        with np.load(io.BytesIO(self.get(key)), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}


def pack_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Pack named arrays as a compressed ``.npz`` file.

    Parameters
    ----------
    arrays
        Numeric arrays.

    Returns
    -------
    Its bytes, the same for the same numbers.

    Raises
    ------
    InputError
        If an array holds Python objects.
    """
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise InputError(f"The array '{name}' holds objects; blobs hold numbers and text.")
    buffer = io.BytesIO()
    named: dict[str, Any] = dict(arrays)
    np.savez_compressed(buffer, **named)
    return buffer.getvalue()
