"""The app's backend: one line for a small screen, in few bytes."""

from pydantic import BaseModel

from glorieta.handlers import Router, Upstream, gather

router = Router(client="mobile", calls=["users", "orders"], title="Shop, for the app")


class User(BaseModel):
    name: str


class Order(BaseModel):
    article: str
    state: str


class Home(BaseModel):
    hello: str
    expected: list[str]
    """What is on its way."""


@router.get("/home/{user_id}")
async def home(user_id: int, users: Upstream, orders: Upstream) -> Home:
    user, ordered = await gather(
        users.get("/users/{id}", path={"id": user_id}).json(User),
        orders.get("/orders", params={"user": user_id}).json(list[Order]),
        deadline="800ms",
    )
    expected = [order.article for order in ordered if order.state == "on its way"]
    return Home(hello=f"Hello {user.name}", expected=expected)
