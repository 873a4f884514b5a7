"""What a handler process says, in a process of its own: `logging` and the standard streams are the process's."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from glorieta.control.lines import moment
from harness.process import CHECKOUT

Document = dict[str, Any]
BEGIN = "import logging, sys, warnings\nfrom glorieta.control.handlers import logs\nlogs.begin(as_json={})\n"


def says(code: str, *, as_json: bool) -> str:
    """What a handler process with this code says on standard error."""
    command = [sys.executable, "-c", BEGIN.format(as_json) + code]
    environment = {"PYTHONPATH": str(CHECKOUT / "python")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return done.stderr


def lines(code: str) -> list[Document]:
    """The same for a program: every line is a JSON object."""
    found = [json.loads(each) for each in says(code, as_json=True).splitlines()]
    for each in found:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", each.pop("time"))
        assert each.pop("pid") > 0
    return found


def logged(message: str, level: str = "info", logger: str = "shop", **more: Any) -> Document:
    return {"event": "logged", "level": level, "logger": logger, "message": message, **more}


def printed(message: str, stream: str = "stdout") -> Document:
    return {"event": "printed", "stream": stream, "message": message}


LOG = "log = logging.getLogger('shop')\n"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("log.info('%d carts', 7)", [logged("7 carts")]),
        ("log.debug('quiet')", []),
        ("log.warning('two\\nlines')", [logged("two\nlines", "warning")]),
        (
            "log.info('x', extra={'user': 7, 'kind': {1}, 'deep': {'a': None}})",
            [logged("x", extra={"user": 7, "kind": "{1}", "deep": {"a": None}})],
        ),
        ("log.info('x', extra={'user': float('nan'), 'n': 1})", [logged("x", extra={"user": "nan", "n": "1"})]),
        ("log.info('x', extra={'user': {(1, 2): 3}})", [logged("x", extra={"user": "{(1, 2): 3}"})]),
        (
            "warnings.warn('old', DeprecationWarning, stacklevel=1)",
            [logged("<string>:5: DeprecationWarning: old\n", "warning", "py.warnings")],
        ),
    ],
)
def test_a_log_record_is_one_line_for_a_program(code: str, said: list[Document]) -> None:
    assert lines(LOG + code) == said


def test_an_exception_is_a_field_of_its_own() -> None:
    (record,) = lines(LOG + "try:\n    {}['cart']\nexcept KeyError:\n    log.exception('no %s', 'cart')")
    exception = record.pop("exception")
    assert record == logged("no cart", "error")
    assert exception.startswith("  at <module> (<string>:6)\n")
    assert exception.endswith("\nKeyError: 'cart'")


def test_what_glorieta_tells_of_a_failed_handler_is_taken_apart() -> None:
    told = "from glorieta.handlers.live.tracebacks import told\n"
    (record,) = lines(
        f"{told}{LOG}try:\n    {{}}['cart']\nexcept KeyError as e:\n    log.error('%s', told('it failed', e))"
    )
    exception = record.pop("exception")
    assert record == logged("it failed: KeyError: 'cart'", "error")
    assert exception.endswith("\nKeyError: 'cart'")


def test_a_stack_is_a_field_of_its_own() -> None:
    (record,) = lines(LOG + "log.info('here', stack_info=True)")
    assert record.pop("stack").startswith("Stack (most recent call last):\n")
    assert record == logged("here")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("print('a'); print('b\\nc')", [printed("a"), printed("b"), printed("c")]),
        ("print('a', end=''); print('b')", [printed("ab")]),
        ("print('a', end='', flush=True); print('b')", [printed("a"), printed("b")]),
        ("print('at the end', end='')", [printed("at the end")]),
        ("print('x', file=sys.stderr)", [printed("x", "stderr")]),
        ("sys.stdout.reconfigure(line_buffering=True); print('ñ')", [printed("ñ")]),
        ("sys.stdout.buffer.write(b'\\xff\\n')", [printed("\ufffd")]),
        ("logging.StreamHandler().emit(logging.makeLogRecord({'msg': 'own'}))", [printed("own", "stderr")]),
    ],
)
def test_what_is_printed_is_told_line_by_line(code: str, said: list[Document]) -> None:
    assert lines(code) == said


def test_a_thread_that_fails_says_only_lines_for_a_program() -> None:
    said = lines("import threading\nthread = threading.Thread(target=lambda: 1 / 0)\nthread.start()\nthread.join()")
    assert said[-1] == printed("ZeroDivisionError: division by zero", "stderr")


def test_threads_that_print_at_once_lose_nothing() -> None:
    said = lines(
        "import threading\nsys.setswitchinterval(1e-6)\n"
        "def work(n): [print(f'{n}-{i}') for i in range(200)]\n"
        "threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]"
    )
    # Two of them may stand on one line, as in any program; but each line is an object, and nothing is lost.
    kept = sorted("".join(each["message"] for each in said))
    assert kept == sorted("".join(f"{n}-{i}" for n in range(4) for i in range(200)))


def test_a_person_reads_sentences() -> None:
    said = says(
        LOG + "log.info('%d carts', 7)\ntry:\n    1 / 0\nexcept Exception: log.exception('no')",
        as_json=False,
    )
    assert said.splitlines()[:1] == ["INFO shop: 7 carts"]
    assert "ERROR shop: no\n  at <module> (<string>:7)\nTraceback (most recent call last):\n" in said
    assert said.endswith("ZeroDivisionError: division by zero\n")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("", ["httpx: careful"]),
        ("logging.getLogger('httpx').setLevel(logging.INFO)", ["httpx: each call", "httpx: careful"]),
        ("logging.getLogger('httpx').setLevel(logging.ERROR)", []),
        (
            "import logging.config; logging.config.dictConfig({'version': 1, 'loggers': {'httpx': {'level': 'INFO'}}})",
            ["httpx: each call", "httpx: careful"],
        ),
    ],
)
def test_httpx_says_no_line_for_each_call_unless_it_is_asked_to(code: str, said: list[str]) -> None:
    use = "\nlog = logging.getLogger('httpx')\nlog.info('each call')\nlog.warning('careful')"
    heard = says(code + use, as_json=False).splitlines()
    assert [each.partition(" ")[2] for each in heard] == said


def test_moments_are_written_as_in_the_access_log() -> None:
    assert moment(0.0) == "1970-01-01T00:00:00.000Z"
    assert moment(1_700_000_000.25) == "2023-11-14T22:13:20.250Z"
