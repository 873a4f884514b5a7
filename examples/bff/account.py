"""An application that was there before, with FastAPI and httpx. Of all its lines one is new: the transport."""

try:
    import httpx
    from fastapi import FastAPI, HTTPException
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(f"{missing}; this part of the example needs: pip install fastapi httpx") from None

from glorieta.handlers import httpx_transport

app = FastAPI(title="Account")
users = httpx.AsyncClient(transport=httpx_transport(), base_url="http://users")


@app.get("/{user_id}")
async def account(user_id: int) -> dict[str, str]:
    answer = await users.get(f"/users/{user_id}")
    if answer.status_code == 404:
        raise HTTPException(404, "There is no such customer.")
    found = answer.raise_for_status().json()
    return {"name": found["name"], "email": found["email"]}
