"""
The protocol: a socket becomes an SMTP session, TLS included, and a session becomes envelopes.

A client's bytes go in; replies, the facts of the connection and received messages come out.
This is the only package that imports aiosmtpd. It never judges a message and never blocks its event loop.

Words: a *connection* is one TCP connection, from accept to close; a *session* is the SMTP session on it, which
starts over inside TLS (RFC 3207, section 4.2); a *rule* makes a session misbehave once or always.
"""
