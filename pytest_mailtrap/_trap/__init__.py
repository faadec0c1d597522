"""
What a test holds in its hand: `MailTrap`, `HostileMailTrap` and `MailTrapFactory`.

In come the calls of a test; out come messages, connections and failed assertions.
It joins the server below with the assertions below and decides nothing itself.

Words: a *trap* is a mail server that keeps what it is sent.
"""
