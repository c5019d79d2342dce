"""What tests/traces/run does, once everything is there."""

import asyncio
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import clerk
from processes import Server, free_port, until
from receiver import Receiver
from tokens import Tokens, encoded

SECRET_KEY = "sk_test_0123456789abcdefghij"
SERVER, CLIENT, INTERNAL = 2, 3, 1
ERROR = 2
TOKENS = Tokens()
# What is planted where somebody outside may write, and must never leave the program in a trace.
PLANTED = "planted7f3a"


class Clerk(clerk.Clerk):
    """Remembers the heads of the requests."""

    def __init__(self):
        super().__init__()
        self.heads = []

    async def serve(self, reader, writer):
        readuntil = reader.readuntil

        async def heard(mark):
            head = await readuntil(mark)
            self.heads.append(head.decode("latin-1"))
            return head

        reader.readuntil = heard
        await super().serve(reader, writer)

    def places(self, path):
        """The `traceparent` of each request for this path."""
        asked = [head for head in self.heads if f" {path} " in head.split("\r\n")[0]]
        return [line.split(": ")[1] for head in asked for line in head.split("\r\n") if line.lower().startswith("traceparent: ")]


async def ask(server, method="POST", path="/graphql", token=None, body=None, headers=()):
    """Status and body. `headers` are pairs, so that one may come twice."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    data = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", f"Content-Length: {len(data)}"]
    lines += ["Content-Type: application/json"] if data else []
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += [f"{name}: {value}" for name, value in headers]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
    answer = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body


async def me(server, user, headers=(), is_complete=True):
    query = {"query": "query Me { me { id memberships { nodes { organization { name } } } } }", "operationName": "Me"}
    status, body = await ask(server, token=TOKENS.of(user, is_complete), body=query, headers=headers)
    assert status == 200 and b'"me":{"id"' in body, (status, body)


def place(flags="01"):
    """A place in a trace of somebody who calls: the trace, the caller's span, the header."""
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    return trace, span, [("traceparent", f"00-{trace}-{span}-{flags}")]


class World:
    """Clerk, a receiver and the program."""

    def __init__(self, binary, directory, database, settings):
        self.binary, self.directory, self.database, self.more = binary, directory, database, settings
        self.clerk, self.receiver = Clerk(), Receiver()

    async def __aenter__(self):
        await self.clerk.start()
        await self.receiver.start()
        settings = {
            "AUTH_MODE": "clerk", "CLERK_SECRET_KEY": SECRET_KEY, "CLERK_API_URL": f"http://127.0.0.1:{self.clerk.port}",
            "CLERK_ISSUER": "https://clerk.example.com", "LOG_LEVEL": "info", "DATABASE_URL": self.database,
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.receiver.port}", "OTEL_BSP_SCHEDULE_DELAY": "100",
            **self.more,
        }
        settings = {name: value for name, value in settings.items() if value}
        self.server = Server(self.binary, self.directory, settings)
        self.server.start()
        await self.ready()
        return self

    async def ready(self):
        deadline = time.monotonic() + 60
        while True:
            try:
                if (await ask(self.server, "GET", "/readyz"))[0] == 200:
                    return
            except OSError:
                pass
            assert time.monotonic() < deadline and self.server.is_running(), self.server.log.read_text()
            await asyncio.sleep(0.05)

    async def __aexit__(self, kind, *_):
        if self.server.is_running():
            self.server.kill()
        # The connections of the stand-ins end with it.
        await asyncio.sleep(0.1)
        if kind:
            print(self.server.log.read_text()[-4000:], file=sys.stderr)

    async def stop(self):
        """How long SIGTERM took."""
        started = time.monotonic()
        await asyncio.to_thread(self.server.stop)
        return time.monotonic() - started

    def log(self):
        return [json.loads(line) for line in self.server.log.read_text().splitlines()]

    async def trace(self, trace, count=1):
        """The spans of a trace, once so many requests of it are there."""
        of_requests = lambda: [span for span in self.receiver.of(trace) if span.kind == SERVER]
        await until(f"a request of {trace} arrives", lambda: len(of_requests()) >= count, 20)
        return self.receiver.of(trace)


