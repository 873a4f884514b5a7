"""The same objects as in YAML, made by Python: a loop instead of a template."""

from glorieta import Case, Edge, Health, Listener, Route, Upstream

SERVICES = {
    "service1": ["localhost:3001", "localhost:3002"],
    "service2": ["localhost:3003"],
}

edge = Edge(
    listeners={
        "web": Listener(
            bind=":8080",
            routes={f"/{name}/*": Route(to=name, strip_prefix=True) for name in SERVICES},
        ),
    },
    upstreams={
        name: Upstream(endpoints=endpoints, health=Health(path="/healthz")) for name, endpoints in SERVICES.items()
    },
    tests={f"GET http://shop/{name}/hello": Case(route=f"/{name}/*", forwards=f"{name} /hello") for name in SERVICES},
)
