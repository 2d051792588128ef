"""The local database for a laptop, the demo and the tests: not MongoDB.

A small server that speaks enough of MongoDB's wire protocol for real drivers, over
mongomock-ng in memory and a journal on disk. `process.py` is the door; see
`server.py` for what it does and `wire.py`, `engine.py`, `tables.py` and
`journal.py` for its layers. It has no passwords, replication, transactions or
sessions, and holds everything in memory.
"""
