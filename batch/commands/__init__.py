"""One file a command: thin click wrappers over library functions."""
