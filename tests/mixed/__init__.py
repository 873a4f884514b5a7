"""Everything at once, for a while: memory and descriptors must stay flat."""
