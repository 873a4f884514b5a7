"""From functions with annotations to routes that are served: everything that can be decided once, is."""
