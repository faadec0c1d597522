"""An in-process encrypted mail trap for pytest."""
