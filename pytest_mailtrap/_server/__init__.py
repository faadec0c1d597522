"""
A running mail server: its options, certificates, behavior and inbox.

Options and the clients' connections go in; messages and connections in an inbox come out.
It never judges what it receives, and it never imports pytest.

Words: the *behavior* is what the server does at the moment; the *inbox* holds the messages for the test.
"""
