"""
What a message says: header fields, bodies, links and attachments, and remarks on them.

Input: the parts of a message. Output: values and remarks.
It never raises on malformed mail, never fetches anything, and does not handle S/MIME.

Words: a *remark* is what a careful reader would point out about the content; it does not fail a test.
"""
