"""One request after the other while something else is measured, with a short rest between.

A program of its own: `meanwhile.py PORT PATH` says `ready` when it begins, ends with the answer that is due when its
standard input ends, and prints how many answers had status 200.
"""

from __future__ import annotations

import http.client
import select
import sys

REST_SECONDS = 0.01
"""So that an answer that costs nothing is asked for at most a hundred times a second: its cost is not to be seen."""
ANSWER_SECONDS = 10.0
HTTP_OK = 200


def ask(connection: http.client.HTTPConnection, path: str) -> bool:
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    return answer.status == HTTP_OK


def main(arguments: list[str]) -> None:
    port, path = int(arguments[0]), arguments[1]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    print("ready", flush=True)
    answered = 0
    while True:
        answered += ask(connection, path)
        if select.select([sys.stdin], [], [], REST_SECONDS)[0]:
            break
    print(answered, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
