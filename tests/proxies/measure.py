"""Requests through proxies to the real server: how many of them fail.

Called by `run` with the server's binary, a directory for files, and the proxies to try. Speaks HTTP by
itself, over plain sockets, so that no client library repeats a request that failed.
"""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

REQUESTS = int(os.environ.get("REQUESTS", "1500"))
# The server's idle limit, and the proxy's, which is shorter, in seconds: as 75 is to 60, in less time.
SERVER_IDLE, PROXY_IDLE = 2.5, 2.0
# Gaps around both limits, and none.
GAPS = [0, 0, 0.05, 0.5, 1.9, 1.98, 2.0, 2.02, 2.1, 2.4, 2.48, 2.5, 2.52, 2.6]
# A keep-alive limit below the proxy's is the setting that loses requests; shown on demand.
if os.environ.get("SHORT_IDLE"):
    SERVER_IDLE = 1.0
CLIENTS = 100
RESTARTS = 6
TOKEN = "b7Qd2mVx9Lk4Rz8Tn1Wc6Yp3Hs5Jf0GaEuOiKvNxMwQyZtRb-local"
BODY = b'{"query":"{ serverInfo { name } }"}'
REQUEST = (
    b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s" % (TOKEN.encode(), len(BODY), BODY)
)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One instance of the product, on the same port for as long as it is restarted."""

    def __init__(self, binary, directory, number):
        self.binary, self.directory, self.port = binary, directory / f"server-{number}", free_port()
        self.directory.mkdir()
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [self.binary, "serve"],
            cwd=self.directory,
            env={
                "AUTH_MODE": "local",
                "LOCAL_AUTH_TOKEN": TOKEN,
                "PORT": str(self.port),
                "IDLE_TIMEOUT": str(SERVER_IDLE),
                "DRAIN_DELAY": "2",
                "LOG_LEVEL": "warn",
            },
            stdout=subprocess.DEVNULL,
            stderr=open(self.directory / "log", "ab"),
        )
        wait_for(self.port)

    def restart(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        assert code == 0, f"the server ended with {code}"
        self.start()

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def wait_for(port):
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            pass
        assert time.monotonic() < deadline, f"nothing answers on port {port}"
        time.sleep(0.02)


def nginx(directory, port, upstreams):
    """Keeps up to 64 connections; tries another server only when nothing was sent to the first."""
    servers = "\n".join(f"server 127.0.0.1:{one} max_fails=0;" for one in upstreams)
    (directory / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/nginx.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
  upstream api {{ {servers} keepalive 64; keepalive_timeout {int(PROXY_IDLE * 1000)}ms; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    keepalive_requests 1000000;
    location / {{ proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
""")
    return ["nginx", "-p", str(directory), "-c", str(directory / "nginx.conf"), "-e", str(directory / "nginx.log")]


def haproxy(directory, port, upstreams):
    """Reuses connections for all; asks /readyz twice a second."""
    servers = "\n".join(
        f"  server s{n} 127.0.0.1:{one} check inter 500ms fall 1 rise 1 pool-purge-delay {int(PROXY_IDLE * 1000)}ms"
        for n, one in enumerate(upstreams)
    )
    (directory / "haproxy.cfg").write_text(f"""
global
  maxconn 4000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  retries 3
  option redispatch
frontend front
  bind 127.0.0.1:{port}
  default_backend api
backend api
  http-reuse always
  option httpchk GET /readyz
{servers}
""")
    return ["haproxy", "-db", "-f", str(directory / "haproxy.cfg")]


def caddy(directory, port, upstreams):
    """Keeps connections; asks /readyz twice a second."""
    servers = " ".join(f"127.0.0.1:{one}" for one in upstreams)
    (directory / "Caddyfile").write_text(f"""
{{
  admin off
  auto_https off
  persist_config off
}}
http://127.0.0.1:{port}, http://localhost:{port} {{
  reverse_proxy {servers} {{
    health_uri /readyz
    health_interval 500ms
    lb_try_duration 2s
    lb_try_interval 50ms
    transport http {{
      keepalive {PROXY_IDLE}s
      keepalive_idle_conns_per_host 64
    }}
  }}
}}
""")
    return [os.environ["CADDY"], "run", "--config", str(directory / "Caddyfile"), "--adapter", "caddyfile"]


