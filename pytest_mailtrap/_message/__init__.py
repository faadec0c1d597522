"""
A captured message: the envelope, the exact bytes, and how they came.

In comes what the server received; out comes the object that a test asks for its content, S/MIME and assertions.
It never changes a byte, and it does not need the server any more.
"""
