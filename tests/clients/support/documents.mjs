// Random requests over a schema: documents that are mostly valid, with variables and operation names.
// `mutations.mjs` breaks some of them afterwards.

import {
  GraphQLBoolean,
  GraphQLNonNull,
  GraphQLString,
  Kind,
  getNamedType,
  getNullableType,
  isAbstractType,
  isCompositeType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
  parseType,
} from "graphql";

const name = (value) => ({ kind: Kind.NAME, value });
const variable = (value) => ({ kind: Kind.VARIABLE, name: name(value) });
const argument = (key, value) => ({ kind: Kind.ARGUMENT, name: name(key), value });
const selectionSet = (selections) => ({ kind: Kind.SELECTION_SET, selections });

/** Texts that are easily read wrongly. */
const TEXTS = ["", "a", "User", "Node", "é", "\u{1f600}", 'say "no"', "back\\slash", "line\nbreak", "  indented\n    text\n", "\t", '"""', "#", "$v", "\u0007"];
const CONDITION = new GraphQLNonNull(GraphQLBoolean);
const NAMES = ["a", "b", "x", "id", "name", "on", "me", "type", "query", "true", "__typename", "nothing"];

export class Documents {
  /** `known` holds ids and cursors that exist; `random` decides everything. */
  constructor(schema, known, random) {
    this.schema = schema;
    this.known = known;
    this.random = random;
    this.composites = Object.values(schema.getTypeMap()).filter(isCompositeType);
  }

  /** One request: `{ ast, variables, operationName }`. */
  request() {
    const { random } = this;
    this.variables = new Map();
    this.fragments = new Map();
    this.pending = [];
    this.lists = 0;
    this.room = random.whole(4, 40);
    const operations = [this.#operation(0)];
    while (operations.length < 3 && random.chance(0.12)) operations.push(this.#operation(operations.length));
    if (operations.length > 1) {
      operations.forEach((operation, index) => (operation.name ??= name(`O${index}`)));
    }
    while (this.pending.length) this.#fragment(this.pending.pop());
    for (const operation of operations) this.#define(operation);
    const definitions = [...operations, ...[...this.fragments.values()].map(({ ast }) => ast)];
    if (random.chance(0.2)) definitions.push(definitions.shift());
    return {
      ast: { kind: Kind.DOCUMENT, definitions },
      variables: this.#values(),
      operationName: this.#operationName(operations),
    };
  }

  #operation(index) {
    const { random } = this;
    const kind = random.chance(0.12) ? "mutation" : "query";
    const root = this.schema.getRootType(kind);
    return {
      kind: Kind.OPERATION_DEFINITION,
      operation: kind,
      name: random.chance(0.4) ? name(`O${index}`) : undefined,
      variableDefinitions: [],
      directives: [],
      selectionSet: this.#selections(root, 0),
    };
  }

  #operationName(operations) {
    const { random } = this;
    const names = operations.flatMap((operation) => operation.name?.value ?? []);
    if (random.chance(0.04)) return random.pick(["", "O0", "o0", "Missing"]);
    if (operations.length > 1) return random.chance(0.9) ? random.pick(names) : undefined;
    return names.length && random.chance(0.3) ? names[0] : undefined;
  }

  #selections(type, depth) {
    const { random } = this;
    const selections = [];
    const wanted = random.whole(1, depth === 0 ? 3 : 4);
    for (let index = 0; index < wanted; index += 1) {
      selections.push(this.#selection(type, depth));
    }
    return selectionSet(selections);
  }

