"""NGINX configurations of the kinds that people publish, and whether glorieta does the same with them."""
