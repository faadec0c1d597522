"""
The files of a run: one directory for each test, with the exact bytes of its messages and `mail.json`.

Input: messages and connections; output: records whose keys and types are in `schema`.
It never judges mail. It leaves unknown files in the directory alone.
"""
