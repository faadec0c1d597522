"""
Words and numbers that all rooms share: the terms users write, counts, the layout of a text.

In come strings and numbers; out come the same, checked or laid out.
It knows nothing of mail.
"""
