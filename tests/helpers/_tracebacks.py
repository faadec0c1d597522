"""A pattern for tracebacks that show users a line of the plugin's own code."""

from __future__ import annotations

# A pattern for `no_re_match_line`: a file of the package and a line in it.
OWN_FRAME = r".*pytest_mailtrap[/\\].*\.py:\d+"