def only(spans, name):
    found = [span for span in spans if span.name == name]
    assert len(found) == 1, (name, [span.name for span in spans])
    return found[0]


async def the_tree(world):
    """A first sign-in with a token that leaves Clerk to be asked: everything there is, in one trace."""
    trace, caller, headers = place()
    await me(world.server, "user_first", headers, is_complete=False)
    await me(world.server, "user_first", headers, is_complete=False)
    spans = await world.trace(trace, 2)
    requests = sorted((span for span in spans if span.kind == SERVER), key=lambda span: span.begin)
    for request in requests:
        assert request.name == "POST /graphql" and request.parent == caller, vars(request)
        wanted = {"http.request.method": "POST", "http.route": "/graphql", "http.response.status_code": 200, "graphql.operation.name": "Me"}
        assert wanted.items() <= request.facts.items(), request.facts
        parts = [span for span in spans if span.parent == request.id]
        assert only(parts, "verification").facts == {"mission_control.outcome": "accepted"}
        assert only(parts, "resolution").kind == INTERNAL
    first, second = (only([s for s in spans if s.parent == request.id], "resolution") for request in requests)
    assert first.facts["mission_control.created"] is True and second.facts["mission_control.created"] is False
    # Every span is the part of another that was going on.
    ids = {span.id: span for span in spans}
    assert len(ids) == len(spans)
    for span in spans:
        assert span.status != ERROR, vars(span)
        if span.kind != SERVER:
            outer = ids[span.parent]
            assert outer.begin <= span.begin <= span.end <= outer.end, (vars(outer), vars(span))
    of_resolution = [span for span in spans if span.parent in (first.id, second.id)]
    statements = [span for span in of_resolution if "db.system.name" in span.facts]
    names = {span.name for span in statements}
    assert "users::standing::find_standings" in names and {"connection", "BEGIN", "COMMIT"} <= {span.name for span in of_resolution}, names
    assert all("place" not in name and "closure" not in name for name in names), names
    assert {span.facts["db.system.name"] for span in statements} == {world.system}
    call = only(spans, "GET /v1/users/{id}")
    assert call.kind == CLIENT and call.parent in (first.id, second.id)
    assert call.facts["http.response.status_code"] == 200 and call.facts["server.address"] == "127.0.0.1", call.facts
    # Clerk is told where it is in the trace.
    assert world.clerk.places("/v1/users/user_first") == [f"00-{trace}-{call.id}-01"]
    assert spans[0].resource["service.name"] == "mission-control"
    assert spans[0].resource["telemetry.sdk.language"] == "rust"
    # The log leads to the trace.
    lines = [line for line in world.log() if line.get("trace_id") == trace]
    ids = {span.facts["mission_control.request_id"] for span in requests}
    assert {line["request_id"] for line in lines if line["message"] == "served"} == ids, lines


async def who_decides(world):
    """A caller that does not record is followed, and passes on; nonsense counts as nothing; probes are not recorded."""
    trace, _, headers = place("00")
    await me(world.server, "user_quiet", headers, is_complete=False)
    await me(world.server, "user_quiet", headers, is_complete=False)
    (passed_on,) = world.clerk.places("/v1/users/user_quiet")
    assert passed_on.startswith(f"00-{trace}-") and passed_on.endswith("-00"), passed_on
    known = {span.id for span in world.receiver.spans}
    nonsense = ["", "x", f"00-{'0' * 32}-{'1' * 16}-01", f"00-{'1' * 32}-{'0' * 16}-01", f"ff-{'1' * 32}-{'1' * 16}-01",
                f"00-{'G' * 32}-{'1' * 16}-01", f"00-{'1' * 32}-{'1' * 16}-01-{PLANTED}", f"00-{'1' * 31}-{'1' * 16}-01", PLANTED * 500]
    for value in nonsense:
        await me(world.server, "user_quiet", [("traceparent", value)])
    twice = place()[2] + place()[2]
    await me(world.server, "user_quiet", twice)
    for path in ("/healthz", "/health", "/readyz"):
        assert (await ask(world.server, "GET", path, headers=place()[2]))[0] == 200
    count = len(nonsense) + 1
    fresh = lambda: [span for span in world.receiver.spans if span.kind == SERVER and span.id not in known]
    await until("requests arrive", lambda: len(fresh()) >= count)
    assert len(fresh()) == count and len({span.trace for span in fresh()}) == count
    assert all(span.parent == "" and span.name == "POST /graphql" for span in fresh()), [vars(span) for span in fresh()]
    assert world.receiver.of(trace) == []


