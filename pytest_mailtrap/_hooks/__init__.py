"""
The pytest side of the plugin: fixtures, the marker, hooks, and data for other plugins.

Input: pytest's calls; output: fixtures, outcomes of tests and lines in the terminal.
This is the only room that imports pytest. It decides nothing about mail: `_run` does.

Words: a *hook* is a function that pytest calls; a *section* is a block with a heading that pytest prints below a failure.
"""