PROXIES = {"nginx": nginx, "haproxy": haproxy, "caddy": caddy}


class Client:
    """One connection to the proxy, opened again only where an answer ended it."""

    def __init__(self, port, failures):
        self.port, self.failures, self.writer = port, failures, None

    async def ask(self):
        try:
            await asyncio.wait_for(self.exchange(), 30)
        except (OSError, EOFError, ValueError, asyncio.TimeoutError) as error:
            self.failures.append(str(error) or type(error).__name__)
            self.close()

    async def exchange(self):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(REQUEST)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        lines = head.split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        if fields.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(await self.reader.readline(), 16):
                body += await self.reader.readexactly(size)
                await self.reader.readline()
            await self.reader.readline()
        else:
            body = await self.reader.readexactly(int(fields.get("content-length", "0")))
        if " 200 " not in lines[0] or b'"serverInfo"' not in body:
            raise ValueError(lines[0])
        if fields.get("connection") == "close":
            self.close()

    def close(self):
        if self.writer is not None:
            self.writer.close()
            self.writer = None


async def with_gaps(port):
    """Requests in bursts, so that the proxy keeps many connections, with gaps around the limits."""
    failures, sent = [], 0
    chooser = random.Random(1)
    clients = [Client(port, failures) for _ in range(CLIENTS)]

    async def work(client, count):
        nonlocal sent
        for _ in range(count):
            await client.ask()
            sent += 1
            await asyncio.sleep(chooser.choice(GAPS))

    share = -(-REQUESTS // CLIENTS)
    await asyncio.gather(*(work(client, share) for client in clients))
    return sent, failures


async def with_restarts(port, servers):
    """A steady load while the servers are restarted in turn."""
    failures, sent, is_over = [], 0, False

    async def work():
        nonlocal sent
        client = Client(port, failures)
        while not is_over:
            await client.ask()
            sent += 1
            await asyncio.sleep(random.uniform(0, 0.1))

    workers = [asyncio.create_task(work()) for _ in range(30)]
    for n in range(RESTARTS):
        await asyncio.to_thread(servers[n % len(servers)].restart)
        await asyncio.sleep(1.5)
    is_over = True
    await asyncio.gather(*workers)
    return sent, failures


def main():
    binary, work = str(Path(sys.argv[1]).resolve()), Path(sys.argv[2])
    rows, is_fine = [], True
    for name in sys.argv[3:]:
        directory = work / name
        directory.mkdir()
        servers = [Server(binary, directory, n) for n in range(2)]
        port = free_port()
        proxy = subprocess.Popen(
            PROXIES[name](directory, port, [server.port for server in servers]),
            stdout=open(directory / "out", "wb"),
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for(port)
            time.sleep(1)
            for what, outcome in [
                ("idle gaps", lambda: with_gaps(port)),
                ("rolling restarts", lambda: with_restarts(port, servers)),
            ]:
                started = time.monotonic()
                sent, failures = asyncio.run(outcome())
                seconds = time.monotonic() - started
                rows.append((name, what, sent, len(failures), seconds))
                print(f"{name}, {what}: {sent} requests, {len(failures)} failed", file=sys.stderr)
                for reason in sorted(set(failures))[:5]:
                    print(f"  {failures.count(reason)} x {reason}", file=sys.stderr)
                is_fine = is_fine and not failures
        finally:
            proxy.terminate()
            proxy.wait(30)
            for server in servers:
                server.stop()
    print("| proxy | what | requests | failed | seconds |\n| --- | --- | ---: | ---: | ---: |")
    for name, what, sent, failed, seconds in rows:
        print(f"| {name} | {what} | {sent} | {failed} | {seconds:.0f} |")
    sys.exit(0 if is_fine else 1)


main()
