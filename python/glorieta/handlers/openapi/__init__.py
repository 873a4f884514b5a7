"""The OpenAPI 3.1 document of a router, made from the same annotations that its requests are validated by."""
