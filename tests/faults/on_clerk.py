"""Faults of Clerk: whoever is known does not notice."""

import asyncio

from trial import ASKING, EVERYTHING, UNAVAILABLE, Fault, may

PROVIDER = {"200 IDENTITY_PROVIDER_UNAVAILABLE", "502 IDENTITY_PROVIDER_UNAVAILABLE"}


def answering(fault, seconds=8):
    async def work(world):
        world.clerk.fault = fault
        await asyncio.sleep(seconds)
        world.clerk.fault = None
        if world.clerk.visits_elsewhere:
            world.wrong.append("a redirect was followed")

    return work


async def refusing(world):
    await world.clerk.stop()
    await asyncio.sleep(8)
    world.clerk.fault = None
    await world.clerk.start()


async def away_at_the_start(world):
    """So that the keys are not known."""
    world.clerk.fault = "500"
    await asyncio.to_thread(world.server.stop)
    world.server.start()
    await asyncio.sleep(6)
    world.clerk.fault = None


PROMISE = "nobody notices; deletions are IDENTITY_PROVIDER_UNAVAILABLE, and repeated later"
FAULTS = [
    Fault(f"Clerk: {what}, 8 s", PROMISE, work, may(("delete",), PROVIDER), is_ready=True, asks_newcomers=True)
    for what, work in [
        ("never answers", answering("slow")),
        ("429", answering("429")),
        ("500", answering("500")),
        ("answers cut off", answering("cut")),
        ("endless answers", answering("huge")),
        ("redirects", answering("redirect")),
        ("refuses connections", refusing),
    ]
] + [
    Fault("started while Clerk answers 500", "503 until its keys are there, not ready", away_at_the_start,
          may(EVERYTHING, {"cut", "not listening"}) | may(ASKING, {"cut", "not listening", *UNAVAILABLE, *PROVIDER}),
          is_ready=False, recovery=20, restarts=True),
]
