"""
MIME: parts as spans of the exact bytes, header fields, addresses.

In come bytes; out come spans, and what makes parsers disagree about them.
It never re-serialises a message, and every scan is linear.
"""
