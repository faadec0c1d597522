"""
The objects that a test uses: `MailTrap`, `HostileMailTrap` and `MailTrapFactory`.

Input: the calls of a test. Output: messages, connections and failed assertions.
It connects the server with the assertions, both in lower layers, and decides nothing itself.

Words: a *trap* is a mail server that keeps what it receives.
"""
