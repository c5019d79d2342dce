// Pages of another origin, with the headers that their tools add, in a real Chromium: the browser asks
// before it sends (CORS), and what it is not granted is lost.

import assert from "node:assert/strict";
import http from "node:http";
import { after, before, test } from "node:test";
import { LOCAL_TOKEN, PLAIN, launch, newPage, serve } from "./support.mjs";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";

/** What the tools of a page put on its requests. */
const TOOLS = {
  "a bare fetch": {},
  "Apollo Client's client awareness": {
    "apollographql-client-name": "web", "apollographql-client-version": "1.4.2",
    "apollo-require-preflight": "true",
  },
  "Apollo Kotlin and iOS": {
    "x-apollo-operation-id": "d2f0", "x-apollo-operation-name": "Me", "apollographql-client-name": "app",
  },
  Sentry: { "sentry-trace": `${TRACE}-1`, baggage: "sentry-environment=production,sentry-release=web%401.4.2" },
  OpenTelemetry: { traceparent: `00-${TRACE}-01`, tracestate: "vendor=1" },
  Datadog: { "x-datadog-trace-id": "1", "x-datadog-parent-id": "2", "x-datadog-sampling-priority": "1" },
  Insomnia: { "x-insomnia-version": "11.2.0" },
  axios: { "x-requested-with": "XMLHttpRequest" },
  "a reload that wants no cache": { "cache-control": "no-cache", pragma: "no-cache" },
};

const BODIES = {
  "a query": { query: "{ me { name } }" },
  "Insomnia's unnamed query": { query: "{ me { name } }", variables: {}, operationName: "" },
  "Apollo Client's query": {
    operationName: "Me", variables: {}, query: "query Me {\n  me {\n    name\n    __typename\n  }\n}",
    extensions: { clientLibrary: { name: "@apollo/client", version: "4.3.8" } },
  },
};

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** An empty page on an origin of its own. */
function origin(t) {
  return new Promise((resolve) => {
    const server = http.createServer((_, response) => {
      response.setHeader("content-type", "text/html");
      response.end("<!doctype html><link rel=icon href=data:,><title>An application</title>");
    });
    server.listen(0, "127.0.0.1", () => {
      t.after(() => server.close());
      resolve(`http://127.0.0.1:${server.address().port}`);
    });
  });
}

/** What the page gets: the answer with the headers it may read, or the browser's refusal. */
function ask(page, url, method, headers, body) {
  return page.evaluate(async ([url, method, headers, body]) => {
    try {
      const response = await fetch(url, {
        method, headers, body: body && JSON.stringify(body), credentials: "include",
      });
      const requestId = response.headers.get("x-request-id");
      return { status: response.status, requestId, body: await response.json() };
    } catch (error) {
      return { refused: String(error) };
    }
  }, [url, method, headers, body]);
}

test("a listed origin sends what its tools add, and another origin reads nothing", async (t) => {
  const [listed, other] = await Promise.all([origin(t), origin(t)]);
  const settings = { AUTH_MODE: "local", LOCAL_AUTH_TOKEN: LOCAL_TOKEN, CORS_ORIGINS: listed };
  const server = await serve(t, PLAIN, "serve", settings);
  const signed = { "content-type": "application/json", authorization: `Bearer ${LOCAL_TOKEN}` };
  const hosts = [listed, other].map((url) => new URL(url).host);
  const page = await newPage(t, browser, server, { hosts });
  await page.goto(listed);
  for (const [tool, headers] of Object.entries(TOOLS)) {
    for (const [kind, body] of Object.entries(BODIES)) {
      const answer = await ask(page, `${server.url}/graphql`, "POST", { ...signed, ...headers }, body);
      assert.equal(answer.status, 200, `${tool}, ${kind}: ${JSON.stringify(answer)}`);
      assert.equal(answer.body.data.me.name, "Local User", `${tool}, ${kind}`);
      assert.ok(answer.requestId, `${tool}: the page reads X-Request-Id`);
    }
    for (const [method, path, body] of [
      ["GET", "/api/v1/users/me", undefined],
      ["PATCH", "/api/v1/users/me", { notes: tool }],
    ]) {
      const answer = await ask(page, `${server.url}${path}`, method, { ...signed, ...headers }, body);
      assert.equal(answer.status, 200, `${tool}, ${method}: ${JSON.stringify(answer)}`);
    }
  }
  page.check();

  const stranger = await newPage(t, browser, server, { hosts, mayComplain: true });
  await stranger.goto(other);
  const answer = await ask(stranger, `${server.url}/graphql`, "POST", signed, BODIES["a query"]);
  assert.match(answer.refused ?? JSON.stringify(answer), /Failed to fetch/);
});
