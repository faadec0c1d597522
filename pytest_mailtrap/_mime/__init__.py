"""
MIME: parts as spans of the exact bytes, header fields, addresses.

Input: bytes. Output: spans, and what makes parsers disagree about them.
It never re-serializes a message, and every scan is linear.
"""
