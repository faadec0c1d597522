"""
Judges one signature: its attributes, digest, algorithm and signer.

Input: a SignerInfo and the content that it covers; output: facts about the signer, and problems.
It never decrypts anything.
"""