  #selection(type, depth) {
    const { random } = this;
    this.room -= 1;
    if (depth < 7 && random.chance(isAbstractType(type) ? 0.5 : 0.16)) {
      const condition = this.#overlapping(type);
      if (random.chance(0.5)) return this.#spread(condition, depth);
      const typeCondition = condition === type && random.chance(0.5) ? undefined : { kind: Kind.NAMED_TYPE, name: name(condition.name) };
      return {
        kind: Kind.INLINE_FRAGMENT,
        typeCondition,
        directives: this.#directives(),
        selectionSet: this.#selections(condition, depth + 1),
      };
    }
    return this.#field(type, depth);
  }

  /** A type that some object of `type` may also have. */
  #overlapping(type) {
    const objects = (of) => (isAbstractType(of) ? this.schema.getPossibleTypes(of) : [of]);
    const own = objects(type);
    return this.random.pick(this.composites.filter((other) => objects(other).some((object) => own.includes(object))));
  }

  #spread(condition, depth) {
    const { random } = this;
    const fitting = [...this.fragments.values()].filter((fragment) => fragment.condition === condition && fragment.depth >= depth);
    let chosen = fitting.length && random.chance(0.6) ? random.pick(fitting) : undefined;
    if (!chosen) {
      const label = random.chance(0.02) ? random.pick(["fragment", "query", "true", "F"]) : `F${this.fragments.size}`;
      chosen = this.fragments.get(label) ?? { label, condition, depth };
      if (!this.fragments.has(label)) {
        this.fragments.set(label, chosen);
        this.pending.push(chosen);
      }
    }
    return { kind: Kind.FRAGMENT_SPREAD, name: name(chosen.label), directives: this.#directives() };
  }

  #fragment(fragment) {
    fragment.ast = {
      kind: Kind.FRAGMENT_DEFINITION,
      name: name(fragment.label),
      typeCondition: { kind: Kind.NAMED_TYPE, name: name(fragment.condition.name) },
      directives: [],
      // Deeper than any use, so that valid fragments make no cycle.
      selectionSet: this.#selections(fragment.condition, fragment.depth + 1),
    };
  }

  #field(type, depth) {
    const { random } = this;
    let fields = type.getFields ? Object.values(type.getFields()) : [];
    if (type === this.schema.getQueryType()) {
      fields = fields.concat(fields.filter(({ name }) => /^(me|node|nodes)$/.test(name)));
      if (random.chance(0.08)) return this.#introspection(depth);
    }
    const isFull = depth > 6 || this.room < 0;
    const possible = fields.filter((field) => {
      // Deprecated directives are a draft that graphql-js is ahead with.
      if (type.name === "__Directive" && /eprecat/.test(field.name)) return false;
      const isList = ["memberships", "members", "nodes", "invitations"].includes(field.name) && field.args.length > 0;
      const isDeep = isCompositeType(getNamedType(field.type));
      return !(isList && this.lists >= 3) && !(isFull && isDeep);
    });
    if (possible.length === 0 || random.chance(0.08)) return this.#leaf("__typename");
    const definition = random.pick(possible);
    const isList = definition.args.some((argument) => /^(first|ids)$/.test(argument.name));
    if (isList) this.lists += 1;
    const field = this.#of(definition, depth);
    if (isList) this.lists -= 1;
    return field;
  }

  #introspection(depth) {
    const schema = { name: "__schema", args: [], type: this.schema.getType("__Schema") };
    const type = {
      name: "__type",
      args: [{ name: "name", type: new GraphQLNonNull(GraphQLString), defaultValue: undefined }],
      type: this.schema.getType("__Type"),
    };
    // Introspection branches out widely.
    return this.#of(this.random.pick([schema, type, type]), Math.max(depth, 4));
  }

  #leaf(key) {
    return { kind: Kind.FIELD, alias: this.#alias(key), name: name(key), directives: this.#directives() };
  }

  #of(definition, depth) {
    const { random } = this;
    const named = getNamedType(definition.type);
    const args = definition.args
      .filter((input) => isRequiredArgument(input) || random.chance(definition.name === "directives" ? 0 : 0.5))
      .map((input) => argument(input.name, this.#argument(input)));
    if (args.length > 1 && random.chance(0.3)) args.reverse();
    return {
      kind: Kind.FIELD,
      alias: this.#alias(definition.name),
      name: name(definition.name),
      arguments: args,
      directives: this.#directives(),
      selectionSet: isCompositeType(named) ? this.#selections(named, depth + 1) : undefined,
    };
  }

  #argument(input) {
    // Boolean in graphql-js 16, Boolean! in the specification: with a Boolean in the text both are content.
    if (input.name === "includeDeprecated") return { kind: Kind.BOOLEAN, value: this.random.chance(0.5) };
    return this.#value(input.type, 0, input);
  }

  #alias(key) {
    const { random } = this;
    // An alias of the field's own makes fields that are asked for twice differ in their arguments.
    if (random.chance(0.1)) return name(`${key}${random.whole(0, 99)}`);
    return random.chance(0.05) ? name(random.pick(NAMES)) : undefined;
  }

  #directives() {
    const { random } = this;
    const directives = [];
    for (const label of ["skip", "include"]) {
      if (!random.chance(0.06)) continue;
      const condition = random.chance(0.5)
        ? { kind: Kind.BOOLEAN, value: random.chance(0.5) }
        : this.#variable(CONDITION, {});
      directives.push({ kind: Kind.DIRECTIVE, name: name(label), arguments: [argument("if", condition)] });
    }
    return random.chance(0.5) ? directives : directives.reverse();
  }

  /** A value for a place of this type; `place` knows whether the place has a default. */
  #value(type, depth, place = {}) {
    const { random } = this;
    if (depth < 3 && !this.isConstant && random.chance(0.28)) return this.#variable(type, place);
    if (isNonNullType(type)) return this.#value(type.ofType, Math.max(depth, 3), place);
    if (random.chance(0.06) && !isNonNullType(place.type ?? type)) return { kind: Kind.NULL };
    if (isListType(type)) {
      if (random.chance(0.1)) return this.#value(type.ofType, depth + 1);
      const values = Array.from({ length: random.whole(0, 4) }, () => this.#value(type.ofType, Math.min(depth, 2)));
      return { kind: Kind.LIST, values };
    }
    if (isInputObjectType(type)) {
      const fields = Object.values(type.getFields())
        .filter((field) => isRequiredInputField(field) || random.chance(0.4))
        .map((field) => ({
          kind: Kind.OBJECT_FIELD,
          name: name(field.name),
          value: this.#value(field.type, Math.min(depth, 2), field),
        }));
      return { kind: Kind.OBJECT, fields };
    }
    return this.#scalar(type, place.name);
  }

  #scalar(type, place) {
    const { random, known } = this;
    if (type.getValues) return { kind: Kind.ENUM, value: random.pick(type.getValues()).name };
    switch (type.name) {
      case "Boolean":
        return { kind: Kind.BOOLEAN, value: random.chance(0.5) };
      case "Int":
        if (place === "first" && random.chance(0.9)) return { kind: Kind.INT, value: String(random.whole(1, 4)) };
        return { kind: Kind.INT, value: random.pick(["-0", "0", "1", "100", "101", "-1", "2147483647", "50"]) };
      case "ID":
        if (random.chance(0.8)) return { kind: Kind.STRING, value: random.pick(known.ids) };
        return random.chance(0.3) ? { kind: Kind.INT, value: random.pick(["0", "7", "-3"]) } : { kind: Kind.STRING, value: random.pick(TEXTS) };
      default: {
        const texts = place === "after" ? known.cursors : place === "name" ? Object.keys(this.schema.getTypeMap()) : TEXTS;
        const value = random.pick(random.chance(0.8) ? texts : TEXTS);
        return { kind: Kind.STRING, value, block: random.chance(0.15) && !/[\u0000-\u0008]/.test(value) };
      }
    }
  }

  /** A variable that may stand at a place of this type. */
  #variable(type, place) {
    const { random } = this;
    const fitting = [...this.variables].filter(([, { at }]) => String(at) === String(type));
    if (fitting.length && random.chance(0.5)) return variable(random.pick(fitting)[0]);
    const label = random.chance(0.03) ? random.pick(["on", "type", "if", "null"]) : `v${this.variables.size}`;
    if (this.variables.has(label)) return variable(label);
    let own = type;
    let text = String(type);
    let fallback;
    const nullable = getNullableType(type);
    if (isNonNullType(type)) {
      // A nullable variable with a default may stand where null is refused.
      if (random.chance(0.35)) {
        own = nullable;
        text = String(nullable);
        fallback = this.#constant(nullable, place);
      } else if (place.defaultValue !== undefined && random.chance(0.5)) {
        own = nullable;
        text = String(nullable);
      }
    } else if (random.chance(0.2)) {
      text = `${type}!`;
    }
    if (fallback === undefined && random.chance(0.2)) {
      fallback = !text.endsWith("!") && !isNonNullType(type) && random.chance(0.2) ? { kind: Kind.NULL } : this.#constant(nullable, place);
    }
    this.variables.set(label, { at: type, own, text, fallback, place });
    return variable(label);
  }

  /** A value without variables, and not null. */
  #constant(type, place) {
    this.isConstant = true;
    const nullable = getNullableType(type);
    let value;
    do value = this.#value(nullable, 0, { ...place, type: nullable });
    while (value.kind === Kind.NULL);
    this.isConstant = false;
    return value;
  }

  /** Gives an operation the definitions of the variables that it and its fragments use. */
  #define(operation) {
    const used = new Set();
    const seen = new Set();
    const walk = (node) => {
      if (Array.isArray(node)) return node.forEach(walk);
      if (!node || typeof node !== "object") return;
      if (node.kind === Kind.VARIABLE) used.add(node.name.value);
      if (node.kind === Kind.FRAGMENT_SPREAD && !seen.has(node.name.value)) {
        seen.add(node.name.value);
        walk(this.fragments.get(node.name.value).ast);
      }
      Object.values(node).forEach(walk);
    };
    walk(operation.selectionSet);
    operation.variableDefinitions = [...used].map((label) => {
      const { text, fallback } = this.variables.get(label);
      return {
        kind: Kind.VARIABLE_DEFINITION,
        variable: variable(label),
        type: parseType(text),
        defaultValue: fallback,
        directives: [],
      };
    });
  }

  /** What is sent with the document: most variables with fitting values, others wrong, null or not at all. */
  #values() {
    const { random } = this;
    if (this.variables.size === 0) return random.chance(0.9) ? undefined : random.pick([null, {}, { v0: 1, unused: [null] }]);
    const values = {};
    for (const [label, { text, fallback, own, place }] of this.variables) {
      const mayLack = !text.endsWith("!") || fallback !== undefined;
      if (mayLack ? random.chance(0.35) : random.chance(0.02)) continue;
      if (!text.endsWith("!") ? random.chance(0.12) : random.chance(0.03)) values[label] = null;
      else if (random.chance(0.06)) values[label] = random.pick([0, 1, -1, 1.5, 2 ** 31, 1e300, true, false, "", "1", [], [null], [1, "a"], [[1]], {}, { a: 1 }, { name: 1 }]);
      else values[label] = plain(this.#constant(own, place));
    }
    return values;
  }
}

/** The JSON value of a constant. */
function plain(node) {
  switch (node.kind) {
    case Kind.LIST:
      return node.values.map(plain);
    case Kind.OBJECT:
      return Object.fromEntries(node.fields.map((field) => [field.name.value, plain(field.value)]));
    case Kind.INT:
    case Kind.FLOAT:
      return Number(node.value);
    case Kind.NULL:
      return null;
    default:
      return node.value;
  }
}
