"""A line of NGINX within as much of a configuration as it needs to be one."""

from __future__ import annotations

PROXIED = "proxy_pass http://shop;"
ANSWERS = ("return", "root", "alias", "try_files", "proxy_pass")
"""What a location does instead of passing requests on."""

FRAME = """\
{main}
events {{ }}
stream {{
    server {{
        {listen_stream}
        proxy_pass 127.0.0.1:25;
        {stream}
    }}
}}
http {{
    {http}
    upstream shop {{
        server 127.0.0.1:3001;
        {upstream}
    }}
    server {{
        {listen}
        {server}
        location / {{
            {target}
            {location}
        }}
    }}
}}
"""
WHERE = ("main", "http", "upstream", "server", "location", "stream")


def configuration(where: str, line: str) -> tuple[str, int]:
    """The text, and the number of the line in it."""
    assert where in WHERE, where
    parts = dict.fromkeys(WHERE, "") | {where: line}
    text = FRAME.format(
        **parts,
        target="" if where == "location" and line.startswith(ANSWERS) else PROXIED,
        listen="" if where == "server" and line.startswith("listen") else "listen 8080;",
        listen_stream="" if where == "stream" and line.startswith("listen") else "listen 2525;",
    )
    before, found, _ = text.partition(line)
    assert found, line
    return text, before.count("\n") + 1
