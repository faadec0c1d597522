"""S/MIME: bytes in, facts out; knows nothing of SMTP or pytest."""
