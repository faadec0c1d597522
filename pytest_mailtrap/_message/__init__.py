"""
A captured message: the envelope, the exact bytes, and how they were sent.

Input: what the server received. Output: an object with the message's content, its S/MIME facts and assertions.
It never changes a byte, and it does not depend on the running server.
"""
