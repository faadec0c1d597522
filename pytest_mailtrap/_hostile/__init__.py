"""
Hostile servers: an application's `send()` is tried against them, and a verdict says what it let them have.

In come a scenario, a running server and `send()`; out come verdicts and their texts.
It never decides how a server misbehaves on the wire: `_smtp` follows the rules that a scenario holds.

Words: a *scenario* is one way for a mail server to be hostile; a *trial* is the application's attempt at one server;
the *control* is the same attempt at a good server; a *verdict* is what was seen and whether it counts as a failure.
"""
