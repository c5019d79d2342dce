"""What a release must be, tried on what was built: see tests/deploy/run."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
import tomllib
import urllib.error
import urllib.request

import kubernetes_validate
import yaml

PACKAGES, WORK = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["version"]
BINARY = PACKAGES / "mission-control"
TOKEN = "b7Qd2mVx9Lk4Rz8Tn1Wc6Yp3Hs5Jf0GaEuOiKvNxMwQyZtRb-local"
MIB = 1024 * 1024
failures = 0


def tell(holds, what):
    global failures
    failures += not holds
    print(f"{'ok    ' if holds else 'FAILED'} {what}", flush=True)


def one(pattern):
    (found,) = PACKAGES.glob(pattern)
    return found


def run(*command, **more):
    return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)


def image():
    """The image as it is read by an engine; unpacked into a folder."""
    tar = one("*-image.tar")
    tell(tar.stat().st_size < 40 * MIB, f"image: {tar.stat().st_size / MIB:.1f} MiB, under 40")
    digests = []
    for turn, epoch in enumerate(["", "", "1700000000"]):
        again = WORK / f"image-{turn}.tar"
        environment = {**os.environ, **({"SOURCE_DATE_EPOCH": epoch} if epoch else {})}
        made = subprocess.check_output([ROOT / "deploy/image", BINARY, again], text=True, env=environment)
        digests.append((made.strip(), hashlib.sha256(again.read_bytes()).hexdigest()))
    tell(digests[0] == digests[1] != digests[2], f"image: made twice {digests[0][0]}, and another at another time")
    tell(one("*-image.digest").read_text().strip() == digests[0][0], "image: and it is the one that was built")

    layout = WORK / "layout"
    with tarfile.open(tar) as archive:
        archive.extractall(layout)
    blobs = {file.name: file.read_bytes() for file in (layout / "blobs/sha256").iterdir()}
    tell(all(hashlib.sha256(blob).hexdigest() == name for name, blob in blobs.items()), "image: blobs are what their names say")
    load = lambda descriptor: blobs[descriptor["digest"].removeprefix("sha256:")]
    manifest = json.loads(load(json.loads((layout / "index.json").read_text())["manifests"][0]))
    config = json.loads(load(manifest["config"]))["config"]
    tell(config["User"].split(":")[0].isdigit() and not config["User"].startswith("0"), f"image: runs as {config['User']}")
    tell(config["Healthcheck"]["Test"] == ["CMD", "/mission-control", "healthcheck"], "image: has a health check")
    root = WORK / "root"
    for layer in manifest["layers"]:
        file = WORK / "layer"
        file.write_bytes(load(layer))
        root.mkdir(exist_ok=True)
        subprocess.check_call(["tar", "-xzpf", file, "-C", root])
    legacy = json.loads((layout / "manifest.json").read_text())[0]
    tell(legacy["Layers"] == ["blobs/" + layer["digest"].replace(":", "/") for layer in manifest["layers"]], "image: `docker load` of old reads the same layers")
    files = {str(file.relative_to(root)) for file in root.rglob("*") if not file.is_dir()}
    known = {"LICENSE", "mission-control", "etc/passwd", "etc/group", "etc/ssl/certs/ca-certificates.crt"}
    tell(files == known, f"image: holds {sorted(files)} and nothing else")
    count = (root / "etc/ssl/certs/ca-certificates.crt").read_text().count("BEGIN CERTIFICATE")
    tell(count > 100, f"image: {count} certificate authorities")
    data = (root / "data").stat()
    tell((data.st_uid, data.st_mode & 0o777) == (65532, 0o700), "image: /data is the user's alone")
    return root, dict(pair.split("=", 1) for pair in config["Env"])


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(port, path, body=None):
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body and json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


class Server:
    """The server in the image, and how long it took to be ready."""

    def __init__(self, root, environment, data, wrapper=()):
        self.port = free_port()
        self.variables = {
            **environment, "HOST": "127.0.0.1", "PORT": str(self.port), "AUTH_MODE": "local", "DRAIN_DELAY": "0",
            "LOCAL_AUTH_TOKEN": TOKEN, "LOG_FORMAT": "json", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        }
        self.inside = ["unshare", "--mount", ROOT / "tests/deploy/in-image", root, data]
        self.log = open(WORK / "server.log", "a")
        # The namespace is there before time is taken.
        started = WORK / "started"
        started.unlink(missing_ok=True)
        self.process = subprocess.Popen([*wrapper, *self.inside, "/mission-control", "serve"], env=self.variables, stdout=self.log, stderr=self.log)
        program = None
        while self.process.poll() is None:
            program = program or self.begun()
            try:
                ask(self.port, "/readyz")
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.001)
        self.took = time.clock_gettime(time.CLOCK_BOOTTIME) - (program or 0)

    def begun(self):
        """When the program replaced the scripts that lead to it, as soon as it has."""
        try:
            if os.readlink(f"/proc/{self.process.pid}/exe").endswith("/mission-control"):
                return time.clock_gettime(time.CLOCK_BOOTTIME)
        except OSError:
            pass
        return None

    def inside_run(self, *command):
        return run(*self.inside, *command, env=self.variables)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def data_folder(name):
    folder = WORK / name
    folder.mkdir(exist_ok=True)
    os.chown(folder, 65532, 65532)
    folder.chmod(0o700)
    return folder


def read_only_root(root, environment):
    times, ends = [], []
    data = data_folder("data")
    for _ in range(9):
        server = Server(root, environment, data)
        times.append(server.took)
        ends.append(server.stop())
    best, middle = min(times) * 1000, sorted(times)[4] * 1000
    tell(best < 100, f"read-only root: ready in {best:.0f} ms at best, {middle:.0f} ms in the middle of nine starts; under 100")
    tell(ends == [0] * 9, "read-only root: ends with 0 after SIGTERM")
    server = Server(root, environment, data)
    me = ask(server.port, "/graphql", {"query": "{ me { clerkUserId memberships { totalCount } } }"})
    tell(me == {"data": {"me": {"clerkUserId": "local-auth-user", "memberships": {"totalCount": 1}}}}, f"read-only root: answers {json.dumps(me)}")
    with_command = "healthcheck" in run(BINARY, "--help").stdout
    if with_command:
        tell(server.inside_run("/mission-control", "healthcheck").returncode == 0, "read-only root: healthcheck says ready")
    server.stop()
    if with_command:
        tell(server.inside_run("/mission-control", "healthcheck").returncode == 1, "read-only root: healthcheck says that nothing answers")
    else:
        print("------ this build has no `healthcheck`, so the image's health check was not tried")
    tell("a panic" not in (WORK / "server.log").read_text(), "read-only root: no panic in the log")
    modes = {file.name: file.stat().st_mode & 0o777 for file in data.iterdir()}
    tell(set(modes.values()) == {0o600}, f"read-only root: private files {modes}")


def system_calls(root, environment):
    """What the server asks of the kernel from start to end is what the unit allows it."""
    unit = (ROOT / "deploy/systemd/mission-control.service").read_text()
    allowed = set()
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit, re.M):
        names = line.removeprefix("~").split()
        listed = {name for group in names for name in expand(group)}
        allowed = allowed - listed if line.startswith("~") else allowed | listed
    trace = WORK / "trace"
    server = Server(root, environment, data_folder("traced"), ("strace", "-f", "-qq", "-o", trace))
    ask(server.port, "/graphql", {"query": "mutation { updateProfile(input: { notes: \"x\" }) { user { id } } }"})
    # The tracer passes no signal on.
    program = int(run("pgrep", "-f", "-P", str(server.process.pid), "mission-control").stdout.split()[0])
    os.kill(program, signal.SIGTERM)
    server.process.wait(30)
    text = trace.read_text()
    own = text[text.index('execve("/mission-control"'):]
    used = set(re.findall(r"^\d+ +([a-z0-9_]+)\(", own, re.M)) - {"execve"}
    tell(len(used) > 30 and used <= allowed, f"unit: {len(used)} system calls used, not allowed: {sorted(used - allowed)}")


def expand(group):
    if not group.startswith("@"):
        return {group}
    lines = [line.strip() for line in run("systemd-analyze", "syscall-filter", "--no-pager", group).stdout.splitlines()]
    names = [line for line in lines[1:] if line and not line.startswith("#")]
    return {name for line in names for name in expand(line)}


def unit():
    system = WORK / "system"
    subprocess.check_call(["dpkg-deb", "-x", one("*.deb"), system])
    service = "mission-control.service"
    folder = next(system.rglob(service)).parent
    for target in pathlib.Path("/usr/lib/systemd/system").glob("*.target"):
        shutil.copy(target, folder)
    verified = run("systemd-analyze", "verify", "--man=false", f"--root={system}", service)
    tell(verified.returncode == 0 and not verified.stdout.strip(), f"unit: verified {verified.stdout.strip()}")
    # A tenth of a unit is one of 100, so 15 is 1.5.
    report = run("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15", f"--root={system}", service)
    figure = re.search(r"exposure level[^:]*: ([0-9.]+)", report.stdout)
    tell(report.returncode == 0 and float(figure[1]) <= 1.5, f"unit: exposure {figure[1]}, at most 1.5")


def package():
    """The package in a Debian of its own: installed, as its user, removed, purged."""
    system = WORK / "debian"
    fields = run("dpkg-deb", "--field", one("*.deb")).stdout
    tell(f"Version: {VERSION}" in fields, f"package: {one('*.deb').stat().st_size / MIB:.1f} MiB, version {VERSION}")
    made = run("debootstrap", "--variant=minbase", "--include=systemd,ca-certificates", debian_release(), system)
    if made.returncode != 0:
        tell(False, f"package: no Debian to try it in: {made.stdout[-300:]}")
        return
    shutil.copy(one("*.deb"), system / "mission-control.deb")
    inside = lambda *command: run("chroot", system, *command, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"})
    installed = inside("dpkg", "-i", "/mission-control.deb")
    tell(installed.returncode == 0, f"package: installs {installed.stdout[-300:] if installed.returncode else ''}")
    tell(inside("mission-control", "--version").stdout.strip() == f"mission-control {VERSION}", "package: the program runs")
    user = inside("getent", "passwd", "mission-control").stdout.strip()
    tell(user.endswith("/usr/sbin/nologin"), f"package: the user is there: {user}")
    settings = system / "etc/mission-control/mission-control.env"
    tell(settings.stat().st_mode & 0o777 == 0o600, "package: the settings are root's alone")
    enabled = inside("systemctl", "is-enabled", "mission-control").stdout.strip()
    tell(enabled == "disabled", f"package: the service waits for its settings: {enabled}")
    settings.write_text("AUTH_MODE=local\n")
    inside("dpkg", "-i", "/mission-control.deb")
    tell(settings.read_text() == "AUTH_MODE=local\n", "package: an upgrade keeps the settings")
    inside("dpkg", "-r", "mission-control")
    tell(settings.exists() and not (system / "usr/bin/mission-control").exists(), "package: removing it keeps the settings")
    purged = inside("dpkg", "-P", "mission-control")
    tell(purged.returncode == 0 and not settings.parent.exists(), "package: purging it removes them")


def debian_release():
    """A release whose packages are where this machine gets its own."""
    words = dict(line.split("=", 1) for line in pathlib.Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return words.get("VERSION_CODENAME", "stable").strip('"')


def manifests():
    build = ["kubectl", "kustomize"] if shutil.which("kubectl") else ["kustomize", "build"]
    for variant, replicas in (("sqlite", 1), ("postgres", 2)):
        text = subprocess.check_output([*build, ROOT / "deploy/kubernetes" / variant], text=True)
        objects = {thing["kind"]: thing for thing in yaml.safe_load_all(text)}
        for thing in objects.values():
            try:
                kubernetes_validate.validate(thing, "1.30", strict=True)
            except kubernetes_validate.ValidationError as error:
                tell(False, f"kubernetes/{variant}: {thing['kind']}: {error.message}")
        deployment = objects["Deployment"]["spec"]
        pod = deployment["template"]["spec"]
        (container,) = pod["containers"]
        paths = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
        tell(paths == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}, f"kubernetes/{variant}: probes {paths}")
        ports = {port["name"] for port in container["ports"]}
        tell(
            objects["Service"]["spec"]["ports"][0]["targetPort"] in ports
            and all(container[f"{name}Probe"]["httpGet"]["port"] in ports for name in paths),
            f"kubernetes/{variant}: service and probes name a port that is there",
        )
        labels = deployment["template"]["metadata"]["labels"]
        selectors = [
            objects["Service"]["spec"]["selector"],
            deployment["selector"]["matchLabels"],
            objects["NetworkPolicy"]["spec"]["podSelector"].get("matchLabels"),
        ]
        if "PodDisruptionBudget" in objects:
            selectors.append(objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"])
        tell(all(selector == labels for selector in selectors), f"kubernetes/{variant}: everything selects these pods, and only them")
        security, own = pod["securityContext"], container["securityContext"]
        tell(
            security["runAsNonRoot"] and security["seccompProfile"] == {"type": "RuntimeDefault"}
            and own == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
            f"kubernetes/{variant}: the restricted pod security standard, and a read-only root",
        )
        tell(deployment["replicas"] == replicas, f"kubernetes/{variant}: {replicas} of it")
        tell(container["image"] == f"mission-control:{VERSION}", f"kubernetes/{variant}: image {container['image']}")


def compose():
    services = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]
    api = services["api"]
    tell(
        api["read_only"] and api["cap_drop"] == ["ALL"] and api["security_opt"] == ["no-new-privileges:true"]
        and services["postgres"]["profiles"] == ["postgres"] and not api["depends_on"]["postgres"]["required"],
        "compose: SQLite alone without the profile; no rights, read-only root",
    )
    tell(f":-{VERSION}}}" in api["image"], f"compose: image {api['image']}")


def materials():
    """The list of what is inside is what Cargo.lock says of this target."""
    list_ = json.loads((PACKAGES / "sbom.cdx.json").read_text())
    listed = {(part["name"], part["version"]): part for part in list_["components"]}
    lock = {(part["name"], part["version"]): part for part in tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]}
    target = one("*.tar.gz").name.removeprefix(f"mission-control-{VERSION}-").removesuffix(".tar.gz")
    tree = subprocess.check_output(
        ["cargo", "tree", "--locked", "--prefix=none", "--edges=normal,build", f"--target={target}", "--features=embedded-ui", "--format={p}"],
        text=True, cwd=ROOT,
    )
    wanted = {(line.split()[0], line.split()[1].removeprefix("v")) for line in tree.splitlines() if line} - {("mission-control", VERSION)}
    tell(len(wanted) > 200 and set(listed) == wanted, f"SBOM: {len(listed)} crates, those of the dependency tree; differ: {sorted(set(listed) ^ wanted)[:5]}")
    sums = [part["hashes"][0]["content"] == lock[key]["checksum"] for key, part in listed.items()]
    tell(all(sums), "SBOM: versions and checksums are those of Cargo.lock")
    licences = [key for key, part in listed.items() if not part.get("licenses")]
    tell(not licences, f"SBOM: everything has a licence {licences}")


def archive():
    file = one("*.tar.gz")
    tell(file.stat().st_size < 15 * MIB, f"archive: {file.stat().st_size / MIB:.1f} MiB, under 15")
    again = WORK / file.name
    subprocess.check_call([ROOT / "deploy/archive", BINARY, PACKAGES / "sbom.cdx.json", again])
    tell(again.read_bytes() == file.read_bytes(), "archive: the same bytes again")
    subprocess.check_call(["tar", "-xzf", file, "-C", WORK])
    top = WORK / file.name.removesuffix(".tar.gz")
    tell(run(top / "mission-control", "--version").stdout == f"mission-control {VERSION}\n", "archive: the program runs")
    tell((top / "schema.graphql").read_text() == run(top / "mission-control", "schema").stdout, "archive: the schema is that of the program")
    tell(run("sha256sum", "--check", "--quiet", "SHA256SUMS", cwd=PACKAGES).returncode == 0, "checksums hold")
    names = set(re.findall(r"  (.*)", (PACKAGES / "SHA256SUMS").read_text()))
    tell(names == {one(p).name for p in ("*.tar.gz", "*-image.tar", "*.deb", "sbom.cdx.json")}, "checksums: of everything")
    program = BINARY.read_bytes()
    home = os.path.expanduser("~").encode()
    tell(program.count(home + b"/.cargo") == 0 and bytes(ROOT) not in program, "the program names no path of the machine that built it")


def main():
    root, environment = image()
    read_only_root(root, environment)
    system_calls(root, environment)
    archive()
    unit()
    package()
    manifests()
    compose()
    materials()
    print(f"{failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
