"""Helpers that users need to test their own flows; nothing in the package imports this."""
