"""
What the codes of the findings mean, in words: one file for each topic of `_content.checks`.

Each file has `MEANINGS`, a table by code; `_content.remark_table` puts them together.
"""
