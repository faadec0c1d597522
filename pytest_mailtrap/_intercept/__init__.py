"""
This process's own network calls: led to a trap, refused by the guard, or given a CA to trust.

In come host names and ports that the application asks for; out come other addresses, or `MailGuardError`.
It never touches a connection that has nothing to do with mail, and it undoes everything that it changed.

Words: a *route* leads mail connections to a trap; the *guard* refuses those to real servers.
"""
