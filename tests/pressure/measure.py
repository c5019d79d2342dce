"""Hostile and merely idle clients against the real server, on loopback; called by `run`."""

import asyncio
import base64
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "b7Qd2mVx9Lk4Rz8Tn1Wc6Yp3Hs5Jf0GaEuOiKvNxMwQyZtRb-local"
LOCAL = {"AUTH_MODE": "local", "LOCAL_AUTH_TOKEN": TOKEN}
CLERK = {
    "AUTH_MODE": "clerk",
    "CLERK_JWT_KEY": (ROOT / "tests/keys/test-rsa.pub.pem").read_text(),
    "CLERK_WEBHOOK_SIGNING_SECRET": "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1u",
}
# Both ends of each connection are files of a process.
CONNECTIONS = min(
    int(os.environ.get("CONNECTIONS", "10000")), resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200
)


class Server:
    def __init__(self, binary, settings):
        self.directory = tempfile.TemporaryDirectory()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            [binary, "serve"],
            cwd=self.directory.name,
            env={"PORT": str(self.port), "LOG_LEVEL": "error", "DRAIN_DELAY": "0", **settings},
            stderr=subprocess.DEVNULL,
        )
        for _ in range(2000):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2).close()
                return
            except OSError:
                time.sleep(0.02)
        raise SystemExit("the server does not start")

    def memory(self, name="VmRSS"):
        """In KiB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1])

    def forget_peak(self):
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def query(self, document, variables=None):
        body = json.dumps({"query": document, "variables": variables or {}}).encode()
        head = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/graphql", body, head)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.directory.cleanup()


def post(document, lines=""):
    body = json.dumps({"query": document}).encode()
    head = f"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{lines}"
    return head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body


async def answer(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = next(line for line in head.split("\r\n") if line.startswith("content-length: "))
    await reader.readexactly(int(length.split()[1]))
    return head


async def latencies(port, count, pause=0.005, request=None):
    """Milliseconds from connecting to the answer, sorted."""
    request = request or post("{ serverInfo { name } }", "Connection: close\r\n")
    times = []
    for _ in range(count):
        started = time.monotonic()
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 20)
            writer.write(request)
            await asyncio.wait_for(answer(reader), 20)
            writer.close()
        except (OSError, EOFError, asyncio.TimeoutError):
            times.append(float("inf"))
            continue
        times.append((time.monotonic() - started) * 1000)
        await asyncio.sleep(pause)
    return sorted(times)


def shown(times):
    return f"p50 {times[len(times) // 2]:.1f} ms, p99 {times[int(len(times) * 0.99)]:.1f} ms"


async def idle(binary):
    """Connections that say nothing, and the same after one request on each."""
    with Server(binary, LOCAL) as server:
        await latencies(server.port, 50)
        before = server.memory()
        streams = []
        for _ in range(CONNECTIONS):
            streams.append(await asyncio.open_connection("127.0.0.1", server.port, limit=2048))
        fresh = server.memory()
        yield f"{CONNECTIONS} connections that said nothing", f"{(fresh - before) / CONNECTIONS:.1f} KiB each"
        kept = 0
        for n in range(0, CONNECTIONS, 200):
            part = streams[n : n + 200]
            for _, writer in part:
                writer.write(post("{ serverInfo { name } }"))
            for outcome in await asyncio.gather(*(answer(r) for r, _ in part), return_exceptions=True):
                kept += not isinstance(outcome, BaseException)
        used = server.memory()
        yield f"the same after a request on each ({kept} answered)", f"{(used - before) / CONNECTIONS:.1f} KiB each"
        await asyncio.sleep(1.2)
        yield "`serverInfo` on a new connection beside them", shown(await latencies(server.port, 200))
        for _, writer in streams:
            writer.transport.abort()


async def unread(binary):
    """Clients that ask and never read."""
    with Server(binary, LOCAL) as server:
        request = post("{ __schema { types { name description fields { name description } } } }")
        await latencies(server.port, 50)
        before = server.memory()
        server.forget_peak()
        sockets = []
        for _ in range(2000):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", server.port))
            client.setblocking(False)
            sockets.append(client)

        async def push():
            while True:
                for n, client in enumerate(sockets):
                    try:
                        client.send(request)
                    except (BlockingIOError, OSError):
                        pass
                    if n % 50 == 0:
                        await asyncio.sleep(0)
                await asyncio.sleep(0.05)

        pushing = asyncio.create_task(push())
        times = await latencies(server.port, 400, 0.02)
        pushing.cancel()
        yield "2000 clients that never read: others' `serverInfo`", shown(times)
        await asyncio.sleep(12)
        peak = server.memory("VmHWM")
        yield "their memory at most, and 12 s later", f"{(peak - before) / 1024:.0f} MiB, {(server.memory() - before) / 1024:.0f} MiB"
        for client in sockets:
            client.close()


async def hostile(binary):
    """R1: one account's long texts, a hundred times in an answer, on connections that never read."""
    with Server(binary, LOCAL) as server:
        own = server.query("{ me { id } }")["data"]["me"]["id"]
        text = "\U0001f600" * 10000
        server.query(
            "mutation($t: String) { updateProfile(input: {notes: $t, context: $t}) { userErrors { code } } }",
            {"t": text},
        )
        for ids, clients in [(100, 3), (20, 3), (20, 150)]:
            listed = json.dumps([own] * ids)
            request = post(
                "{ nodes(ids: %s) { ... on User { notes context } } }" % listed,
                f"Authorization: Bearer {TOKEN}\r\n",
            )
            before = server.memory()
            server.forget_peak()
            sockets = []
            for _ in range(clients):
                client = socket.socket()
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.connect(("127.0.0.1", server.port))
                client.settimeout(0.2)
                try:
                    for _ in range(100):
                        client.send(request)
                except OSError:
                    pass
                sockets.append(client)
            await asyncio.sleep(4)
            peak = server.memory("VmHWM")
            yield f"{clients} connections asking for {ids} x 80 kB without reading", f"{(peak - before) / 1024:.0f} MiB"
            for client in sockets:
                client.close()
            await asyncio.sleep(0.5)


