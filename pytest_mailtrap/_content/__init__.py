"""
What a message says: header fields, bodies, links and attachments, and remarks on them.

In come the parts of a message; out come values and remarks.
It never raises on malformed mail, never fetches anything, and knows nothing of S/MIME.

Words: a *remark* is what a careful reader would point out about the content; it fails no test.
"""
