"""
One encrypted layer judged and opened: recipients, keys and ciphers.

In come an EnvelopedData or AuthEnvelopedData and private keys; out come the recipients, and the plaintext where a key fits.
No plaintext and no key ever gets into a text for people.
"""
