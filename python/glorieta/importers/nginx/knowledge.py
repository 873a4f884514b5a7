"""What is known of directives that no translator asks for: needless, later, or without a twin.

Each sentence says what a reader wants to know: why nothing needs to be written, or what to do instead.
"""

from __future__ import annotations

STREAMING = "bodies stream in both directions with back-pressure; nothing is tuned by hand"
CIPHERS = "the ciphers of both profiles are forward-secret and have no known weakness"
TICKETS = "sessions are resumed by tickets, whose keys change by themselves"
SOCKETS = "the engine sets up its sockets itself"
WORKERS = "glorieta has threads, not processes; descriptors and connections follow the limits of the service unit"
TUNNELS = "Upgrade and WebSocket pass by themselves"
FILE_READING = "files are read without blocking a worker"
TYPES = "types of files are known by their extension"
ERRORS_LOGGED = "glorieta writes what it has to say to standard error"
ONE_ONE = "upstreams are always asked with HTTP/1.1 over kept connections"

NEEDLESS = {
    "user": "the service unit says whose rights glorieta has",
    "pid": "the service unit knows the process",
    "daemon": "glorieta stays in the foreground; the service unit does the rest",
    "master_process": WORKERS,
    "load_module": "glorieta has no modules to load; what they bring is named where it is used",
    "events": "the engine has one accept loop per worker",
    "worker_connections": WORKERS,
    "worker_rlimit_nofile": WORKERS,
    "worker_cpu_affinity": WORKERS,
    "worker_priority": WORKERS,
    "worker_shutdown_timeout": "drain: says how long requests under way may take; 45s unless written",
    "worker_aio_requests": WORKERS,
    "multi_accept": SOCKETS,
    "use": SOCKETS,
    "accept_mutex": SOCKETS,
    "accept_mutex_delay": SOCKETS,
    "debug_connection": ERRORS_LOGGED,
    "pcre_jit": "expressions run in linear time",
    "lock_file": SOCKETS,
    "thread_pool": FILE_READING,
    "timer_resolution": SOCKETS,
    "error_log": ERRORS_LOGGED,
    "http": "",
    "stream": "",
    "sendfile": FILE_READING,
    "sendfile_max_chunk": FILE_READING,
    "aio": FILE_READING,
    "directio": FILE_READING,
    "output_buffers": FILE_READING,
    "read_ahead": FILE_READING,
    "open_file_cache": FILE_READING,
    "open_file_cache_valid": FILE_READING,
    "open_file_cache_min_uses": FILE_READING,
    "open_file_cache_errors": FILE_READING,
    "tcp_nopush": SOCKETS,
    "tcp_nodelay": SOCKETS,
    "reset_timedout_connection": SOCKETS,
    "lingering_close": SOCKETS,
    "lingering_time": SOCKETS,
    "lingering_timeout": SOCKETS,
    "postpone_output": STREAMING,
    "types": TYPES,
    "types_hash_max_size": TYPES,
    "types_hash_bucket_size": TYPES,
    "variables_hash_max_size": "tables grow as they need to",
    "variables_hash_bucket_size": "tables grow as they need to",
    "server_names_hash_max_size": "tables grow as they need to",
    "server_names_hash_bucket_size": "tables grow as they need to",
    "map_hash_max_size": "tables grow as they need to",
    "map_hash_bucket_size": "tables grow as they need to",
    "proxy_headers_hash_max_size": "tables grow as they need to",
    "proxy_headers_hash_bucket_size": "tables grow as they need to",
    "server_tokens": "answers carry no Server header unless server_name: says one",
    "charset": "types of text carry charset=utf-8 by themselves",
    "log_not_found": ERRORS_LOGGED,
    "log_subrequest": ERRORS_LOGGED,
    "rewrite_log": ERRORS_LOGGED,
    "etag": "files always carry an ETag",
    "if_modified_since": "conditions are compared as RFC 9110 says",
    "max_ranges": "ranges are served within fixed bounds",
    "resolver": "names are looked up with the system's resolvers, again whenever their TTL ends",
    "resolver_timeout": "names are looked up with the system's resolvers, again whenever their TTL ends",
    "client_body_buffer_size": STREAMING,
    "client_body_temp_path": STREAMING,
    "client_body_in_file_only": STREAMING,
    "client_body_in_single_buffer": STREAMING,
    "client_header_buffer_size": "limits.head bounds the whole head; 32KiB unless written",
    "connection_pool_size": STREAMING,
    "request_pool_size": STREAMING,
    "proxy_buffering": STREAMING,
    "proxy_buffers": STREAMING,
    "proxy_buffer_size": "limits.head of the upstream bounds its heads; 32KiB unless written",
    "proxy_busy_buffers_size": STREAMING,
    "proxy_max_temp_file_size": STREAMING,
    "proxy_temp_file_write_size": STREAMING,
    "proxy_temp_path": STREAMING,
    "proxy_request_buffering": STREAMING,
    "proxy_http_version": ONE_ONE,
    "grpc_buffer_size": STREAMING,
    "grpc_socket_keepalive": SOCKETS,
    "grpc_pass_header": "all headers of an answer pass, except those of the connection itself",
    "grpc_ssl_server_name": "the name is always asked for",
    "grpc_ssl_verify_depth": "chains are bounded",
    "grpc_ssl_session_reuse": TICKETS,
    "grpc_ssl_ciphers": CIPHERS,
    "grpc_ssl_conf_command": CIPHERS,
    "proxy_socket_keepalive": SOCKETS,
    "proxy_ignore_client_abort": "a client that goes away cancels its request",
    "proxy_pass_header": "all headers of an answer pass, except those of the connection itself",
    "proxy_pass_request_headers": "headers pass unless they are removed",
    "proxy_pass_request_body": "bodies pass",
    "proxy_force_ranges": "ranges pass to the upstream and back",
    "ignore_invalid_headers": "heads that are ambiguous are refused with 400; other names pass",
    "underscores_in_headers": "names with _ pass",
    "port_in_redirect": "redirects to a folder name the path only, so the client keeps host and port",
    "server_name_in_redirect": "redirects to a folder name the path only, so the client keeps host and port",
    "absolute_redirect": "redirects to a path name the path only (RFC 9110 §10.2.2), so the client keeps host and port",
    "real_ip_recursive": "addresses are read from the right until one is not trusted",
    "ssl": "tls: says so",
    "ssl_ciphers": CIPHERS,
    "ssl_conf_command": CIPHERS,
    "ssl_prefer_server_ciphers": CIPHERS,
    "ssl_ecdh_curve": CIPHERS,
    "ssl_dhparam": CIPHERS,
    "ssl_session_cache": TICKETS,
    "ssl_session_tickets": TICKETS,
    "ssl_session_timeout": TICKETS,
    "ssl_session_ticket_key": TICKETS,
    "ssl_buffer_size": SOCKETS,
    "ssl_early_data": "early data (0-RTT) may be sent again by others, so it is never taken",
    "ssl_handshake_timeout": "timeouts.handshake is 10 s",
    "ssl_verify_depth": "chains are bounded",
    "proxy_ssl_ciphers": CIPHERS,
    "proxy_ssl_conf_command": CIPHERS,
    "proxy_ssl_server_name": "the name is always asked for",
    "proxy_ssl_session_reuse": TICKETS,
    "proxy_ssl_verify_depth": "chains are bounded",
    "preread_buffer_size": STREAMING,
    "preread_timeout": STREAMING,
    "proxy_protocol_timeout": "timeouts.handshake bounds the PROXY header, too",
    "gzip_disable": "who cannot read it does not ask for it",
    "gzip_http_version": "who asks for it gets it, by HTTP/1.0 as well",
    **dict.fromkeys(
        (
            *("gzip_buffers", "gzip_window", "gzip_hash", "gzip_no_buffer", "postpone_gzipping"),
            *("brotli_buffers", "brotli_window", "zstd_buffers"),
        ),
        "encoders stream within fixed bounds; nothing is tuned by hand",
    ),
    **dict.fromkeys(
        (
            *("gzip", "gzip_types", "gzip_min_length", "gzip_comp_level", "gzip_vary", "gzip_proxied", "gzip_static"),
            *("brotli", "brotli_types", "brotli_min_length", "brotli_comp_level", "brotli_static"),
            *("zstd", "zstd_types", "zstd_min_length", "zstd_comp_level", "zstd_static"),
        ),
        "nothing is compressed where this stands",
    ),
    "chunked_transfer_encoding": "the engine frames its messages itself",
    "uninitialized_variable_warn": "an unknown word is an error when the configuration is checked",
    "recursive_error_pages": "there are no error pages that lead to others",
    "zone": "all workers share an upstream's state",
    "keepalive_requests": "connections are kept as long as both sides like",
    "http2_body_preread_size": STREAMING,
    "http2_chunk_size": STREAMING,
    "http2_recv_buffer_size": STREAMING,
    "http2_idle_timeout": "timeouts.keep_alive says so",
    "http2_recv_timeout": "timeouts.head and timeouts.body say so",
    "http2_max_field_size": "limits.head says so",
    "http2_max_header_size": "limits.head says so",
    "http3_max_concurrent_streams": "limits.streams bounds the requests of a connection",
    "http3_stream_buffer_size": STREAMING,
    "quic_gso": SOCKETS,
    "quic_bpf": "connection ids lead datagrams to their worker",
    "quic_host_key": "keys of tokens are the process's own",
    "quic_active_connection_id_limit": SOCKETS,
    "http2_max_requests": "connections are kept as long as both sides like",
    "keepalive_disable": "no browser needs it any more",
}
"""Directive → why nothing needs to be written."""