async def other_requests(world):
    """REST, refusals, errors, deletion in a task of its own, made-up methods and paths."""
    async def one(*arguments, **more):
        trace, _, headers = place()
        status, body = await ask(world.server, *arguments, **more, headers=headers)
        spans = await world.trace(trace)
        (request,) = (span for span in spans if span.kind == SERVER)
        assert request.facts["http.response.status_code"] == status
        return spans, request

    _, request = await one("GET", "/api/v1/users/me", token=TOKENS.of("user_rest"))
    assert request.name == "GET /api/v1/users/me", request.name
    spans, request = await one(token=TOKENS.of("user_rest") + "x", body={"query": "{ me { id } }"})
    assert only(spans, "verification").facts["mission_control.outcome"] not in ("accepted", "anonymous")
    assert request.facts["error.type"] == "UNAUTHENTICATED" and request.status != ERROR
    spans, _ = await one(body={"query": "{ serverInfo { name } }"})
    assert only(spans, "verification").facts["mission_control.outcome"] == "anonymous"
    _, request = await one(PLANTED.upper(), f"/{PLANTED}?{PLANTED}={PLANTED}")
    assert request.name == "_OTHER" and "http.route" not in request.facts, vars(request)
    spans, _ = await one("DELETE", "/api/v1/users/me", token=TOKENS.of("user_rest"))
    call = only(spans, "DELETE /v1/users/{id}")
    assert world.clerk.places("/v1/users/user_rest")[-1].split("-")[2] == call.id
    # A key that is not known is looked for at Clerk, in a task of its own.
    _, payload, signature = TOKENS.of("user_rest").split(".")
    head = encoded(json.dumps({"alg": "RS256", "cat": "cl_B7d4PD111AAA", "kid": "ins_other", "typ": "JWT"}).encode()).decode()
    spans, _ = await one(token=f"{head}.{payload}.{signature}", body={"query": "{ me { id } }"})
    verification, call = only(spans, "verification"), only(spans, "GET /v1/jwks")
    assert verification.facts["mission_control.outcome"] == "unknown_key" and call.parent == verification.id
    assert world.clerk.places("/v1/jwks")[-1] == f"00-{call.trace}-{call.id}-01"
    # A Clerk that fails is seen in the call, and the request goes on.
    world.clerk.fault = "500"
    trace, _, headers = place()
    for _ in range(2):
        await me(world.server, "user_unlucky", headers, is_complete=False)
    world.clerk.fault = None
    calls = [span for span in await world.trace(trace, 2) if span.name == "GET /v1/users/{id}"]
    assert len(calls) == 2, "it is asked once more"
    for call in calls:
        assert call.status == ERROR and call.facts["error.type"] == "failed" and call.facts["http.response.status_code"] == 500


