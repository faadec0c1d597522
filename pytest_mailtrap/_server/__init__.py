"""
A running mail server: its options, certificates, behavior and inbox.

In come options and the clients' connections; out come messages and connections in an inbox.
It never judges what it receives, and it never imports pytest.

Words: the *behavior* is what the server does at the moment; the *inbox* is where messages wait for the test.
"""