LATER = {
    "Balancing": {
        "slow_start": "slow start",
        "health_check": "active checks by match",
    },
    "Gateway": {
        "limit_req": "limits of request rates",
        "limit_conn": "limits of connections per client",
        "limit_rate": "limits of transfer rates",
        "auth_basic": "basic authentication",
        "auth_request": "authentication by another service",
        "auth_jwt": "authentication by token",
        "auth_delay": "authentication",
        "proxy_cache": "the cache of answers",
        "proxy_no_cache": "the cache of answers",
        "proxy_store": "the cache of answers",
        "proxy_ignore_headers": "the cache of answers",
        "slice": "the cache of answers",
    },
    "Scale-out": {"otel": "tracing", "opentracing": "tracing", "opentelemetry": "tracing"},
}
"""Issue → beginnings of directives' names → what comes with it."""

NEAREST_LATER = {
    "limit_req": "until then limits.connections and body_rate of the listener are the only brakes",
    "limit_conn": "limits: {connections_per_client: N} of the listener bounds the connections of one client",
    "auth_basic": "until then the route is closed with 401",
    "auth_request": "until then the route is closed with 401",
    "auth_jwt": "until then the route is closed with 401",
    "proxy_cache": "until then the service is asked each time",
}

MISSING = {
    "http3": ("speaks HTTP/3", "versions: [h1, h2, h3] of the listener"),
    "quic_retry": ("demands that addresses are proved", "from 64 handshakes under way on it is demanded"),
    "ssl_preread": ("reads the name that TLS asks for", "protocol: tls, with names: {NAME: UPSTREAM}"),
    "ssl_stapling": ("staples answers about revocation (OCSP)", "most authorities have given OCSP up"),
    "ssl_ocsp": ("asks whether clients' certificates are revoked (OCSP)", "clients: {revoked: FILE} takes lists"),
    "ssl_password_file": ("unlocks private keys", "take the passphrase off the key"),
    "ssl_trusted_certificate": ("believes more than it tells clients", "put all of them into clients.authorities"),
    "grpc_intercept_errors": (
        "replaces errors of the service by error_page",
        "errors of the service pass as they are",
    ),
    "grpc_bind": ("chooses the address from which upstreams are called", "routes of the system decide"),
    "grpc_ignore_headers": ("takes no orders from headers of answers", None),
    "grpc_ssl_crl": ("refuses revoked endpoints", None),
    "grpc_ssl_password_file": ("unlocks private keys", "take the passphrase off the key"),
    "proxy_ssl_crl": ("refuses revoked endpoints", None),
    "proxy_ssl_password_file": ("unlocks private keys", "take the passphrase off the key"),
    "mail": (
        "proxies mail and looks people up by HTTP",
        "a tcp listener passes IMAP, POP3 and SMTP on without reading them",
    ),
    "gunzip": ("decompresses answers for clients that cannot read them", "let the service answer by Accept-Encoding"),
    "autoindex": ("lists folders", "write index files, or let an application list them"),
    "sub_filter": ("changes bodies", "let the service write what is meant"),
    "addition_types": ("adds to bodies", "let the service write what is meant"),
    "add_before_body": ("adds to bodies", "let the service write what is meant"),
    "add_after_body": ("adds to bodies", "let the service write what is meant"),
    "add_trailer": ("adds trailers", None),
    "ssi": ("puts includes into bodies", "let the service write what is meant"),
    "image_filter": ("changes images", "let a service do it"),
    "xslt_stylesheet": ("changes XML", "let a service do it"),
    "random_index": ("serves a file by chance", None),
    "geoip_country": ("looks addresses up", "let what stands in front set a header, and match that"),
    "geoip_city": ("looks addresses up", "let what stands in front set a header, and match that"),
    "secure_link": ("checks signed links", "let the service check them"),
    "secure_link_secret": ("checks signed links", "let the service check them"),
    "secure_link_md5": ("checks signed links", "let the service check them"),
    "userid": ("gives clients a cookie", "let the service set it"),
    "valid_referers": ("decides by Referer", "match: {headers: {referer: {regex: …}}} on a route of its own"),
    "perl": ("runs Perl", None),
    "js_import": ("runs JavaScript", "handlers in Python come with Handlers"),
    "js_content": ("runs JavaScript", "handlers in Python come with Handlers"),
    "js_set": ("runs JavaScript", "handlers in Python come with Handlers"),
    "proxy_bind": ("chooses the address from which upstreams are called", "routes of the system decide"),
    "proxy_intercept_errors": (
        "replaces errors of the service by error_page",
        "errors of the service pass as they are",
    ),
    "proxy_cookie_domain": ("changes the domain of cookies", "let the service set the public domain"),
    "proxy_cookie_flags": ("changes flags of cookies", "let the service set them"),
    "proxy_method": ("changes the method", None),
    "proxy_set_body": ("replaces the body", None),
    "proxy_limit_rate": ("slows answers down", None),
    "if": ("decides by a condition that routes cannot ask for", None),
    "geo": ("gives a variable by the client's address", "allow: and deny: decide by address"),
    "split_clients": (
        "gives a variable by chance",
        "split: {UPSTREAM: WEIGHT, …} on a route",
    ),
    "mirror": ("sends copies of what is not passed on to a service", "mirror: UPSTREAM, where there is one"),
    "env": ("passes an environment variable on", "${env:NAME} reads one where it is needed"),
    "status_zone": ("counts", "/metrics has all counts"),
    "api": ("answers with figures", "the admin address has /metrics and a read-only view"),
    "expires": ("sets Expires by the type of a file", "write Cache-Control on the routes"),
    "msie_padding": ("pads answers for old browsers", None),
    "disable_symlinks": ("refuses symbolic links", "links that lead out of the root are always refused"),
    "satisfy": ("lets one of several checks suffice", "authentication comes with Gateway"),
    "proxy_redirect": (
        "changes Location of answers",
        "strip_prefix: true puts its prefix back; let the service know its public address",
    ),
    "proxy_cookie_path": ("changes the path of cookies", "strip_prefix: true puts its prefix back"),
    "error_page": ("answers errors with a page", "errors are answered with a short text and the request's id"),
    "set": ("sets a variable that is made of others", "write the value where it is used"),
}
"""Directive → what it does, and the nearest way."""


def lacking(name: str) -> tuple[str, str | None] | None:
    """What a directive, or the one that it belongs to by its name, does without a twin."""
    found = [known for known in MISSING if name == known or name.startswith(f"{known}_")]
    return MISSING[max(found, key=len)] if found else None


def later(name: str) -> tuple[str, str, str | None] | None:
    """Issue, what comes with it, and the nearest way until then; by the longest beginning that fits."""
    found = [
        (start, issue, what)
        for issue, starts in LATER.items()
        for start, what in starts.items()
        if name == start or name.startswith(start if start.endswith("_") else f"{start}_")
    ]
    if not found:
        return None
    start, issue, what = max(found, key=lambda each: len(each[0]))
    return issue, what, NEAREST_LATER.get(start)
