// Breaks documents: first as trees, then as texts, which are also written in unusual ways.

import { Kind, Lexer, Source, TokenKind, parseType, print, visit } from "graphql";

const name = (value) => ({ kind: Kind.NAME, value });
const NAMES = ["nothing", "id", "name", "me", "User", "Node", "Organization", "Query", "String", "first", "ids", "if", "skip", "v0", "F0", "O0", "on", "null", "true"];
const TYPES = ["ID", "ID!", "[ID!]!", "[ID]", "[[ID!]!]!", "Int", "Int!", "String", "String!", "Boolean", "Boolean!", "[Boolean]", "UpdateProfileInput!", "DeleteUserInput", "User", "AuthMode", "Nothing"];
const VALUES = [
  ["IntValue", "0"], ["IntValue", "1"], ["IntValue", "-0"], ["IntValue", "2147483648"], ["IntValue", "9007199254740993"],
  ["FloatValue", "1.0"], ["FloatValue", "1e2"], ["FloatValue", "-0.5E-3"],
  ["StringValue", "x"], ["StringValue", ""], ["EnumValue", "OWNER"], ["EnumValue", "x"],
  ["BooleanValue", true], ["BooleanValue", false], ["NullValue"],
].map(([kind, value]) => ({ kind, value }));
const LISTS = {
  [Kind.DOCUMENT]: ["definitions"],
  [Kind.SELECTION_SET]: ["selections"],
  [Kind.FIELD]: ["arguments", "directives"],
  [Kind.DIRECTIVE]: ["arguments"],
  [Kind.OPERATION_DEFINITION]: ["variableDefinitions", "directives"],
  [Kind.FRAGMENT_DEFINITION]: ["directives"],
  [Kind.FRAGMENT_SPREAD]: ["directives"],
  [Kind.INLINE_FRAGMENT]: ["directives"],
  [Kind.VARIABLE_DEFINITION]: ["directives"],
  [Kind.LIST]: ["values"],
  [Kind.OBJECT]: ["fields"],
};

/** All nodes of a kind, or that a function accepts. */
function nodes(ast, accepts) {
  const found = [];
  visit(ast, {
    enter(node) {
      if (accepts(node)) found.push(node);
    },
  });
  return found;
}

/** The lists of children in a tree. */
function lists(ast) {
  return nodes(ast, ({ kind }) => LISTS[kind]).flatMap((node) => LISTS[node.kind].map((key) => (node[key] ??= [])));
}

