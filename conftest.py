"""The plugin itself is loaded through its entry point, as users load it."""

pytest_plugins = ["pytester"]
