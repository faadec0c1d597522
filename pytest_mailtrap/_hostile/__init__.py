"""
Hostile servers: an application's `send()` is tried against them, and a verdict says what it gave away.

Input: a scenario, a running server and `send()`; output: verdicts and their texts.
It never decides how a server misbehaves on a connection: `_smtp` follows the rules of a scenario.

Words: a *scenario* is one way for a mail server to be hostile; a *trial* is the application's attempt at one server;
the *control* is the same attempt at a good server; a *verdict* is what was seen and whether it counts as a failure.
"""
