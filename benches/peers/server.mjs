// One of the peers: `node server.mjs apollo|yoga|mercurius PORT DATABASE`, each as its own documentation puts
// it into production.

import http from "node:http";
import { open } from "./database.mjs";
import { context, resolvers, typeDefs } from "./schema.mjs";

const [kind, port, url] = process.argv.slice(2);
const database = open(url);

/** Express with `expressMiddleware`; NODE_ENV=production turns introspection and stack traces off. */
async function apollo() {
  const { ApolloServer } = await import("@apollo/server");
  const { ApolloServerPluginLandingPageDisabled } = await import("@apollo/server/plugin/disabled");
  const { expressMiddleware } = await import("@as-integrations/express5");
  const { default: express } = await import("express");
  const server = new ApolloServer({
    typeDefs, resolvers, cache: "bounded", plugins: [ApolloServerPluginLandingPageDisabled()],
  });
  await server.start();
  const app = express();
  app.disable("x-powered-by");
  app.use("/graphql", express.json(), expressMiddleware(server, {
    context: ({ req }) => context(database, req.headers.authorization),
  }));
  http.createServer(app).listen(port, "127.0.0.1");
}

/** `createYoga` on Node's server; it caches parsing and validation by itself. */
async function yoga() {
  const { createSchema, createYoga } = await import("graphql-yoga");
  const server = createYoga({
    schema: createSchema({ typeDefs, resolvers }),
    context: ({ request }) => context(database, request.headers.get("authorization")),
    graphiql: false, landingPage: false, logging: false,
  });
  http.createServer(server).listen(port, "127.0.0.1");
}

/** Fastify with its just-in-time compiler from the first repetition of a query on. */
async function mercurius() {
  const { default: fastify } = await import("fastify");
  const { default: plugin } = await import("mercurius");
  const { makeExecutableSchema } = await import("@graphql-tools/schema");
  const app = fastify();
  await app.register(plugin, {
    schema: makeExecutableSchema({ typeDefs, resolvers }),
    context: (request) => context(database, request.headers.authorization),
    jit: 1, graphiql: false,
  });
  await app.listen({ port: Number(port), host: "127.0.0.1" });
}

await { apollo, yoga, mercurius }[kind]();