async def webhooks(binary):
    """R7: senders of webhook messages that nobody signed."""
    with Server(binary, CLERK) as server:
        before = server.memory()
        server.forget_peak()
        tag = base64.b64encode(bytes(32)).decode()
        head = (
            "POST /api/v1/webhooks/clerk HTTP/1.1\r\nHost: a\r\nsvix-id: msg_1\r\n"
            f"svix-timestamp: {int(time.time())}\r\nsvix-signature: v1,{tag}\r\n"
            "Content-Length: 1048576\r\n\r\n"
        ).encode()
        writers = []
        for _ in range(500):
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(head + bytes(1048575))
            writers.append(writer)
        await asyncio.sleep(5)
        peak = server.memory("VmHWM")
        yield "500 unsigned webhook messages", f"{(peak - before) / 1024:.0f} MiB (from {before / 1024:.0f})"
        for writer in writers:
            writer.transport.abort()


async def refusals(binary):
    """R3: refused by the head, the body a moment later, then another request."""
    with Server(binary, LOCAL) as server:
        body = b'{"query":"{ serverInfo { name } }"}'
        broken = announced = 0
        for n in range(210):
            line = [
                b"POST /graphql HTTP/1.1\r\nContent-Type: application/json\r\nAuthorization: Bearer x",
                b"POST /nowhere HTTP/1.1\r\nContent-Type: application/json",
                b"POST /graphql HTTP/1.1\r\nContent-Type: text/plain",
            ][n % 3]
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(line + b"\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body))
            await asyncio.sleep(0.005)
            try:
                writer.write(body)
                head = await answer(reader)
                if "connection: close" in head:
                    announced += 1
                else:
                    writer.write(post("{ serverInfo { name } }"))
                    await answer(reader)
            except (OSError, EOFError):
                broken += 1
            writer.close()
        yield "connections broken unannounced by a refusal", f"{broken} of 210 ({announced} announced)"


async def write_on(port, count):
    """So many connections of one account that change its notes as fast as they can, until killed."""

    async def write(number):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for turn in range(10**9):
            body = json.dumps({"notes": f"{number} {turn}"}).encode()
            head = (
                "PATCH /api/v1/users/me HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                f"Authorization: Bearer {TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            await answer(reader)

    await asyncio.gather(*(write(number) for number in range(count)))


async def writers(binary):
    """R4, R5: one account that only writes, on 400 connections; what looking up takes meanwhile."""
    databases = {"SQLite": {}}
    if url := os.environ.get("TEST_POSTGRES_URL"):
        databases["PostgreSQL"] = {"DATABASE_URL": url}
    signed = f"Authorization: Bearer {TOKEN}\r\nConnection: close\r\n"
    for name, settings in databases.items():
        with Server(binary, {**LOCAL, **settings}) as server:
            me = post("{ me { id } }", signed)
            await latencies(server.port, 50, request=me)
            idle = await latencies(server.port, 200, request=me)
            yield f"{name}: `me` on an idle server", shown(idle)
            load = subprocess.Popen([sys.executable, __file__, "--write-on", str(server.port), "400"])
            await asyncio.sleep(2)
            busy = await latencies(server.port, 200, request=me)
            load.kill()
            load.wait()
            ratio = busy[len(busy) // 2] / idle[len(idle) // 2]
            yield f"{name}: beside 400 writers of one account", f"{shown(busy)}, {ratio:.1f} times"


async def main():
    for binary in sys.argv[1:]:
        print(f"\n{binary}\n\n| what | |\n| --- | --- |")
        for measure in [idle, unread, hostile, webhooks, refusals, writers]:
            async for what, figure in measure(str(Path(binary).resolve())):
                print(f"| {what} | {figure} |", flush=True)


if sys.argv[1] == "--write-on":
    asyncio.run(write_on(int(sys.argv[2]), int(sys.argv[3])))
else:
    asyncio.run(main())
