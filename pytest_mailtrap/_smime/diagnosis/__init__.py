"""
Why the digest of a signed part does not match: the changes in transit, undone one by one.

Input: the signed part and the digest that it should have; output: the change that explains the mismatch.
It never makes an invalid signature valid.
"""
