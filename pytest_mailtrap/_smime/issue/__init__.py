"""
S/MIME certificates of the throwaway CA: right ones by default, wrong ones on request.

In come addresses; out come identities, and the memory of what was issued, so that recipients can be named.
It never leaves a private key in a copy or a pickle.
"""
