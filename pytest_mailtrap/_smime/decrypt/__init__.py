"""
Judges and decrypts one encrypted layer: recipients, keys and ciphers.

Input: an EnvelopedData or AuthEnvelopedData, and private keys; output: the recipients, and the plaintext if a key
matches.
Plaintext and keys never appear in a text for people.
"""
