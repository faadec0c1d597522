"""
The protocol: a socket becomes an SMTP session, TLS included, and a session becomes envelopes.

In come bytes of a client; out come replies, the facts of the connection and received messages.
This is the only room that imports aiosmtpd. It never judges a message and never blocks its event loop.

Words: a *connection* is one TCP connection, from accept to close; a *session* is the SMTP dialogue on it, which a
new TLS layer begins anew (RFC 3207, section 4.2); a *rule* makes a session misbehave once or always.
"""
