"""The second act's verdict and its words."""

from glorieta.demo.frontends import LATE, MOBILE, PLAIN, WEB, Asked, shortened, tell, verify

LITTLE = Asked(MOBILE, PLAIN, 200, 1.5, ("users", "orders"), None, '{"hello":"Ana"}')
ALL = Asked(WEB, PLAIN, 200, 2.5, ("users", "orders", "recommendations"), None, "{}")
WITHOUT = Asked(WEB, LATE, 200, 302.0, ("users", "orders", "recommendations"), "recommendations;r=timeout", "{}")


def passed(*asked: Asked) -> list[bool]:
    return [check.passed for check in verify(list(asked))]


def test_all_is_well() -> None:
    assert passed(LITTLE, ALL, WITHOUT) == [True, True]


def test_a_call_too_many_and_an_answer_that_failed_are_noticed() -> None:
    greedy = Asked(MOBILE, PLAIN, 200, 1.5, ("users", "orders", "recommendations"), None, "{}")
    failed = Asked(WEB, PLAIN, 502, 1.5, ("users", "orders", "recommendations"), None, "{}")
    assert passed(greedy, ALL, WITHOUT) == [False, True]
    assert passed(LITTLE, failed, WITHOUT) == [False, True]
    assert passed() == [False, False]


def test_what_is_late_must_be_said_to_be_missing() -> None:
    silent = Asked(WEB, LATE, 200, 302.0, ("users", "orders", "recommendations"), None, "{}")
    other = Asked(WEB, LATE, 200, 302.0, ("users", "orders", "recommendations"), "orders;r=timeout", "{}")
    assert passed(LITTLE, silent) == [True, False]
    assert passed(LITTLE, other) == [True, False]


def test_each_request_is_told_with_its_calls() -> None:
    lines: list[str] = []
    tell(lines.append, [LITTLE, WITHOUT], 8080)
    assert lines[1:] == [
        "  GET http://m.localhost:8080/home/7  200, 2 ms",
        "    called users, orders",
        '    {"hello": "Ana"}',
        "  GET http://www.localhost:8080/home/8  200, 302 ms, without recommendations",
        "    called users, orders, recommendations",
        "    {}",
    ]


def test_a_long_body_is_cut_and_what_is_no_json_stays() -> None:
    assert shortened("plain") == "plain"
    assert len(shortened("x" * 200, 20)) == 20 and shortened("x" * 200, 20).endswith("…")