/** Changes a tree in one place. */
export function mutateTree(ast, random) {
  const some = (accepts) => {
    const found = nodes(ast, accepts);
    return found.length ? random.pick(found) : undefined;
  };
  const values = () => [
    ...nodes(ast, ({ kind }) => [Kind.ARGUMENT, Kind.OBJECT_FIELD].includes(kind)).map((node) => [node, "value"]),
    ...nodes(ast, ({ kind }) => kind === Kind.VARIABLE_DEFINITION).map((node) => [node, "defaultValue"]),
    ...nodes(ast, ({ kind }) => kind === Kind.LIST).flatMap(({ values }) => values.map((_, index) => [values, index])),
  ];
  const kinds = {
    rename() {
      const node = some(({ kind }) => kind === Kind.NAME);
      const others = nodes(ast, ({ kind }) => kind === Kind.NAME).map(({ value }) => value);
      if (node) node.value = random.pick(random.chance(0.5) ? others : NAMES);
    },
    remove() {
      const full = lists(ast).filter((list) => list.length);
      if (full.length === 0) return;
      const list = random.pick(full);
      list.splice(random.whole(0, list.length - 1), 1);
    },
    duplicate() {
      const full = lists(ast).filter((list) => list.length);
      if (full.length === 0) return;
      const list = random.pick(full);
      list.splice(random.whole(0, list.length), 0, structuredClone(random.pick(list)));
    },
    move() {
      const full = lists(ast).filter((list) => list.length);
      if (full.length === 0) return;
      const from = random.pick(full);
      const to = random.pick(full.filter((list) => list[0].kind === from[0].kind));
      to.splice(random.whole(0, to.length), 0, structuredClone(random.pick(from)));
    },
    value() {
      const places = values();
      if (places.length === 0) return;
      const [holder, key] = random.pick(places);
      const names = nodes(ast, ({ kind }) => kind === Kind.VARIABLE).map((node) => node.name.value);
      const old = holder[key];
      const choices = [
        () => structuredClone(random.pick(VALUES)),
        () => ({ kind: Kind.VARIABLE, name: name(random.pick([...names, "v0"])) }),
        () => ({ kind: Kind.LIST, values: old ? [old] : [] }),
        () => ({ kind: Kind.OBJECT, fields: old ? [{ kind: Kind.OBJECT_FIELD, name: name("name"), value: old }] : [] }),
        () => structuredClone(random.pick(places)[0].value ?? random.pick(VALUES)),
      ];
      holder[key] = random.pick(choices)();
    },
    type() {
      const node = some(({ kind }) => kind === Kind.VARIABLE_DEFINITION);
      if (node) node.type = parseType(random.pick(TYPES));
    },
    condition() {
      const node = some(({ kind }) => kind === Kind.INLINE_FRAGMENT || kind === Kind.FRAGMENT_DEFINITION);
      if (node) node.typeCondition = { kind: Kind.NAMED_TYPE, name: name(random.pick(["User", "Node", "Organization", "OrganizationMember", "Query", "Mutation", "String", "AuthMode", "Nothing", "DeleteUserInput", "__Type"])) };
    },
    leaf() {
      const node = some(({ kind }) => kind === Kind.FIELD);
      if (!node) return;
      node.selectionSet = node.selectionSet ? undefined : { kind: Kind.SELECTION_SET, selections: [{ kind: Kind.FIELD, name: name(random.pick(["id", "name", "__typename"])) }] };
    },
    field() {
      const node = some(({ kind }) => kind === Kind.SELECTION_SET);
      if (node) node.selections.push({ kind: Kind.FIELD, name: name(random.pick(["id", "name", "updatedAt", "__typename", "__schema", "nothing"])) });
    },
    alias() {
      const node = some(({ kind }) => kind === Kind.FIELD);
      if (node) node.alias = name(random.pick(["id", "name", "x", "a", "__typename"]));
    },
    directive() {
      const node = some(({ kind }) => LISTS[kind]?.includes("directives"));
      if (!node) return;
      const label = random.pick(["skip", "include", "include", "nothing", "deprecated", "specifiedBy", "oneOf"]);
      const key = random.chance(0.9) ? "if" : random.pick(["reason", "url", "unless"]);
      const value = random.chance(0.6) ? { kind: Kind.BOOLEAN, value: random.chance(0.5) } : random.chance(0.5) ? { kind: Kind.VARIABLE, name: name("v0") } : random.pick(VALUES);
      const args = random.chance(0.9) ? [{ kind: Kind.ARGUMENT, name: name(key), value: structuredClone(value) }] : [];
      (node.directives ??= []).push({ kind: Kind.DIRECTIVE, name: name(label), arguments: args });
    },
    spread() {
      const sets = some(({ kind }) => kind === Kind.SELECTION_SET);
      const fragments = nodes(ast, ({ kind }) => kind === Kind.FRAGMENT_DEFINITION);
      if (sets && fragments.length) sets.selections.push({ kind: Kind.FRAGMENT_SPREAD, name: name(random.pick(fragments).name.value) });
    },
    operation() {
      const node = some(({ kind }) => kind === Kind.OPERATION_DEFINITION);
      if (!node) return;
      if (random.chance(0.5)) node.operation = random.pick(["query", "mutation", "subscription"]);
      else node.name = random.chance(0.5) ? undefined : name(random.pick(["O0", "O1", "query"]));
    },
    variable() {
      const node = some(({ kind }) => kind === Kind.OPERATION_DEFINITION);
      if (!node) return;
      const label = random.pick(["v0", "v1", "w"]);
      const definition = { kind: Kind.VARIABLE_DEFINITION, variable: { kind: Kind.VARIABLE, name: name(label) }, type: parseType(random.pick(TYPES)) };
      if (random.chance(0.4)) definition.defaultValue = structuredClone(random.pick(VALUES));
      (node.variableDefinitions ??= []).push(definition);
    },
    unDefault() {
      const node = some(({ kind, defaultValue }) => kind === Kind.VARIABLE_DEFINITION && defaultValue);
      if (node) node.defaultValue = random.chance(0.5) ? undefined : { kind: Kind.NULL };
    },
  };
  random.pick(Object.values(kinds))();
}

