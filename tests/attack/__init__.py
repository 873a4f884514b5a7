"""The attack inputs, one test each, with what the upstream received."""
