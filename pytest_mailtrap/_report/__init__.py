"""
The report of a run: one HTML page with all its mail, which is safe to open.

In come records and message files; out comes one file without scripts or links of anybody else's.
It never fetches anything and never judges mail: it shows what `_content` and `_smime` found.

Words: a *block* is the data of one message or one test within the page.
"""
