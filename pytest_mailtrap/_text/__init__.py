"""
Words and numbers that all packages share: the terms users write, counts, the layout of a text.

Strings and numbers go in; the same come out, checked or laid out.
It knows nothing about mail.
"""
