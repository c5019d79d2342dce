"""HTTP spoken over plain sockets, so that no library repeats a request that failed."""

import asyncio
import json
import time

# Longer than the server may take; after this a request counts as unanswered.
PATIENCE = 20


class Answer:
    """What became of a request: when, how long it took, and `label`: the status and the error's code."""

    def __init__(self, kind, begun, label, body=None):
        self.kind, self.begun, self.ended, self.label, self.body = kind, begun, time.monotonic(), label, body

    @property
    def seconds(self):
        return self.ended - self.begun


def code_of(body):
    errors = body.get("errors") if isinstance(body, dict) else None
    return errors[0].get("extensions", {}).get("code", "without code") if errors else ""


class Client:
    """One connection that is kept, opened again after it broke."""

    def __init__(self, port):
        self.port, self.writer = port, None

    async def ask(self, kind, method, path, token=None, body=None):
        begun = time.monotonic()
        try:
            status, head, text = await asyncio.wait_for(self.exchange(method, path, token, body), PATIENCE)
        except ConnectionRefusedError:
            label = "not listening"
        except (OSError, EOFError):
            label = "cut"
        except asyncio.TimeoutError:
            label = "unanswered"
        else:
            return Answer(kind, begun, *labelled(path, status, head, text))
        self.close()
        return Answer(kind, begun, label)

    async def exchange(self, method, path, token, body):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
        if token:
            lines.append(f"Authorization: Bearer {token}")
        sent = b""
        if body is not None:
            sent = json.dumps(body).encode()
            lines += ["Content-Type: application/json", f"Content-Length: {len(sent)}"]
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + sent)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *fields = head.split("\r\n")
        head = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        text = await self.reader.readexactly(int(head.get("content-length", "0")))
        if head.get("connection", "").lower() == "close":
            self.close()
        return int(first.split()[1]), head, text

    def close(self):
        if self.writer is not None:
            self.writer.transport.abort()
            self.writer = None


def labelled(path, status, head, text):
    """The label of an answer, and its body."""
    try:
        body = json.loads(text)
    except ValueError:
        return f"{status} without JSON", None
    label = f"{status} {code_of(body)}".strip()
    # Whoever is refused for now is told when to come back; a balancer that asks for readiness knows.
    if status == 503 and path != "/readyz" and not head.get("retry-after", "").isdigit():
        label += " without Retry-After"
    return label, body
