"""The invariants of an archive, checked without changing anything."""
