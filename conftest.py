"""The plugin itself is loaded through its entry point, as users load it."""

# The inner runs of pytester forget what they were the first to import, and neither of these bears to be imported twice:
# the parts that are not Python keep the classes of the first time.
import asyncio  # noqa: F401  # see above

import cryptography.x509  # noqa: F401  # see above

pytest_plugins = ["pytester"]
