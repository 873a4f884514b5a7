"""The backends among fake services, without ports; time passes only when there is nothing else to do."""

import mobile
import web

from glorieta.testing import TestClient, after, refused

USERS = {"GET /users/{id}": {"id": 7, "name": "Ana", "email": "ana@shop.example", "city": "Seville"}}
CUP = {"id": 2, "user": "7", "article": "cup", "count": 4, "price": 32, "state": "on its way"}
POT = {"id": 1, "user": "7", "article": "teapot", "count": 1, "price": 19, "state": "delivered"}
ORDERS = {"GET /orders": [POT, CUP]}
RECOMMENDATIONS = {"GET /for/{id}": {"items": [{"title": "saucer", "score": 0.93}]}}


def test_the_app_gets_little() -> None:
    with TestClient(mobile.router, upstreams={"users": USERS, "orders": ORDERS}) as client:
        answer = client.get("/home/7")
        assert answer.json() == {"hello": "Hello Ana", "expected": ["cup"]}
        client.upstreams["users"].assert_asked("GET /users/7")
        assert client.upstreams["orders"].only().params["user"] == "7"


def test_the_page_gets_all_of_it() -> None:
    upstreams = {"users": USERS, "orders": ORDERS, "recommendations": RECOMMENDATIONS}
    with TestClient(web.router, upstreams=upstreams) as client:
        answer = client.get("/home/7").json()
    assert answer["user"] == {"name": "Ana", "city": "Seville"}
    assert [order["article"] for order in answer["orders"]] == ["teapot", "cup"]
    assert (answer["spent"], answer["recommended"]) == (51, [{"title": "saucer"}])


def test_what_is_late_is_left_out() -> None:
    late = after("2s", {"items": [{"title": "saucer"}]})
    with TestClient(web.router, upstreams={"users": USERS, "orders": ORDERS, "recommendations": late}) as client:
        answer = client.get("/home/7")
        assert answer.status_code == 200 and answer.json()["recommended"] == []
        assert answer.missing == ["recommendations"]
        assert answer.seconds == 0.3


def test_without_orders_there_is_no_home() -> None:
    with TestClient(mobile.router, upstreams={"users": USERS, "orders": refused()}) as client:
        assert client.get("/home/7").status_code == 502


def test_nobody_is_nobody_for_both() -> None:
    nobody = {"GET /users/{id}": 404}
    with TestClient(mobile.router, upstreams={"users": nobody, "orders": ORDERS}) as client:
        assert client.get("/home/9").status_code == 404
    upstreams = {"users": nobody, "orders": ORDERS, "recommendations": RECOMMENDATIONS}
    with TestClient(web.router, upstreams=upstreams) as client:
        assert client.get("/home/9").status_code == 404
