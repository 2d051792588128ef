"""One jobflow job per noun: read by id, do, write by id, return ids and a small summary."""
