"""The real program and real PostgreSQL clusters, as processes."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One instance of the product, on the same port and in the same folder however often it is started."""

    def __init__(self, binary, directory, settings):
        self.binary, self.directory, self.port = binary, Path(directory), free_port()
        self.directory.mkdir(exist_ok=True)
        self.settings = {"PORT": str(self.port), "LOG_LEVEL": "warn", "LOG_FORMAT": "json", "DRAIN_DELAY": "0", **settings}
        self.log = self.directory / "log"

    def start(self):
        # A limit of file sizes is an error for who writes, not a signal that kills.
        self.process = subprocess.Popen(
            [self.binary, "serve"], cwd=self.directory, env=self.settings, stdout=subprocess.DEVNULL,
            stderr=open(self.log, "ab"), restore_signals=False,
        )

    def run(self, *arguments):
        """Another command of the program, with the same settings."""
        done = subprocess.run(
            [self.binary, *arguments], cwd=self.directory, env=self.settings, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{arguments} ended with {done.returncode}: {done.stderr}"

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        assert code == 0, f"the server ended with {code}"

    def is_running(self):
        return self.process.poll() is None

    def memory(self):
        """In MiB; 0 when it does not run."""
        try:
            text = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return 0
        return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS:")) / 1024


class Cluster:
    """A PostgreSQL cluster in a folder of its own. Its programs refuse to run as root."""

    OPTIONS = {"shared_buffers": "16MB", "min_wal_size": "2MB", "max_wal_size": "8MB", "log_min_messages": "warning"}

    def __init__(self, directory, options=None):
        self.binaries, self.port = Path(os.environ["POSTGRES_BINARIES"]), free_port()
        self.directory, self.data = Path(directory), Path(directory) / "data"
        self.options = {**self.OPTIONS, **(options or {})}
        self.directory.mkdir(exist_ok=True)
        self.own(self.directory)

    def own(self, path):
        if os.geteuid() == 0:
            shutil.chown(path, "postgres")

    def run(self, program, *arguments, check=True):
        owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        done = subprocess.run(
            [*owner, str(self.binaries / program), *arguments], cwd=self.directory, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        assert done.returncode == 0 or not check, f"{program} ended with {done.returncode}: {done.stderr}"

    def make(self, pattern):
        """A copy of a folder that `initdb` made."""
        subprocess.run(["cp", "-a", str(pattern), str(self.data)], check=True)

    def start(self, check=True):
        settings = " ".join(f"-c {name}={value}" for name, value in self.options.items())
        where = f"-p {self.port} -h 127.0.0.1 -k {self.directory} {settings}"
        self.run("pg_ctl", "-D", str(self.data), "-w", "-t", "30", "-l", str(self.directory / "log"), "-o", where, "start", check=check)

    def stop(self, mode="fast", check=True):
        self.run("pg_ctl", "-D", str(self.data), "-w", "-t", "30", "-m", mode, "stop", check=check)

    def processes(self):
        try:
            parent = int((self.data / "postmaster.pid").read_text().split()[0])
            children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        except (OSError, IndexError):
            return []
        return [parent, *map(int, children)]

    def send(self, number):
        """A signal for every process of it, the parent first."""
        for process in self.processes():
            try:
                os.kill(process, number)
            except ProcessLookupError:
                pass

    def is_running(self):
        return bool(self.processes())

    def ask(self, sql):
        """Rows of texts."""
        psql = [str(self.binaries / "psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "tests", "-XAtq"]
        done = subprocess.run([*psql, "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-c", sql], capture_output=True, text=True, check=True)
        return [line.split("|") for line in done.stdout.splitlines()]

    def url(self, port=None):
        return f"postgres://tests@127.0.0.1:{port or self.port}/postgres"


class Address:
    """What leads to the primary, as the virtual address of a cluster does: told where that is."""

    def __init__(self, target):
        self.target, self.is_lost, self.links = target, False, []

    async def start(self):
        self.server = await asyncio.start_server(self.accept, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]

    async def accept(self, reader, writer):
        link = {"writers": [writer], "is_lost": self.is_lost}
        self.links.append(link)
        try:
            if self.is_lost:
                await reader.read()
                return
            there, onward = await asyncio.open_connection("127.0.0.1", self.target)
            link["writers"].append(onward)
            await asyncio.gather(self.pass_on(link, reader, onward), self.pass_on(link, there, writer))
        except OSError:
            pass
        finally:
            for one in link["writers"]:
                one.transport.abort()

    async def pass_on(self, link, reader, writer):
        while data := await reader.read(65536):
            # A host that is lost says nothing, not even that it is gone.
            if not link["is_lost"]:
                writer.write(data)
                await writer.drain()
        if not link["is_lost"]:
            writer.transport.abort()

    def lose(self):
        """The host vanishes without a word; so do connections that are made to it."""
        self.is_lost = True
        for link in self.links:
            link["is_lost"] = True

    def lead_to(self, target):
        self.target, self.is_lost = target, False


async def until(what, is_so, seconds=60):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.05)
