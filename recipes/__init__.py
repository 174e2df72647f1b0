"""Every choice of a run: frozen dataclasses, one a stage, read from TOML."""
