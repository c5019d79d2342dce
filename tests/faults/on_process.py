"""Faults of the process, its machine and its clients."""

import asyncio
import glob
import json
import resource
import socket
import time

from http11 import Client
from trial import EVERYTHING, UNAVAILABLE, Fault, NotHere, may, settings_of_clock, write_clock

LIBRARY = next(iter(glob.glob("/usr/lib/*/faketime/libfaketime.so.1")), "")
IDLE, SILENT = 10000, 500


async def killed(world):
    for _ in range(4):
        world.server.kill()
        world.server.start()
        await asyncio.sleep(2.5)


async def clock_jumps(world):
    if not LIBRARY:
        raise NotHere("libfaketime is missing")
    client = Client(world.server.port)
    for ahead in (3 * 3600, -2 * 86400, 400 * 86400, 0):
        before = world.tokens.of("user_writer0")
        write_clock(world.place / "clock", ahead)
        world.tokens.ahead = ahead
        await asyncio.sleep(2.5)
        answer = await client.ask("read", "GET", "/api/v1/users/me", before)
        if not answer.label.startswith("401"):
            world.wrong.append(f"a token of another time was answered {answer.label}")
    client.close()


async def idle_connections(world):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < IDLE + 500:
        raise NotHere(f"no more than {hard} open files are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def connect():
        return [socket.create_connection(("127.0.0.1", world.server.port)) for _ in range(IDLE)]

    before = world.server.memory()
    sockets = await asyncio.to_thread(connect)
    await asyncio.sleep(3)
    world.remark = f"{(world.server.memory() - before) * 1024 / IDLE:.1f} KiB each"
    for one in sockets:
        one.close()


async def slow_readers(world):
    """They ask for long answers, again and again, and take nothing of them."""
    query = json.dumps({"query": "{ __schema { types { name description fields { name description } } } }"}).encode()
    head = f"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(query)}\r\n\r\n"
    request, sockets = head.encode() + query, []
    for _ in range(SILENT):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", world.server.port))
        client.setblocking(False)
        sockets.append(client)
        await asyncio.sleep(0)
    until = time.monotonic() + 8
    while time.monotonic() < until:
        for client in sockets:
            try:
                client.send(request)
            except OSError:
                pass
        await asyncio.sleep(0.2)
    for client in sockets:
        client.close()


KILLED = {"cut", "not listening", *UNAVAILABLE}
FAULTS = [
    Fault("the server killed -9, four times", "back with its start", killed, may(EVERYTHING, KILLED), restarts=True),
    Fault("clock set by +3 h, -2 d, +400 d and back", "tokens of the time count", clock_jumps,
          may(EVERYTHING, {"401 UNAUTHENTICATED", *UNAVAILABLE}), is_felt=False, settings=settings_of_clock(LIBRARY)),
    Fault(f"{SILENT} clients that never read", "nobody notices; memory back", slow_readers,
          is_ready=True, is_felt=False),
    Fault(f"{IDLE} idle connections", "nobody notices; memory back", idle_connections, is_ready=True,
          is_felt=False, settings={"MAX_CONNECTIONS": "11000"}),
]
