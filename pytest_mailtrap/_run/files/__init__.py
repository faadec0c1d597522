"""
The files of a run: one directory for each test, with the exact bytes of its messages and `mail.json`.

In come messages and connections; out come records whose keys and types are in `schema`.
It never judges mail. Unknown files in the directory are left alone.
"""