async def nothing_is_given_away(world):
    """Nothing of a person, of a token or of what anybody wrote is in what was sent, since the beginning."""
    trace, _, headers = place()
    token = TOKENS.of("user_named")
    headers += [("tracestate", f"vendor={PLANTED}"), ("baggage", f"a={PLANTED}"), ("user-agent", PLANTED), ("cookie", PLANTED),
                ("x-request-id", f"{PLANTED}@example.com"), ("x-forwarded-for", "203.0.113.77")]
    variables = {"name": f"Company {PLANTED}"}
    mutation = "mutation M($name: String!) { createOrganization(input: { name: $name }) { __typename } }"
    status, body = await ask(world.server, token=token, body={"query": mutation, "variables": variables}, headers=headers)
    assert status == 200, body
    await ask(world.server, token=token, body={"query": f"{{ {PLANTED} }}", "operationName": f"{PLANTED}@example.com"}, headers=headers)
    await world.trace(trace, 2)
    head, payload, signature = token.encode().split(b".")
    for secret in (head, payload, signature, b"example.com", b"Sample", b"Person", b"user_", b"sess_", PLANTED.encode(),
                   PLANTED.upper().encode(), SECRET_KEY.encode(), b"203.0.113.77", b"select ", b"SELECT "):
        assert secret not in world.receiver.bytes, secret
    # What the caller wrote beside its place goes to nobody else.
    assert not any(PLANTED in head for head in world.clerk.heads)


async def many_at_once(world):
    """No request is told as a part of another one, however they are mixed, and looked up together."""
    await asyncio.sleep(1.2)
    places = [place() for _ in range(40)]
    await asyncio.gather(*(me(world.server, f"user_{n % 5}", headers) for n, (_, _, headers) in enumerate(places)))
    for trace, caller, _ in places:
        spans = await world.trace(trace)
        (request,) = (span for span in spans if span.kind == SERVER)
        assert request.parent == caller
        ids = {span.id for span in spans}
        assert all(span.parent in ids for span in spans if span is not request)
        names = [span.name for span in spans]
        assert names.count("verification") == 1 and names.count("resolution") == 1, names
        assert names.count("users::standing::find_standings") >= 1, names


async def bounded(world):
    """Nobody can have everything recorded."""
    await asyncio.sleep(1.2)
    before, started = len([span for span in world.receiver.spans if span.kind == SERVER]), time.monotonic()
    for _ in range(20):
        await asyncio.gather(*(me(world.server, f"user_{n % 5}", place()[2]) for n in range(30)))
    took = time.monotonic() - started
    await asyncio.sleep(1)
    recorded = len([span for span in world.receiver.spans if span.kind == SERVER]) - before
    most = 50 + 50 * took
    assert 45 <= recorded <= most + 5, (recorded, took)
    print(f"    of 600 requests in {took:.1f} s, {recorded} were recorded")


async def on_a_database(binary, directory, system, database):
    async with World(binary, directory, database, {}) as world:
        world.system = system
        for case in (the_tree, who_decides, other_requests, nothing_is_given_away, many_at_once, bounded):
            await case(world)
            print(f"  {system}: {case.__name__}")
            # The budget of recorded requests fills.
            await asyncio.sleep(1)


async def the_end(binary, directory):
    """What was recorded last arrives, though it is not yet due; settings are followed; keys are in no log."""
    key = "key-" + secrets.token_hex(8)
    settings = {
        "OTEL_BSP_SCHEDULE_DELAY": "600000", "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{key},x-scope=a",
        "OTEL_SERVICE_NAME": "accounts", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=staging,service.name=other",
        "LOG_LEVEL": "trace", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
    }
    async with World(binary, directory, "", settings) as world:
        trace, _, headers = place()
        await me(world.server, "user_last", headers)
        assert world.receiver.spans == []
        took = await world.stop()
        spans = world.receiver.of(trace)
        assert only(spans, "POST /graphql").resource.items() >= {"service.name": "accounts", "deployment.environment.name": "staging"}.items()
        (head,) = world.receiver.heads
        assert f"authorization: Bearer {key}\r\n" in head and "x-scope: a\r\n" in head, head
        assert "traceparent" not in head.lower() and "content-encoding: gzip\r\n" in head
        assert key not in world.server.log.read_text()
        print(f"  the end: SIGTERM took {took:.2f} s")


