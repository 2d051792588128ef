"""The local database: a small wire-protocol server for a laptop, the demo and the tests (not MongoDB)."""
