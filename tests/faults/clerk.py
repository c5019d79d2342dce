"""A stand-in for Clerk's Backend API, over real HTTP, with every fault on demand."""

import asyncio
import json
import socket

from tokens import KEYS


class Clerk:
    """Knows every user it is asked for, until that one is deleted."""

    def __init__(self):
        # One of the names in `misbehave`, or None.
        self.fault = None
        self.deleted = set()
        # How often somebody followed a redirect, which would carry the secret key along.
        self.visits_elsewhere = 0
        self.keys = (KEYS / "jwks.json").read_bytes()
        self.server = None

    async def start(self):
        port = 0 if self.server is None else self.port
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", port)
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self):
        """Connections are refused from now on, those that are open are cut."""
        self.fault = "refused"
        self.server.close()

    async def serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                method, path, _ = head.split("\r\n")[0].split(" ")
                self.visits_elsewhere += path == "/elsewhere"
                if self.fault and not await self.misbehave(self.fault, writer):
                    return
                if not self.fault:
                    self.answer(writer, *self.work(method, path))
                await writer.drain()
        except (OSError, EOFError, asyncio.CancelledError):
            # Cancelled at the end of the trial, with nobody to hand it on to.
            pass
        finally:
            writer.transport.abort()

    def work(self, method, path):
        name = path.rsplit("/", 1)[-1]
        if path == "/v1/jwks":
            return 200, self.keys
        if path.startswith("/v1/users/") and name not in self.deleted:
            if method == "DELETE":
                self.deleted.add(name)
                return 200, json.dumps({"object": "user", "id": name, "deleted": True}).encode()
            return 200, json.dumps(profile(name)).encode()
        return 404, json.dumps({"errors": [{"code": "resource_not_found", "message": "not found"}]}).encode()

    def answer(self, writer, status, body, more=""):
        head = f"HTTP/1.1 {status} Sample\r\nContent-Type: application/json\r\n{more}Content-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)

    async def misbehave(self, fault, writer):
        """Whether the connection may be used again."""
        error = json.dumps({"errors": [{"code": "sample", "message": "a fault"}]}).encode()
        if fault == "slow":
            await asyncio.sleep(60)
        elif fault == "429":
            self.answer(writer, 429, error, "Retry-After: 2\r\n")
            return True
        elif fault == "500":
            self.answer(writer, 500, error)
            return True
        elif fault == "redirect":
            self.answer(writer, 307, b"", f"Location: http://127.0.0.1:{self.port}/elsewhere\r\n")
            return True
        elif fault == "cut":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
            await writer.drain()
            # Reset, not closed.
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        elif fault == "huge":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
            while self.fault == fault:
                writer.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
                await writer.drain()
        return False


def profile(user):
    """As much of Clerk's user object as is read."""
    address = {
        "id": "idn_1", "object": "email_address", "email_address": f"{user}@example.com",
        "verification": {"status": "verified", "strategy": "email_code"}, "linked_to": [],
    }
    return {
        "id": user, "object": "user", "username": None, "first_name": "Sample", "last_name": "Person",
        "primary_email_address_id": "idn_1", "email_addresses": [address], "banned": False, "locked": False,
        "updated_at": 1789999999456,
    }
