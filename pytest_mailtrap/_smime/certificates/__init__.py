"""
X.509 certificates: names, paths to an anchor, and what constrains them (RFC 5280).

In come certificates as bytes or objects; out comes whether a path holds, and why not.
It never fetches a certificate or a revocation list.
"""
