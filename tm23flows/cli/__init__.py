"""The ``tm23`` command line: thin."""
