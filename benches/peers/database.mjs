// The rows that `me` needs, from the product's own database, by the drivers that Node's servers use: one
// statement for the user, and one for each batch of a loader.

import Database from "better-sqlite3";
import pg from "pg";

const USER = "SELECT id, email, name, preferred_name FROM users WHERE clerk_user_id = ";
const MEMBERSHIPS =
  "SELECT id, user_id, organization_id, role FROM organization_members WHERE user_id IN ";
const ORGANIZATIONS = "SELECT id, name FROM organizations WHERE id IN ";
const IN_ORDER = " ORDER BY created_at, id";

/** Opens `sqlite:PATH` or `postgres://…` for reading. */
export function open(url) {
  return url.startsWith("sqlite:") ? sqlite(url.slice("sqlite:".length)) : postgres(url);
}

function sqlite(path) {
  const database = new Database(path, { readonly: true });
  const prepared = new Map();
  const all = (sql, values) => {
    if (!prepared.has(sql)) prepared.set(sql, database.prepare(sql));
    return prepared.get(sql).all(values);
  };
  const list = (ids) => `(${ids.map(() => "?").join(", ")})`;
  return {
    findUser: async (clerkId) => all(`${USER}?`, [clerkId])[0],
    membershipsOf: async (users) => all(`${MEMBERSHIPS}${list(users)}${IN_ORDER}`, users),
    organizations: async (ids) => all(`${ORGANIZATIONS}${list(ids)}`, ids),
  };
}

function postgres(connectionString) {
  // As many connections as the product takes.
  const pool = new pg.Pool({ connectionString, max: 10 });
  // With a name a statement is prepared once for each connection.
  const all = async (name, text, values) => (await pool.query({ name, text, values })).rows;
  return {
    findUser: async (clerkId) => (await all("user", `${USER}$1`, [clerkId]))[0],
    membershipsOf: (users) => all("members", `${MEMBERSHIPS}(SELECT unnest($1::uuid[]))${IN_ORDER}`, [users]),
    organizations: (ids) => all("organizations", `${ORGANIZATIONS}(SELECT unnest($1::uuid[]))`, [ids]),
  };
}
