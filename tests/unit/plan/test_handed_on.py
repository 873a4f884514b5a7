"""Handlers that only hand on what an upstream says, and those that are near to it."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from glorieta import Router, Upstream
from glorieta.handlers import Depends, HTMLResponse, Response
from glorieta.plan.confusions.handed_on import handed_on_by

router = Router(calls=["users", "order-service"])


class User(BaseModel):
    id: int


@router.get("/handed/{id}")
async def with_a_path(id: int, users: Upstream) -> Any:
    """Text that documents it is no code."""
    return await users.get("/users/{id}", path={"id": id}).json()


@router.get("/handed")
async def without(orders: Annotated[Upstream, "order-service"]):  # type: ignore[no-untyped-def]
    return await orders.get("/orders").json()


@router.delete("/handed/{id}")
async def of_another_method(id: str, users: Upstream) -> dict[str, Any]:
    return await users.delete("/users/{id}", path={"id": id}).json()


@router.get("/query")
async def reads_the_query(page: int, users: Upstream) -> Any:
    return await users.get("/users", params={"page": page}).json()


@router.get("/validates")
async def validates_the_query(page: int, users: Upstream) -> Any:
    return await users.get("/users").json()


@router.get("/without/{id}", response_model_exclude_none=True)
async def leaves_members_out(id: int, users: Upstream) -> Any:
    return await users.get("/users/{id}", path={"id": id}).json()


@router.get("/page/{id}", response_class=HTMLResponse)
async def as_something_else(id: int, users: Upstream) -> Any:
    return await users.get("/users/{id}", path={"id": id}).json()


@router.get("/calculates/{id}")
async def calculates(id: int, users: Upstream) -> Any:
    return await users.get("/users/{id}", path={"id": id + 1}).json()


@router.get("/model/{id}")
async def by_a_model(id: int, users: Upstream) -> Any:
    return await users.get("/users/{id}", path={"id": id}).json(User)


@router.get("/annotated/{id}")
async def of_a_model(id: int, users: Upstream) -> User:
    return await users.get("/users/{id}", path={"id": id}).json()


@router.get("/said/{id}", response_model=User)
async def said_to_be_a_model(id: int, users: Upstream) -> Any:
    return await users.get("/users/{id}", path={"id": id}).json()


@router.get("/status/{id}", status_code=203)
async def of_another_status(id: int, users: Upstream) -> Any:
    return await users.get("/users/{id}", path={"id": id}).json()


@router.get("/optional/{id}")
async def optional(id: int, users: Upstream) -> Any:
    return await users.get("/users/{id}", path={"id": id}).json().optional({})


@router.get("/part/{id}")
async def a_part(id: int, users: Upstream) -> Any:
    return (await users.get("/users/{id}", path={"id": id}).json())["name"]


@router.get("/two/{id}")
async def after_another(id: int, users: Upstream) -> Any:
    await users.post("/seen", json=id)
    return await users.get("/users/{id}", path={"id": id}).json()


@router.post("/posted")
async def asks_otherwise(users: Upstream) -> Any:
    return await users.get("/users").json()


def allowed() -> None:
    pass


@router.get("/checked", dependencies=[Depends(allowed)])
async def checked(users: Upstream) -> Any:
    return await users.get("/users").json()


class Called:
    async def __call__(self, users: Upstream) -> Any:
        return await users.get("/users").json()


router.add_api_route("/object", Called())
HANDED_ON = {"with_a_path": "users", "without": "order-service", "of_another_method": "users"}


@pytest.mark.parametrize(
    "number", range(len(router.table().routes)), ids=lambda number: router.table().routes[number].name
)
def test_only_the_plainest_form_is_certain(number: int) -> None:
    table = router.table()
    assert handed_on_by(table, number) == HANDED_ON.get(table.routes[number].name.rpartition(".")[2])


def test_whatever_is_around_a_handler_may_change_its_answer() -> None:
    async def around(request: Any, following: Any) -> Any:
        return await following(request)

    async def answer(request: Any, error: Any) -> Any:
        return Response()

    assert handed_on_by(router.table(), 0) == "users"
    within = Router(middleware=[around])
    within.include_router(router)
    assert handed_on_by(within.table(), 0) is None
    answering = Router(exception_handlers={404: answer})
    answering.include_router(router)
    assert handed_on_by(answering.table(), 0) is None
