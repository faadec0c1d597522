"""
Where pytest meets the mail: fixtures, the marker, hooks, and what other plugins are told.

In come pytest's calls; out go fixtures, outcomes of tests and lines in the terminal.
This is the only room that imports pytest. It decides nothing about mail: `_run` does.

Words: a *hook* is a function that pytest calls; a *section* is a headed block that pytest prints below a failure.
"""
