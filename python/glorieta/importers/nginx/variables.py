"""NGINX's variables as glorieta's request words, and texts with variables as templates."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ...config.words import escape
from .regex import GROUP
from .unclear import Unclear

VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+)|)")
WORDS = {
    "remote_addr": "client.ip",
    "realip_remote_addr": "client.ip",
    "remote_port": "client.port",
    "host": "host",
    "http_host": "host",
    "uri": "path",
    "document_uri": "path",
    "args": "query",
    "query_string": "query",
    "scheme": "scheme",
    "request_method": "method",
    "request_id": "request_id",
    "server_protocol": "protocol",
    "ssl_server_name": "sni",
    "proxy_protocol_addr": "client.ip",
    "proxy_protocol_port": "client.port",
}
FAMILIES = {"http_": "header", "cookie_": "cookie", "arg_": "query"}
TARGET, SEARCH = "${target}", "${search}"
QUERY_TEXT = re.compile(r"\$(?:is_args\$(?:args|query_string)|\{is_args\}\$\{(?:args|query_string)\})")
WHOLE = re.compile(r"\$(?:uri|document_uri)\$is_args\$(?:args|query_string)|\$request_uri(?!\w)|\$\{request_uri\}")
NEAREST = {
    "remote_user": "users are known to the filters that come with Gateway",
    "ssl_client_s_dn": "${client.certificate.subject} says it in another form",
    "ssl_client_fingerprint": "${client.certificate.fingerprint} is by SHA-256",
    "ssl_client_verify": "${client.certificate.verified} is true or false",
    "ssl_protocol": "${tls.version} is 1.2 or 1.3",
    "request_body": "bodies stream and are not kept",
}


@dataclass
class Words:
    """What variables stand for at one place."""

    server_name: str = ""
    port: str = ""
    captures: dict[str, str] = field(default_factory=dict)
    """`$1` and named groups → templates."""
    constants: dict[str, str] = field(default_factory=dict)
    """Variables that `set` gives a fixed text."""
    maps: frozenset[str] = frozenset()
    """Variables of `map`, `geo` and `split_clients`."""
    root: str = ""

    def word(self, name: str) -> str:
        """The template of one variable."""
        if name in self.captures:
            return self.captures[name]
        if name in self.constants:
            return escape(self.constants[name])
        if name in WORDS:
            return f"${{{WORDS[name]}}}"
        fixed = {"server_name": self.server_name, "server_port": self.port, "document_root": self.root}.get(name)
        if fixed:
            return escape(fixed)
        for start, family in FAMILIES.items():
            if name.startswith(start) and len(name) > len(start):
                rest = name.removeprefix(start)
                return f"${{{family}.{rest.replace('_', '-') if family == 'header' else rest}}}"
        if name in self.maps:
            raise Unclear(f"${name} is made by map, geo or split_clients, which templates cannot ask")
        raise Unclear(f"${name} has no word", NEAREST.get(name))

    def template(self, text: str) -> str:
        """A text with variables as a template; `Unclear` where a variable has no word."""
        pieces, position = [], 0
        while position < len(text):
            for pattern, replacement in ((WHOLE, TARGET), (QUERY_TEXT, SEARCH)):
                found = pattern.match(text, position)
                if found:
                    pieces.append(replacement)
                    break
            else:
                found = VARIABLE.match(text, position)
                if found is None:
                    pieces.append(escape(text[position]))
                    position += 1
                    continue
                name = found[1] or found[2]
                pieces.append(self.word(name) if name else "$$")
            position = found.end()
        return "".join(pieces)

    def literal(self, text: str) -> str:
        """A text whose variables are all constants."""

        def replaced(found: re.Match[str]) -> str:
            name = found[1] or found[2] or ""
            value = self.constants.get(name)
            if value is None:
                raise Unclear(f"${name} is not known before a request comes")
            return value

        return VARIABLE.sub(replaced, text)


def variables_of(text: str) -> list[str]:
    return [found[1] or found[2] for found in VARIABLE.finditer(text) if found[1] or found[2]]


def capture_words(names: list[str]) -> dict[str, str]:
    """Templates for numbered and named groups."""
    return {name: f"${{path.{GROUP if name.isdigit() else ''}{name}}}" for name in names}
