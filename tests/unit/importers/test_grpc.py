"""What `grpc_pass` and `grpc_…` become."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

GRPC = """
upstream greeter { server b1:50051; server b2:50051; }
server {
  listen 80;
  location /shop.Greeter/ {
    grpc_pass grpc://greeter;
    grpc_read_timeout 10m;
    grpc_connect_timeout 2s;
    grpc_set_header X-From edge;
    grpc_next_upstream off;
    grpc_socket_keepalive on;
    proxy_read_timeout 7s;
  }
  location /shop.Store/ {
    grpc_pass grpcs://store.example;
    grpc_ssl_verify on;
    grpc_ssl_trusted_certificate /etc/tls/in.pem;
    grpc_ssl_protocols TLSv1.3;
  }
  location /shop.Bare/ { grpc_pass localhost:9000; }
  location /shop.Named/ { grpc_pass greeter; }
  location / { proxy_pass http://greeter; }
}
"""


def test_it_is_an_upstream_by_http2(imported: Callable[..., Any]) -> None:
    edge = imported(GRPC).edge
    routes, upstreams = edge.listeners["web"].routes, edge.upstreams
    greeter = routes["/shop.Greeter/*"]
    assert upstreams[greeter.to].version == "h2"
    assert [each.address for each in upstreams[greeter.to].endpoints] == ["b1:50051", "b2:50051"]
    assert greeter.timeouts.first_byte.total_seconds() == 600 and greeter.timeouts.connect.total_seconds() == 2
    assert greeter.retries == 0
    assert greeter.filters.headers.request.set == {"X-From": "edge"}
    store = upstreams[routes["/shop.Store/*"].to]
    assert (store.version, store.endpoints[0].address) == ("h2", "https://store.example:443")
    assert (store.tls.authorities, store.tls.minimum) == ("/etc/tls/in.pem", "1.3")
    bare = upstreams[routes["/shop.Bare/*"].to]
    assert (bare.version, bare.endpoints[0].address) == ("h2", "localhost:9000")
    # One upstream for both ways of writing it, and another for those that are asked by HTTP/1.1.
    assert routes["/shop.Named/*"].to == greeter.to
    plain = routes["/*"].to
    assert plain != greeter.to and upstreams[plain].version == "h1"
