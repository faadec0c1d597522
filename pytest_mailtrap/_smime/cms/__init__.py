"""
The structures of CMS (RFC 5652): exact bytes in, frozen values out.

It reads BER within limits, and knows the algorithms by their object identifiers.
It never verifies or decrypts anything.
"""