/** The text of a tree as a list of tokens, each as it is written. */
export function tokens(ast) {
  const lexer = new Lexer(new Source(print(ast)));
  const found = [];
  for (let token = lexer.advance(); token.kind !== TokenKind.EOF; token = lexer.advance()) {
    found.push(lexer.source.body.slice(token.start, token.end));
  }
  return found;
}

const TOKENS = ["{", "}", "(", ")", "[", "]", "!", "$", "@", ":", "=", "|", "&", "...", "..", ".", "on", "query", "mutation", "fragment", "type", "schema", "scalar S", "null", "true", "x", "0", "01", "-", "1.", "1.0", "1e5", "+1", "0x1", '"x"', '""', '"""b"""', '"open', '"\\q"', '"\\u0041"', '"\\uD83D\\uDE00"', '"\\uD83D"', '"\\u{1F600}"', '"\\u{110000}"', "()", "{}", "[]", "$v0", "@skip", "\u0000", "é", "?", "\\", "'x'", "/"];

/** Changes a list of tokens in one place. */
export function mutateTokens(list, random) {
  const at = random.whole(0, Math.max(0, list.length - 1));
  const kinds = [
    () => list.splice(at, 1),
    () => list.splice(at, 0, list[at] ?? "{"),
    () => list.splice(at, 2, ...list.slice(at, at + 2).reverse()),
    () => list.splice(at, 0, random.pick(TOKENS)),
    () => list.splice(at, 1, random.pick(TOKENS)),
    () => list.splice(at, 2, list.slice(at, at + 2).join("")),
    () => list.splice(at + 1),
  ];
  random.pick(kinds)();
}

/** A string token in other words: with escapes that need not be, or with surrogates. */
function respell(token, random) {
  if (!token.startsWith('"') || token.startsWith('"""') || !random.chance(0.3)) return token;
  let text;
  try {
    text = JSON.parse(token);
  } catch {
    return token;
  }
  const written = Array.from(text, (character) => {
    if (random.chance(0.7)) return JSON.stringify(character).slice(1, -1);
    const point = character.codePointAt(0);
    if (random.chance(0.4)) return `\\u{${point.toString(16)}}`;
    return Array.from({ length: character.length }, (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`).join("");
  });
  return `"${written.join("")}"`;
}

const IGNORED = [" ", " ", " ", "\n", ",", "\t", "\r\n", "\r", " , ", "#\n", "# a \"comment\" {\n", ",,", "\ufeff "];

/** Writes tokens as a text, separated as plainly or as strangely as is allowed. */
export function write(list, random) {
  const isPlain = random.chance(0.6);
  let text = !isPlain && random.chance(0.1) ? "\ufeff" : "";
  list.forEach((token, index) => {
    const written = isPlain ? token : respell(token, random);
    const [before, after] = [text.at(-1) ?? "", written[0] ?? ""];
    // Two strings side by side could begin a block string, and dots after a number belong to it.
    const isNeeded = (/\w/.test(before) && /[\w-]/.test(after)) || (before === '"' && after === '"') || (/\d/.test(before) && after === ".");
    const isUsual = index > 0 && !/[!:)\]]/.test(after) && !/[$@([]/.test(before);
    if (isPlain) text += isNeeded || isUsual ? " " : "";
    else if (isNeeded || random.chance(after === "!" ? 0.02 : 0.3)) text += random.pick(IGNORED);
    text += written;
  });
  return !isPlain && random.chance(0.1) ? `${text}${random.pick(["\n", "#", ",", "# end"])}` : text;
}
