"""What benches/instructions/run does, once everything is there."""

import http.client
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from processes import free_port
from tokens import KEYS, Tokens

EXPECTED = Path(__file__).with_name("expected.json")
QUERY = "{ me { id email name displayName memberships { nodes { id role organization { id name } } } } }"
# Two runs that differ by this many requests differ by what these requests cost.
FEW, MANY = 100, 1100


def instructions(binary, requests):
    """Of the whole life of a server that answers so many requests."""
    with tempfile.TemporaryDirectory() as directory:
        port, counts = free_port(), Path(directory) / "counts"
        settings = {
            "AUTH_MODE": "clerk", "CLERK_JWT_KEY": (KEYS / "test-rsa.pub.pem").read_text(), "PORT": str(port),
            "LOG_LEVEL": "warn", "DRAIN_DELAY": "0", "DATABASE_URL": f"sqlite:{directory}/users.db",
            # Who takes over from whom is chance; with one there is none.
            "TOKIO_WORKER_THREADS": "1",
        }
        valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={counts}", binary, "serve"]
        log = Path(directory) / "log"
        server = subprocess.Popen(valgrind, cwd=directory, env={"PATH": "/usr/bin:/bin", **settings}, stdout=subprocess.DEVNULL, stderr=log.open("wb"))
        try:
            ask(port, requests, server)
        finally:
            server.send_signal(signal.SIGTERM)
            code = server.wait(120)
        assert code == 0, log.read_text()
        return int(re.search(r"^(?:summary|totals): (\d+)", counts.read_text(), re.M)[1])


def ask(port, requests, server):
    """Sends them over one kept connection, once the server answers."""
    headers = {"Authorization": f"Bearer {Tokens().of('user_sample')}", "Content-Type": "application/json"}
    body = json.dumps({"query": QUERY})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    deadline = time.monotonic() + 120
    while True:
        try:
            connection.connect()
            break
        except OSError:
            assert server.poll() is None and time.monotonic() < deadline, "the server does not start"
            time.sleep(0.1)
    for _ in range(requests):
        connection.request("POST", "/graphql", body, headers)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200 and b'"role":"OWNER"' in text, text
    connection.close()


def main(binary, profile):
    binary = str(Path(binary).resolve())
    per_request = round((instructions(binary, MANY) - instructions(binary, FEW)) / (MANY - FEW))
    compiler = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    expected = json.loads(EXPECTED.read_text())
    print(f"one `me` on SQLite, {profile}, Rust {compiler}: {per_request:,} instructions")
    known = expected["instructions"].get(f"{profile}, Rust {compiler}")
    if known is None:
        print(f"nothing to compare with: {EXPECTED.name} has no count for this profile and compiler")
        return
    change = per_request / known - 1
    print(f"expected {known:,}: {change:+.1%}, margin {expected['margin']:.0%}")
    if abs(change) > expected["margin"]:
        sys.exit("more than the margin: find out why; if it is meant, write the new count into expected.json")


main(*sys.argv[1:])
