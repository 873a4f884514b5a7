"""Files, includes, places, escapes, and what is no NGINX configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from glorieta.config import ConfigError
from glorieta.importers.nginx.reading import read


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.conf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "nginx.conf"


def test_includes_are_followed_in_order_with_their_own_places(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        nginx="http {\n  include sites/*.conf;\n  gzip on;\n}\n",
        sites__b="server { listen 81; }\n",
        sites__a="\n\n   server { listen 82; }\n",
    )
    source = read(main)
    http = source.root.children[0]
    assert [child.name for child in http.children] == ["include", "server", "server", "gzip"]
    first, gzip = http.children[1], http.children[3]
    assert first.children[0].first == "82"
    assert (Path(first.place.file).name, first.place.line, first.place.column) == ("a.conf", 3, 4)
    assert (Path(gzip.place.file).name, gzip.place.line, gzip.place.column) == ("nginx.conf", 3, 3)
    assert {path.name for path in source.files} == {"nginx.conf", "a.conf", "b.conf"}


def test_words_are_unescaped_as_nginx_does(tmp_path: Path) -> None:
    main = write(tmp_path, nginx=r"""http { server { location ~ "\.php\"$" { return 200 'a\tb\\c'; } } }""")
    location = read(main).root.children[0].children[0].children[0]
    assert location.args == ("~", r"\.php" + '"$')
    assert location.children[0].args == ("200", "a\tb\\c")


def test_a_file_of_conf_d_gets_an_http_around_it_that_is_no_line(tmp_path: Path) -> None:
    main = write(tmp_path, nginx="upstream a { server b; }\nserver { listen 80; }\n")
    source = read(main)
    assert [each.name for each in source.directives()] == ["upstream", "server", "server", "listen"]
    assert source.root.children[0].name == "http"


def test_a_missing_include_is_no_error(tmp_path: Path) -> None:
    source = read(write(tmp_path, nginx="http { include snippets/none.conf; server { listen 80; } }"))
    assert list(source.absent.values()) == ["No such file or directory"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\nhttp { server { listen 80; }", 'nginx.conf:2:1 this "http {" is never closed; close it with "}"'),
        ("http {\n  server\n{ listen 80;", 'nginx.conf:2:1 this "server {" is never closed'),
        ("http {\n location ~ '^/{2}' {\n return 200 x; # }\n }\n", 'nginx.conf:1:1 this "http {" is never closed'),
        ("http {\n location /${a}\\; {\n", 'nginx.conf:2:1 this "location /${a}\\; {" is never closed'),
        ("http {\n x 'it;\n}\n", "nginx.conf:2:1 this quote is never closed; close it with '"),
        ("http { } }", 'unexpected "}"; leave it out, or open its block'),
        ("http { location / {\n proxy_pass http://a\n root /x; } }", 'a ";" is missing at its end'),
        ("worker_processes 2", 'a ";" or "}" is missing'),
        ("http { server { listen; } }", 'invalid number of arguments in "listen" directive'),
        ("http { include nginx.conf; }", "nginx.conf includes itself: "),
    ],
)
def test_what_is_wrong_is_told_with_its_file(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(write(tmp_path, nginx=text))
    assert expected in str(caught.value)
    assert "nginx.conf" in str(caught.value)


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read(tmp_path / "none.conf")
    with pytest.raises(ConfigError, match="is a folder"):
        read(tmp_path)
    large = tmp_path / "large.conf"
    large.write_text("#" * (5 * 1024**2), encoding="utf-8")
    with pytest.raises(ConfigError, match="larger than 4 MiB"):
        read(large)
