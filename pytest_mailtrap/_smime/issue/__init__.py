"""
S/MIME certificates of the throwaway CA: correct ones by default, wrong ones on request.

Input: addresses; output: identities, and a record of what was issued, so that recipients can be named.
It never includes the CA's private key in a copy or a pickle.
"""
