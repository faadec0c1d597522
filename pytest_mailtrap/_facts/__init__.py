"""
What is known about a connection: values, seen once and never changed.

In comes what the protocol saw; out come frozen values that can be copied and pickled.
It decides nothing.
"""
