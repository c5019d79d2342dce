// Makes a request smaller as long as it shows what it was kept for.

import { Kind, parse, print, visit } from "graphql";

const TOKEN = /\s*(?:"""(?:\\"""|[^"]|"(?!""))*"""|"(?:\\.|[^"\\\n])*"|\.\.\.|[\w.+-]+|#[^\n]*\n?|.)/gsu;

/** What becomes of a node that lost a part of it: what lost its value goes, and a directive without argument. */
const REST = {
  [Kind.ARGUMENT]: (node) => (node.value ? undefined : null),
  [Kind.OBJECT_FIELD]: (node) => (node.value ? undefined : null),
  [Kind.VARIABLE_DEFINITION]: (node) => (node.variable ? undefined : null),
  [Kind.DIRECTIVE]: (node) => (node.arguments?.length ? undefined : null),
  [Kind.SELECTION_SET]: (node) => (node.selections.length ? undefined : { ...node, selections: [TYPENAME] }),
};

/** A tree without a fragment or a variable, wherever it is defined or used. */
function without(ast, isUnwanted) {
  return visit(structuredClone(ast), {
    enter: (node) => (isUnwanted(node) ? null : undefined),
    leave: (node) => REST[node.kind]?.(node),
  });
}

const TYPENAME = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: "__typename" } };

/** The trees that lack one part of this one. */
function* smallerTrees(ast) {
  for (const definition of ast.definitions) {
    const label = definition.name?.value;
    const isFragment = ({ kind, name }) => /^Fragment/.test(kind) && name.value === label;
    if (definition.kind === Kind.FRAGMENT_DEFINITION) yield without(ast, isFragment);
    for (const { variable } of definition.variableDefinitions ?? []) {
      yield without(ast, ({ kind, name }) => kind === Kind.VARIABLE && name.value === variable.name.value);
    }
  }
  const parts = [];
  const walk = (node) => {
    for (const [key, value] of Object.entries(node)) {
      if (key === "loc") continue;
      if (Array.isArray(value)) value.forEach((_, index) => parts.push([value, index]));
      else if (["alias", "typeCondition", "defaultValue", "name"].includes(key) && value) parts.push([node, key]);
      for (const child of Array.isArray(value) ? value : [value]) {
        if (child && typeof child === "object") walk(child);
      }
    }
  };
  walk(ast);
  for (const [holder, key] of parts) {
    if (Array.isArray(holder)) {
      const [removed] = holder.splice(key, 1);
      yield ast;
      // In place of a field or fragment: what is in it.
      if (removed.selectionSet) {
        holder.splice(key, 0, ...removed.selectionSet.selections);
        yield ast;
        holder.splice(key, removed.selectionSet.selections.length);
      }
      holder.splice(key, 0, removed);
    } else {
      const removed = holder[key];
      holder[key] = undefined;
      yield ast;
      holder[key] = removed;
    }
  }
}

/** The requests that lack a variable, a name, or a part of the tree of the document. */
function* smallerRequests(request) {
  const { query, variables, operationName } = request;
  if (operationName !== undefined) yield { ...request, operationName: undefined };
  if (variables !== undefined) yield { ...request, variables: undefined };
  for (const key of Object.keys(variables ?? {})) {
    const { [key]: _, ...rest } = variables;
    yield { ...request, variables: rest };
  }
  let ast;
  try {
    ast = parse(query, { noLocation: true });
  } catch {
    return; // It does not parse; its tokens are removed afterwards.
  }
  for (const tree of smallerTrees(ast)) {
    const text = print(tree).replace(/\s+/g, " ");
    if (text.length < query.length) yield { ...request, query: text };
  }
}

/** The index behind the bracket that closes the one at `at`. */
function behindGroup(tokens, at) {
  let depth = 0;
  for (let index = at; index < tokens.length; index += 1) {
    if (/^\s*[{([]$/.test(tokens[index])) depth += 1;
    else if (/^\s*[})\]]$/.test(tokens[index]) && (depth -= 1) === 0) return index + 1;
  }
  return at;
}

/** A smallest request that `holds`, found with at most `tries` calls of it. */
export async function shrink(request, holds, tries = 3000) {
  let smallest = request;
  const take = async (candidate) => {
    if ((tries -= 1) < 0 || !(await holds(candidate))) return false;
    smallest = candidate;
    return true;
  };
  for (let isSmaller = true; isSmaller && tries > 0; ) {
    isSmaller = false;
    for (const candidate of smallerRequests(smallest)) {
      if (await take(candidate)) {
        isSmaller = true;
        break;
      }
    }
  }
  let tokens = smallest.query.match(TOKEN) ?? [];
  const takeTokens = async (candidate) => {
    if (!(await take({ ...smallest, query: candidate.join("") }))) return false;
    tokens = candidate;
    return true;
  };
  for (let length = Infinity; tokens.length < length && tries > 0; ) {
    length = tokens.length;
    for (let at = 0; at < tokens.length; at += 1) {
      const end = behindGroup(tokens, at);
      if (end > at) {
        await takeTokens(tokens.toSpliced(at, end - at));
      }
    }
    for (const size of [8, 4, 2, 1]) {
      for (let at = 0; at < tokens.length; ) {
        if (!(await takeTokens(tokens.toSpliced(at, size)))) at += 1;
      }
    }
  }
  for (let at = 0; at < tokens.length; at += 1) {
    const bare = tokens[at].trimStart();
    if (bare !== tokens[at]) await takeTokens(tokens.with(at, bare));
  }
  return smallest;
}
