"""
X.509 certificates: names, paths to an anchor, and what constrains them (RFC 5280).

Input: certificates as bytes or objects; output: whether a path is valid, and if not, why.
It never fetches certificates or revocation lists.
"""
