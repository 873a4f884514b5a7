"""glorieta as its users meet it: configured, started, called, reloaded and stopped."""
