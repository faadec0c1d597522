"""
S/MIME: bytes in, facts out; it knows nothing about SMTP or pytest.

It opens signatures and encryption from the outside in, and says who signed, what is intact and who can read it.
It never fetches certificates and never trusts those of the system.

Words: a *layer* is one CMS object around the content; a *problem* makes it invalid, a *warning* does not.
"""
