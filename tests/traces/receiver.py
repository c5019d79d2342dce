"""An OTLP receiver over HTTP, and the spans it was sent."""

import asyncio
import gzip

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse


class Span:
    def __init__(self, span, resource):
        self.name, self.kind, self.status = span.name, span.kind, span.status.code
        self.trace, self.id, self.parent = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
        self.begin, self.end = span.start_time_unix_nano, span.end_time_unix_nano
        self.facts, self.resource = facts(span.attributes), resource


def facts(attributes):
    found = {}
    for fact in attributes:
        kind = fact.value.WhichOneof("value")
        found[fact.key] = getattr(fact.value, kind)
    return found


class Receiver:
    """Takes everything, or does what `fault` says: "silence", "500", "redirect"."""

    def __init__(self):
        self.fault, self.server, self.port = None, None, 0
        self.spans, self.bytes, self.heads = [], b"", []

    async def start(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
                body = await reader.readexactly(int(fields["content-length"]))
                self.heads.append(head)
                if self.fault == "silence":
                    await reader.read()
                status, more = {"500": (500, ""), "redirect": (307, "Location: /elsewhere\r\n")}.get(self.fault, (200, ""))
                if status == 200:
                    self.take(head, fields, body)
                answer = ExportTraceServiceResponse().SerializeToString()
                kind = "Content-Type: application/x-protobuf\r\n"
                writer.write(f"HTTP/1.1 {status} Sample\r\n{kind}{more}Content-Length: {len(answer)}\r\n\r\n".encode() + answer)
                await writer.drain()
        except (OSError, EOFError):
            pass
        finally:
            writer.transport.abort()

    def take(self, head, fields, body):
        assert head.startswith("POST /v1/traces HTTP/1.1\r\n"), head
        assert fields["content-type"] == "application/x-protobuf", head
        if fields.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.bytes += body
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = facts(of_resource.resource.attributes)
            for of_scope in of_resource.scope_spans:
                assert of_scope.scope.name == "mission-control", of_scope.scope
                self.spans += [Span(span, resource) for span in of_scope.spans]

    def of(self, trace):
        return [span for span in self.spans if span.trace == trace]
