"""
What a message says: header fields, bodies, links and attachments, and remarks on them.

Input: the exact bytes of a message, opened where they were signed, and its envelope. Output: values and remarks.
It never raises on malformed mail, never fetches anything, and does not handle S/MIME.

Words: a *finding* is what a check has found, as a code; a *remark* is a finding with its meaning in words.
"""
