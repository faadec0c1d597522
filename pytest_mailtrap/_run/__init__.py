"""
The mail of all tests of a pytest run: the policy, what violates it, totals and files.

Input: captured messages and connections, with the test that was running; output: breaches, counts and records.
It never imports pytest, never writes to a terminal and never changes a message.

Words: a *policy* is what every message of the run must meet; a *requirement* is one clause of it; a *breach* is a
message, a connection or a test that does not meet one; a *record* is what is written to disk about them.
"""
