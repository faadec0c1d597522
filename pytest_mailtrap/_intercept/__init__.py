"""
This process's own network calls: redirected to a trap, refused by the guard, or given a CA to trust.

Input: host names and ports that the application requests. Output: other addresses, or `MailGuardError`.
It never changes a connection that has nothing to do with mail, and it undoes everything that it changed.

Words: a *route* redirects mail connections to a trap; the *guard* refuses connections to real servers.
"""
