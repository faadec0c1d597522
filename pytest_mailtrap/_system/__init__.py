"""
This machine as it is: its clock, its files and its processes, whatever a test has put in their place.

Tests freeze time, fake the file system, and fork. The trap's deadlines, certificates and reports do not follow them.
It knows nothing about mail.

Words: what is *real* belongs to the machine, not to the test.
"""
