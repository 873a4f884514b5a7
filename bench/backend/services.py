"""What the three services say: JSON of a kilobyte each.

Compact, ASCII, without fractions: so that whoever decodes and writes it anew writes the same bytes.
"""

from __future__ import annotations

import json


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


USER = {
    "id": 7,
    "name": "Ada Lovelace",
    "email": "ada@shop.example",
    "phone": "+44 20 7946 0000",
    "created": "2021-03-14T15:09:26Z",
    "tier": "gold",
    "newsletter": True,
    "birthday": None,
    "addresses": [
        {
            "kind": kind,
            "street": "12 St James Square",
            "city": "London",
            "postcode": "SW1Y 4JH",
            "country": "GB",
            "note": "Please ring twice and leave parcels with the porter.",
        }
        for kind in ("home", "work", "billing", "shipping")
    ],
    "preferences": {"language": "en", "currency": "GBP", "theme": "dark", "rows": 50, "sounds": False},
}
ORDERS = [
    {
        "id": 90_210 + number,
        "placed": f"2026-0{number}-11T08:0{number}:00Z",
        "state": "shipped" if number % 2 else "delivered",
        "total_cents": 4_990 * number,
        "items": [{"sku": f"KB-20{number}{item}", "quantity": item, "price_cents": 2_495} for item in (1, 2)],
    }
    for number in range(1, 6)
]
RECOMMENDED = [
    {
        "sku": f"RC-{number:04}",
        "title": f"Something that goes well with order {number}",
        "score": 990 - 17 * number,
        "available": number % 3 != 0,
        "price_cents": 1_290 + 100 * number,
    }
    for number in range(1, 9)
]
SERVICES = {"user": compact(USER), "orders": compact(ORDERS), "recommended": compact(RECOMMENDED)}
"""What each answers, by its name."""
