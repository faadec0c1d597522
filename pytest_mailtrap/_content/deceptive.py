"""Characters that make a name look like a different one."""

from __future__ import annotations

import re

# Control characters, and characters that reorder or hide text.
DECEPTIVE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)
