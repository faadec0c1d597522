"""
The mail client: which library or program connected, and what to change in it.

Input: stacks, errors, results and command lines. Output: the names of clients, and the fixes for each.
It never connects to anything and never changes the client.

Words: a *client* is the library or program that speaks SMTP; a *fix* is the line of code or configuration that helps.
"""
