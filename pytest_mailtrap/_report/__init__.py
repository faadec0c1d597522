"""
The report of a run: one HTML page with all its mail, which is safe to open.

Input: records and message files; output: one file without scripts from messages and without external resources.
It never fetches anything and never judges mail: it shows what `_content` and `_smime` found.

Words: a *block* is the data of one message or one test within the page.
"""
