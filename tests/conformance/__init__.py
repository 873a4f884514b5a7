"""HTTP/1.1 as the RFCs have it, over real sockets, on both sides of the engine."""