async def without(binary, directory):
    """Without an endpoint, or switched off, nothing is sent or passed on, and the log is as ever."""
    for number, settings in enumerate(({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, {"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_TRACES_SAMPLER": "always_off"})):
        async with World(binary, directory / str(number), "", settings) as world:
            for _ in range(2):
                await me(world.server, "user_off", place()[2], is_complete=False)
            await world.stop()
            assert world.receiver.heads == []
            assert not any("trace_id" in line for line in world.log())
            # A sampler that records nothing still passes on the trace of the caller, unrecorded.
            passed_on = world.clerk.places("/v1/users/user_off")
            if "OTEL_TRACES_SAMPLER" in settings:
                assert [value[-3:] for value in passed_on] == ["-00"], passed_on
            else:
                assert passed_on == [], passed_on
            line, _ = [line for line in world.log() if line.get("operation") == "Me" and line["message"] == "served"]
            wanted = ["timestamp", "level", "target", "message", "status", "micros", "request_id", "method", "route", "caller", "operation"]
            assert list(line) == wanted, line
    print("  without")


async def away(binary, directory):
    """A receiver that is away costs no request anything, one line in the log, and no time at the end."""
    times = {}
    for fault in (None, "refused", "silence", "500", "redirect"):
        settings = {"OTEL_EXPORTER_OTLP_TIMEOUT": "3000"}
        if fault == "refused":
            settings["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{free_port()}"
        async with World(binary, directory / str(fault), "", settings) as world:
            world.receiver.fault = fault
            await me(world.server, "user_away")
            took = []
            for number in range(600):
                started = time.perf_counter()
                await me(world.server, "user_away", place()[2])
                took.append(time.perf_counter() - started)
            took.sort()
            times[fault] = took[len(took) // 2]
            if fault:
                await until("the log says so", lambda: any("cannot be delivered" in line["message"] for line in world.log()), 20)
            if fault == "500":
                world.receiver.fault = None
                await asyncio.sleep(1)
                await me(world.server, "user_away", place()[2])
                await until("they arrive again", lambda: world.receiver.spans, 20)
                world.receiver.fault = fault
            end = await world.stop()
            # Two seconds for what was recorded last, and some for a busy machine.
            assert end < 5, (fault, end)
            lines = [line["message"] for line in world.log() if line["level"] != "INFO" and "traces" in line["message"]]
            assert len(lines) <= 3 if fault else not lines, lines
            assert all(head.startswith("POST /v1/traces ") for head in world.receiver.heads)
            print(f"  away: {fault}: median {times[fault] * 1000:.2f} ms a request, SIGTERM took {end:.2f} s")
    assert max(times.values()) < 3 * times[None] + 0.01, times


def faults(binary, directory):
    """What is wrong is said at the start and by `check`, with what to write instead."""
    directory.mkdir()
    base = {"AUTH_MODE": "local", "LOCAL_AUTH_TOKEN": "b7Qd2mVx9Lk4Rz8Tn1Wc6Yp3Hs5Jf0GaEuOiKvNxMwQyZtRb-local", "PORT": str(free_port())}
    for settings, expected in (
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT: \"collector:4318\" has no scheme"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "over HTTP only"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4317"}, "which is 4318"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4318", "OTEL_EXPORTER_OTLP_HEADERS": PLANTED}, "name=value"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4318", "OTEL_EXPORTER_OTLP_COMPRESSION": "zstd"}, "none or gzip"),
    ):
        for command in ("check", "serve"):
            done = subprocess.run([binary, command], cwd=directory, env={**base, **settings}, capture_output=True, text=True, timeout=30)
            said = done.stdout + done.stderr
            assert done.returncode != 0 and expected in said and PLANTED not in said, (command, settings, said)
    print("  faults")


async def main():
    binary = sys.argv[1]
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        faults(binary, directory / "faults")
        await on_a_database(binary, directory / "sqlite", "sqlite", "")
        await on_a_database(binary, directory / "postgres", "postgresql", os.environ["TEST_POSTGRES_URL"])
        for case in (the_end, without, away):
            (directory / case.__name__).mkdir()
            await case(binary, directory / case.__name__)
    print("traces: everything is as it should be")


asyncio.run(main())
