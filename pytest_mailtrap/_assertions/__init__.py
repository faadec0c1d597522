"""
The assertions: what is required of messages, what violates it, and the text of the failure.

Input: messages by number. Output: violations, and failure texts of at most 18 lines.
It does no I/O and imports neither pytest nor aiosmtpd.

Words: a *violation* is a message that does not meet a requirement; *advice* is what the user should change.
"""
