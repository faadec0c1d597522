"""
One signature judged: its attributes, digest, algorithm and signer.

In come a SignerInfo and the content that it covers; out come facts about the signer, and problems.
It never opens encryption.
"""
