// What graphql-js makes of a request: refused at a stage, or executed over the rows that the server showed.

import {
  GraphQLFloat,
  GraphQLSchema,
  OperationTypeNode,
  buildSchema,
  execute,
  getOperationAST,
  getVariableValues,
  parse,
  validate,
} from "graphql";

/** Everything that one person sees, read from the server. */
const PERSON = `
  query Everything {
    serverInfo { name version authMode }
    me {
      ...Account
      activeOrganization { id }
      memberships(first: 100) { edges { cursor node { id organization { id } } } }
    }
  }
  fragment Account on User {
    id clerkUserId email name preferredName displayName pronouns timezone notes context isSuperAdmin createdAt updatedAt
  }
`;
const ORGANIZATION = `
  query Organization($id: ID!) {
    organization(id: $id) {
      id clerkOrganizationId name viewerRole createdAt updatedAt
      members(first: 100) {
        edges {
          cursor
          node {
            id role name preferredName displayName email isViewer createdAt updatedAt
            organization { id }
          }
        }
      }
    }
  }
`;

/** Reads all rows that a person sees; `ask` answers the data of a query. */
export async function readRows(ask) {
  const { serverInfo, me } = await ask(PERSON);
  const byId = new Map();
  const add = (typename, row) => byId.set(row.id, { __typename: typename, ...row }).get(row.id);
  const organizations = me.memberships.edges.map(({ node }) => node.organization.id);
  for (const id of organizations) {
    const { organization } = await ask(ORGANIZATION, { id });
    const { members, ...row } = organization;
    const added = add("Organization", row);
    added.list = members.edges.map(({ cursor, node }) => ({
      cursor,
      node: Object.assign(add("OrganizationMember", node), { organization: added }),
    }));
  }
  const { memberships, activeOrganization, ...account } = me;
  const user = add("User", account);
  user.activeOrganization = byId.get(activeOrganization?.id) ?? null;
  user.list = memberships.edges.map(({ cursor, node }) => ({ cursor, node: byId.get(node.id) }));
  const cursors = [...byId.values()].flatMap(({ list = [] }) => list.map(({ cursor }) => cursor));
  return { serverInfo, user, byId, cursors: [...new Set(cursors)] };
}

