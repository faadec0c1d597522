"""
The assertions: what is demanded of messages, what violates it, and the text of the failure.

In come messages by their numbers; out come violations, and failure texts of at most 18 lines.
It does no I/O and imports neither pytest nor aiosmtpd.

Words: a *violation* is a message that does not fulfil a demand; *advice* is what the user should change.
"""
