"""
Why the digest of a signed part does not match: the changes in transit, undone one by one.

In come the signed part and the digest that it should have; out comes the change that explains it.
It never makes an invalid signature valid.
"""