/** One page of a list, as the schema describes it. */
function page(list, { first, after }, cursors) {
  if (first < 1 || first > 100) throw new Error("`first` is out of range");
  if (after != null && !cursors.includes(after)) throw new Error("`after` is not a cursor");
  // A cursor is a position: time and id, whose bytes sort as they do.
  const position = (cursor) => Buffer.from(cursor, "base64url");
  const rest = after == null ? list : list.filter(({ cursor }) => position(cursor).compare(position(after)) > 0);
  const edges = rest.slice(0, first);
  return {
    edges,
    nodes: edges.map(({ node }) => node),
    pageInfo: {
      hasNextPage: rest.length > edges.length,
      hasPreviousPage: after != null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
    totalCount: list.length,
  };
}

/** The code that says at which stage a request was refused. */
export const STAGES = {
  parse: "GRAPHQL_PARSE_FAILED",
  validate: "GRAPHQL_VALIDATION_FAILED",
  operation: "OPERATION_RESOLUTION_FAILURE",
  coerce: "BAD_USER_INPUT",
};

/** Mutations that leave everything as it is. */
const IDLE = new Set(["__typename", "bootstrap"]);

/** A text that may hold a mutation which changes something: a pattern of all their names. */
export const changing = (schema) =>
  new RegExp(Object.keys(schema.getMutationType().getFields()).filter((name) => !IDLE.has(name)).join("|"));

const PUBLIC = new Set(["__typename", "__schema", "__type", "serverInfo"]);

/** The root fields of an operation, whatever its directives say. */
function rootFields(document, operation) {
  const fragments = new Map(
    document.definitions.filter(({ kind }) => kind === "FragmentDefinition").map((node) => [node.name.value, node]),
  );
  const fields = new Set();
  const seen = new Set();
  const walk = ({ selections }) => {
    for (const selection of selections) {
      if (selection.kind === "Field") fields.add(selection.name.value);
      else if (selection.kind === "InlineFragment") walk(selection.selectionSet);
      else if (!seen.has(selection.name.value)) {
        seen.add(selection.name.value);
        walk(fragments.get(selection.name.value).selectionSet);
      }
    }
  };
  walk(operation.selectionSet);
  return fields;
}

/** graphql-js over the schema of the server and rows read from it. */
export class Reference {
  constructor(sdl, rows) {
    // The framework shows all built-in scalars, whether or not a field has one.
    const schema = buildSchema(sdl).toConfig();
    this.schema = new GraphQLSchema({ ...schema, types: [...schema.types, GraphQLFloat] });
    this.rows = rows;
    const list = (parent, args) => page(parent.list, args, rows.cursors);
    // The people of development mode are invited to nothing; in their organizations they are owners and admins.
    const none = (_, args) => page([], args, rows.cursors);
    const find = (id) => rows.byId.get(id) ?? null;
    const resolvers = {
      "Query.serverInfo": () => rows.serverInfo,
      "Query.me": () => rows.user,
      "Query.organization": (_, { id }) => (find(id)?.__typename === "Organization" ? find(id) : null),
      "Query.node": (_, { id }) => find(id),
      "Query.nodes": (_, { ids }) => {
        if (ids.length > 100) throw new Error("too many ids");
        return ids.map(find);
      },
      "Mutation.bootstrap": () => ({ user: rows.user, created: false }),
      "Mutation.updateProfile": (_, { input }, profile) => ({ user: { ...Object.assign(profile, input) }, userErrors: [] }),
      "User.memberships": list,
      "Organization.members": list,
      "User.invitations": none,
      "Organization.invitations": none,
    };
    this.resolve = (parent, args, context, info) => {
      const own = resolvers[`${info.parentType.name}.${info.fieldName}`];
      return own ? own(parent, args, context) : parent[info.fieldName];
    };
  }

  /**
   * What is right for a request: `{ refused, why }` with a code of `STAGES`, or `{ data, errors }`. What
   * ran comes with `fields`, the root fields of the operation, and `kind`, its type. What would change rows
   * is not run (`{ changes }`), except changes of `profile`, if there is one.
   */
  judge({ query, variables, operationName }, profile) {
    let document;
    try {
      document = parse(query);
    } catch (error) {
      return { refused: STAGES.parse, why: error.message };
    }
    const [fault] = validate(this.schema, document, undefined, { maxErrors: 1 });
    // graphql-js leaves the existence of the operation's type (specification 5.2.1) to the execution.
    const missing = document.definitions.find(({ operation }) => operation && !this.schema.getRootType(operation));
    if (fault || missing) {
      const hasOperation = document.definitions.some(({ kind }) => kind === "OperationDefinition");
      const why = fault?.message ?? `there is no ${missing.operation}`;
      return { refused: STAGES.validate, why, hasOperation };
    }
    // An empty name is none, as some clients send it.
    const operation = getOperationAST(document, operationName || undefined);
    if (!operation) return { refused: STAGES.operation, why: `operationName ${operationName}` };
    const about = {
      kind: operation.operation,
      fields: rootFields(document, operation),
    };
    const coerced = getVariableValues(this.schema, operation.variableDefinitions ?? [], variables ?? {}, {
      maxErrors: 1,
    });
    if (coerced.errors) return { refused: STAGES.coerce, why: coerced.errors[0].message, ...about };
    about.isPublic =
      about.kind === OperationTypeNode.MUTATION
        ? [...about.fields].every((name) => name === "__typename")
        : [...about.fields].every((name) => PUBLIC.has(name));
    const isRun = (name) => IDLE.has(name) || (name === "updateProfile" && profile);
    const isChange = about.kind === OperationTypeNode.MUTATION && ![...about.fields].every(isRun);
    if (isChange) return { changes: true, ...about };
    const { data, errors } = execute({
      schema: this.schema,
      document,
      operationName: operationName || undefined,
      variableValues: variables ?? {},
      contextValue: profile,
      fieldResolver: this.resolve,
      typeResolver: (value) => value.__typename,
    });
    return { data, errors: errors ?? [], ...about };
  }
}

/**
 * Where `null` took the place of a value because of errors. Servers may differ in how many errors they
 * report below such a place (specification 6.4.4), not in the place.
 */
export function nulledPlaces(data, errors) {
  const places = errors.map(({ path = [] }) => {
    const place = [];
    let value = data;
    for (const step of path) {
      if (value === null || value === undefined) break;
      place.push(step);
      value = value[step];
    }
    return JSON.stringify(place);
  });
  return [...new Set(places)].sort();
}
