"""The documents' own tests: every command, configuration, link and figure in them is tried."""
