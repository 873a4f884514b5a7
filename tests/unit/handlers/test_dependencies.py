"""Dependencies: order, caching, clean-up, and what stands in for them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Annotated, Any

import pytest

from glorieta.handlers import (
    BackgroundTasks,
    Depends,
    Header,
    HTTPException,
    Query,
    Request,
    Response,
    Router,
    RouterError,
    Upstream,
)
from glorieta.testing.exchange import Exchange
from harness.asked import ask

TOLD: list[str] = []


@pytest.fixture(autouse=True)
def nothing_told() -> None:
    TOLD.clear()


async def counted() -> int:
    TOLD.append("counted")
    return len(TOLD)


def test_a_dependency_runs_once_unless_it_says_otherwise() -> None:
    async def above(first: int = Depends(counted)) -> int:
        return first

    router = Router(dependencies=[Depends(counted)])

    @router.get("/")
    async def handler(
        one: Annotated[int, Depends(counted)],
        two: Annotated[int, Depends(above)],
        fresh: Annotated[int, Depends(counted, use_cache=False)],
    ) -> Any:
        return [one, two, fresh]

    assert ask(router, "GET", "/").json == [1, 1, 2]


def test_an_asynchronous_and_a_plain_function_and_objects_that_are_called() -> None:
    class Called:
        def __init__(self, text: str) -> None:
            self.text = text

        async def __call__(self, q: str = "-") -> str:
            return self.text + q

    def plain(q: str = "-") -> str:
        return "plain" + q

    router = Router()

    @router.get("/")
    async def handler(a: Annotated[str, Depends(Called("object"))], b: Annotated[str, Depends(plain)]) -> Any:
        return [a, b]

    answer = ask(router, "GET", "/?q=1")
    assert (answer.json, answer.on_threads) == (["object1", "plain1"], 1)


def test_what_is_not_asynchronous_runs_on_threads() -> None:
    def resource() -> Iterator[str]:
        yield "r"

    def handler(resource: Annotated[str, Depends(resource)], tasks: BackgroundTasks) -> str:
        tasks.add_task(TOLD.append, "task")
        return resource

    answer = ask(with_resources(handler), "GET", "/")
    # The resource is opened and closed, the handler called, the task run.
    assert (answer.json, answer.on_threads, TOLD) == ("r", 4, ["task"])


async def outer() -> AsyncIterator[str]:
    TOLD.append("outer opened")
    try:
        yield "outer"
    except ValueError as error:
        TOLD.append(f"outer saw {error}")
        raise HTTPException(418, "outer") from error
    finally:
        TOLD.append("outer closed")


def inner(outer: Annotated[str, Depends(outer)]) -> Iterator[str]:
    TOLD.append("inner opened")
    try:
        yield f"inner of {outer}"
    finally:
        TOLD.append("inner closed")


def with_resources(handler: Any, **options: Any) -> Router:
    router = Router()
    router.get("/", **options)(handler)
    return router


def test_resources_are_closed_in_reverse_once_the_answer_is_sent() -> None:
    async def handler(inner: Annotated[str, Depends(inner)]) -> AsyncIterator[str]:
        yield inner
        TOLD.append("streaming")
        yield "."

    answer = ask(with_resources(handler), "GET", "/")
    assert answer.body == b"inner of outer."
    assert TOLD == ["outer opened", "inner opened", "streaming", "inner closed", "outer closed"]


def test_a_resource_for_the_function_is_closed_before_the_answer() -> None:
    async def handler(
        request: Request, inner: Annotated[str, Depends(inner)], own: Annotated[str, Depends(outer, scope="function")]
    ) -> Response:
        response = Response("x")
        TOLD.append("returned")
        return response

    ask(with_resources(handler), "GET", "/")
    assert TOLD == [
        "outer opened",
        "inner opened",
        "outer opened",
        "returned",
        "outer closed",
        "inner closed",
        "outer closed",
    ]


def test_resources_see_why_a_handler_failed_and_may_answer() -> None:
    async def handler(inner: Annotated[str, Depends(inner)]) -> None:
        raise ValueError("it")

    answer = ask(with_resources(handler), "GET", "/")
    assert (answer.status, answer.json["detail"]) == (418, "outer")
    assert TOLD[2:] == ["inner closed", "outer saw it", "outer closed"]


def test_a_resource_that_swallows_the_failure_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    async def swallowing() -> AsyncIterator[None]:
        with suppress(ValueError):
            yield

    async def handler(swallowing: Annotated[None, Depends(swallowing)]) -> None:
        raise ValueError("it")

    assert ask(with_resources(handler), "GET", "/").status == 500
    assert "a dependency caught the handler's exception" in caplog.text


def test_resources_are_closed_when_others_cannot_be_opened() -> None:
    async def refusing(outer: Annotated[str, Depends(outer)]) -> None:
        raise HTTPException(403)

    async def handler(refusing: Annotated[None, Depends(refusing)]) -> None: ...

    assert ask(with_resources(handler), "GET", "/").status == 403
    assert TOLD == ["outer opened", "outer closed"]


def test_a_clean_up_that_fails_does_not_touch_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    async def fragile() -> AsyncIterator[int]:
        yield 1
        raise RuntimeError("while closing")

    async def handler(fragile: Annotated[int, Depends(fragile)]) -> int:
        return fragile

    answer = ask(with_resources(handler), "GET", "/")
    assert (answer.status, answer.json, answer.failed) == (200, 1, False)
    assert "while closing" in caplog.text


def test_a_client_that_leaves_cancels_the_handler_and_closes_its_resources() -> None:
    async def handler(inner: Annotated[str, Depends(inner)]) -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            TOLD.append("cancelled")
            raise

    async def client(exchange: Exchange) -> None:
        await asyncio.sleep(1)
        exchange.disconnect()

    ask(with_resources(handler), "GET", "/", client=client)
    assert TOLD == ["outer opened", "inner opened", "cancelled", "inner closed", "outer closed"]


def test_wrong_values_of_all_dependencies_are_told_together_and_what_depends_on_them_is_not_called() -> None:
    async def first(a: int) -> int:
        TOLD.append("first")
        return a

    async def second(first: Annotated[int, Depends(first)], x_b: Annotated[int, Header()]) -> int:
        TOLD.append("second")
        return x_b

    async def right() -> None:
        TOLD.append("right")

    async def handler(
        right: Annotated[None, Depends(right)], second: Annotated[int, Depends(second)], c: Annotated[int, Query()]
    ) -> None:
        TOLD.append("handler")

    answer = ask(with_resources(handler), "GET", "/?a=x&c=y", headers={"x-b": "1"})
    assert answer.errors() == [("query", "a", None, "int_parsing"), ("query", "c", None, "int_parsing")]
    assert TOLD == ["right"]


def test_who_calls_is_asked_before_the_body_is_read() -> None:
    async def guard() -> None:
        raise HTTPException(401)

    router = Router()

    @router.post("/", dependencies=[Depends(guard)])
    async def handler(item: dict[str, Any]) -> None: ...

    assert ask(router, "POST", "/", headers={"content-type": "application/json"}, body=b"[").status == 401


def test_headers_and_status_that_dependencies_set() -> None:
    async def marking(response: Response) -> None:
        response.headers["x-mark"] = "dependency"
        response.set_cookie("a", "b")

    async def handler(response: Response, marking: Annotated[None, Depends(marking)]) -> Any:
        response.status_code = 203
        return {}

    answer = ask(with_resources(handler), "GET", "/")
    assert (answer.status, answer.header("x-mark"), answer.header("set-cookie")) == (
        203,
        "dependency",
        "a=b; Path=/; SameSite=lax",
    )


def test_tasks_of_dependencies_and_handler_are_the_same() -> None:
    async def adding(tasks: BackgroundTasks) -> None:
        tasks.add_task(TOLD.append, "dependency")

    async def handler(tasks: BackgroundTasks, adding: Annotated[None, Depends(adding)]) -> None:
        tasks.add_task(TOLD.append, "handler")

    ask(with_resources(handler), "GET", "/")
    assert TOLD == ["dependency", "handler"]


def test_what_stands_in_for_a_dependency_in_tests() -> None:
    async def fake(q: str) -> int:
        return int(q)

    async def handler(n: Annotated[int, Depends(counted)]) -> int:
        return n

    router = with_resources(handler)
    assert ask(router, "GET", "/?q=70", overrides={counted: fake}).json == 70
    assert ask(router, "GET", "/?q=70").json == 1


def test_upstreams_are_given_by_name() -> None:
    async def loaded(users: Upstream) -> str:
        return users.name

    router = Router(calls=["users", "order-service"])

    @router.get("/")
    async def handler(orders: Annotated[Upstream, "order-service"], user: Annotated[str, Depends(loaded)]) -> Any:
        return [orders.name, user]

    assert ask(router, "GET", "/").json == ["order-service", "users"]
    assert router.table().listing()[0].upstreams == ("users", "order-service")


def test_the_configurations_noun_means_the_same() -> None:
    from glorieta import Upstream as Noun

    router = Router(calls=["users"])

    @router.get("/")
    async def handler(users: Noun) -> Any:
        return users.name  # type: ignore[attr-defined]

    assert ask(router, "GET", "/").json == "users"


def test_dependencies_that_go_round_in_a_circle() -> None:
    def first(second: Any = None) -> None: ...

    def second(first: Annotated[Any, Depends(first)]) -> None: ...

    first.__annotations__["second"] = Annotated[Any, Depends(second)]
    with pytest.raises(RouterError, match=r"test_dependencies\.py:\d+: .*(first|second) depends on itself"):
        with_resources(lambda: None, dependencies=[Depends(first)]).table()
