"""The web page's backend: all of the first screen in one answer, and without what is late."""

from pydantic import BaseModel

from glorieta.handlers import Router, Upstream, gather

router = Router(client="web", calls=["users", "orders", "recommendations"], title="Shop, for the web page")


class User(BaseModel):
    name: str
    city: str


class Order(BaseModel):
    id: int
    article: str
    count: int
    price: int
    state: str


class Recommendation(BaseModel):
    title: str


class Recommendations(BaseModel):
    items: list[Recommendation] = []


class Home(BaseModel):
    user: User
    orders: list[Order]
    spent: int
    recommended: list[Recommendation]
    """Empty where the service is late: the header `glorieta-partial` says so."""


@router.get("/home/{user_id}")
async def home(user_id: int, users: Upstream, orders: Upstream, recommendations: Upstream) -> Home:
    recommended = recommendations.get("/for/{id}", path={"id": user_id})
    user, ordered, found = await gather(
        users.get("/users/{id}", path={"id": user_id}).json(User),
        orders.get("/orders", params={"user": user_id}).json(list[Order]),
        recommended.timeout("300ms").json(Recommendations).optional(Recommendations()),
        deadline="1s",
    )
    spent = sum(order.price for order in ordered)
    return Home(user=user, orders=ordered, spent=spent, recommended=found.items)
