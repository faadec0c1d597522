"""
What is known about a connection: values that never change.

What the protocol saw goes in; frozen values that can be copied and pickled come out.
It decides nothing.
"""
