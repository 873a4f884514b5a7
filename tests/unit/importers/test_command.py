"""`glorieta import`, and `glorieta explain` of a file that is not glorieta's."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import typer
from typer.testing import CliRunner

from glorieta.cli.explaining import explain_foreign
from glorieta.cli.import_ import import_
from glorieta.plan import explain_schema

NGINX = "server {\n  listen 80;\n  gzip on;\n  location / { proxy_pass http://127.0.0.1:81; }\n}\n"


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command()(import_)
    return app


@pytest.fixture
def nginx(tmp_path: Path) -> Path:
    path = tmp_path / "nginx.conf"
    path.write_text(NGINX, encoding="utf-8")
    return path


def test_yaml_goes_out_and_notes_go_to_standard_error(app: typer.Typer, nginx: Path) -> None:
    result = CliRunner().invoke(app, [str(nginx)])
    assert result.exit_code == 0
    assert result.stdout.startswith(f"# From {nginx}, an NGINX configuration")
    assert "listeners:" in result.stdout
    assert "gzip on: Vary: Accept-Encoding is said" in result.stderr
    assert result.stderr.rstrip().endswith("1 nearly the same, 0 without a twin")


def test_a_file_is_written_once(app: typer.Typer, nginx: Path, tmp_path: Path) -> None:
    target = tmp_path / "glorieta.yaml"
    first = CliRunner().invoke(app, [str(nginx), "-o", str(target)])
    assert (first.exit_code, first.stdout) == (0, "")
    assert "to: app" in target.read_text(encoding="utf-8")
    second = CliRunner().invoke(app, [str(nginx), "-o", str(target)])
    assert second.exit_code == 1
    assert "exists already" in second.stderr


def test_json(app: typer.Typer, nginx: Path) -> None:
    result = CliRunner().invoke(app, [str(nginx), "--json"])
    document = json.loads(result.stdout)
    assert document["counts"] == {"translated": 4, "needless": 0, "nearly": 1, "missing": 0}
    assert document["files"] == [str(nginx)]
    gzip = next(note for note in document["notes"] if note["directive"] == "gzip on")
    assert (gzip["kind"], gzip["line"], gzip["column"]) == ("nearly", 3, 3)
    assert document["yaml"].startswith("# From ")


def test_strict_fails_where_something_is_not_the_same(app: typer.Typer, nginx: Path) -> None:
    assert CliRunner().invoke(app, [str(nginx), "--strict"]).exit_code == 1
    nginx.write_text("server { listen 80; return 204; }\n", encoding="utf-8")
    assert CliRunner().invoke(app, [str(nginx), "--strict"]).exit_code == 0


def test_what_is_wrong_ends_with_2(app: typer.Typer, nginx: Path) -> None:
    nginx.write_text("server { listen 80;\n", encoding="utf-8")
    result = CliRunner().invoke(app, [str(nginx)])
    assert result.exit_code == 2
    assert 'this "server {" is never closed' in result.stderr


def test_explain_speaks_of_roles_and_of_what_has_no_twin(nginx: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain_foreign(str(nginx), False)
    out = capsys.readouterr().out
    assert "reverse proxy" in out
    assert "gzip on" in out
    assert explain_foreign(str(nginx), True)
    document = json.loads(capsys.readouterr().out)
    assert document["from"] == "nginx"
    assert len(document["notes"]) == 5
    jsonschema.validate(document, explain_schema())


def test_explain_leaves_glorietas_own_files_alone(tmp_path: Path) -> None:
    path = tmp_path / "glorieta.yaml"
    path.write_text("version: 1\nlisteners: {web: {bind: ':80', respond: 204}}\n", encoding="utf-8")
    assert not explain_foreign(str(path), False)
