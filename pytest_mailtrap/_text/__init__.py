"""
Words and numbers that all packages share: the terms users write, counts, the layout of a text.

Input: strings and numbers; output: the same, checked or laid out.
It knows nothing about mail.
"""
