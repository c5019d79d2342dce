"""What tests/prometheus/run does, once everything is there."""

import base64
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
ALERTS = ROOT / "deploy/prometheus/alerts.yml"
DASHBOARD = ROOT / "deploy/grafana/mission-control.json"
# Series that appear only with trouble that is not made here.
SILENT_WITHOUT_TROUBLE = {"outcome=~\"failed|unavailable\"", "outcome=\"failed\""}

opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def get(url, headers=None):
    with opener.open(urllib.request.Request(url, headers=headers or {}), timeout=10) as answer:
        return answer.read().decode(), answer.headers["content-type"]


def until(what, is_so, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if is_so():
                return
        except (urllib.error.URLError, ConnectionError):
            pass
        time.sleep(0.1)
    raise SystemExit(f"not within {seconds} s: {what}")


class Server:
    def __init__(self, binary, directory):
        self.binary, self.directory = binary, directory
        self.port, self.metrics = free_port(), free_port()
        names = {"PORT": str(self.port), "METRICS_ADDR": f"127.0.0.1:{self.metrics}", "LOG_LEVEL": "error"}
        self.environment = {"PATH": os.environ["PATH"], **names}
        self.process = subprocess.Popen(
            [binary, "dev"], cwd=directory, env=self.environment, stdout=subprocess.DEVNULL
        )
        until("the server is ready", lambda: get(f"http://127.0.0.1:{self.port}/readyz"))

    def run(self, *arguments):
        done = subprocess.run(
            [self.binary, *arguments], cwd=self.directory, env=self.environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def ask(self, token, query):
        headers = {"content-type": "application/json"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        url = f"http://127.0.0.1:{self.port}/graphql"
        request = urllib.request.Request(url, json.dumps({"query": query}).encode(), headers)
        try:
            return opener.open(request, timeout=10).status
        except urllib.error.HTTPError as error:
            return error.code

    def be_used(self):
        """Something of everything that leaves a number."""
        tokens = {name: self.run("token", "--user", name) for name in ("ada", "grace", "alan")}
        for token in tokens.values():
            for query in (
                "{ me { id memberships(first: 5) { nodes { organization { name members(first: 5) { nodes { displayName } totalCount } } } } } }",
                "mutation { bootstrap { created } }",
                "{ serverInfo { name } }",
            ):
                assert self.ask(token, query) == 200
        assert self.ask(self.run("token", "--expired"), "{ me { id } }") == 401
        assert self.ask(None, "{ me { id } }") == 401
        self.run("webhook", "send", "user.updated")
        payload = tokens["grace"].split(".")[1]
        session = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sid"]
        self.run("webhook", "send", "session.revoked", "--user", "grace", "--session", session)
        assert self.ask(tokens["grace"], "{ me { id } }") == 401


def check_form(server):
    for headers, kind in (({}, "text/plain; version=0.0.4"), ({"accept": "application/openmetrics-text; version=1.0.0"}, "application/openmetrics-text")):
        text, found = get(f"http://127.0.0.1:{server.metrics}/metrics", headers)
        assert found.startswith(kind), found
        assert text.endswith("# EOF\n") == kind.startswith("application"), text[-100:]
        if not headers:
            done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True)
            print(f"promtool check metrics: {done.returncode} {done.stdout}{done.stderr}".strip())
            if done.returncode or done.stderr.strip():
                sys.exit(1)


def check_rules():
    for arguments in (["check", "rules", str(ALERTS)], ["test", "rules", str(ROOT / "deploy/prometheus/alerts.test.yml")]):
        subprocess.run(["promtool", *arguments], check=True)


def expressions():
    """Every expression, with whether it must have a value on a server that is well."""
    dashboard = json.loads(DASHBOARD.read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"].replace("$__rate_interval", "1m").replace("$job", "mission-control")
            yield panel["title"], expression.replace("$instance", ".*"), True
    text = ALERTS.read_text()
    for name, expression in re.findall(r"- alert: (\w+)\n\s+expr: (?:>-\n)?((?:.|\n)*?)\n\s+(?:for|labels):", text):
        expression = " ".join(expression.split())
        # What is compared has a value, whether or not it is over the bound.
        yield name, re.sub(r"\[\d+m\]", "[1m]", expression), False
        bare = re.split(r" (?:>|==) (?=[^>=]*$)| unless ", expression)[0]
        is_silent = any(mark in bare for mark in SILENT_WITHOUT_TROUBLE) or "outcome=~\"signature" in bare or "outcome=~\"not_yet" in bare
        is_silent = is_silent or "outcome!~" in bare
        yield name, re.sub(r"\[\d+m\]", "[1m]", bare), not is_silent


def ask_everything(server, directory):
    port = free_port()
    (directory / "prometheus.yml").write_text(
        f"global: {{ scrape_interval: 500ms, evaluation_interval: 1s }}\nrule_files: [{json.dumps(str(ALERTS))}]\n"
        "scrape_configs:\n  - job_name: mission-control\n"
        f"    static_configs: [{{ targets: ['127.0.0.1:{server.metrics}'] }}]\n"
    )
    prometheus = subprocess.Popen(
        ["prometheus", f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/tsdb",
         f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"],
    )

    def answer(expression):
        query = urllib.parse.urlencode({"query": expression})
        try:
            text, _ = get(f"http://127.0.0.1:{port}/api/v1/query?{query}")
        except urllib.error.HTTPError as error:
            if error.code == 503:
                raise ConnectionError("prometheus is starting") from error
            raise SystemExit(f"{expression}: {error.read().decode()}") from error
        return json.loads(text)["data"]["result"]

    try:
        until("prometheus has collected", lambda: answer('up{job="mission-control"} == 1'))
        # Clerk is asked about the same person once in ten seconds.
        for _ in range(5):
            server.be_used()
            time.sleep(2.5)
        faults = 0
        for name, expression, must_answer in expressions():
            found = answer(expression)
            # A quotient of nothing by nothing is no answer.
            has_value = any(sample["value"][1] != "NaN" for sample in found)
            if must_answer and not has_value:
                faults += 1
                print(f"no answer: {name}: {expression} {found}")
        firing = [sample["metric"]["alertname"] for sample in answer('ALERTS{alertstate="firing"}')]
        print(f"{len(list(expressions()))} expressions, {faults} without an answer, firing: {firing}")
        return faults == 0 and not firing
    finally:
        prometheus.terminate()
        prometheus.wait()


def main():
    check_rules()
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        server = Server(sys.argv[1], directory)
        try:
            server.be_used()
            check_form(server)
            is_well = ask_everything(server, directory)
        finally:
            server.process.terminate()
            server.process.wait()
    sys.exit(0 if is_well else 1)


main()
