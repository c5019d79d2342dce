//! Documents and a schema that several tests share.

use async_graphql::{
    Positioned,
    parser::{
        parse_query,
        types::{ExecutableDocument, OperationDefinition},
    },
};

use super::isolate;

/// The operation of that name, or without a name the only one.
pub(crate) fn operation<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> &'a Positioned<OperationDefinition> {
    let mut operations = document.operations.iter();
    let found = operations
        .find(|(known, _)| name.is_none_or(|name| known.is_some_and(|known| known == name)));
    found.expect("an operation").1
}

/// A document that was reduced to one operation.
pub(crate) fn isolated(query: &str, name: Option<&str>) -> ExecutableDocument {
    let document = parse_query(query).expect(query);
    isolate(&document, operation(&document, name))
}

/// What `getIntrospectionQuery()` of graphql-js 16 and 17 returns by default.
pub(crate) const INTROSPECTION: &str = r"
    query IntrospectionQuery {
      __schema {
        queryType { name kind }
        mutationType { name kind }
        subscriptionType { name kind }
        types {
          ...FullType
        }
        directives {
          name
          description
          locations
          args {
            ...InputValue
          }
        }
      }
    }

    fragment FullType on __Type {
      kind
      name
      description
      fields(includeDeprecated: true) {
        name
        description
        args {
          ...InputValue
        }
        type {
          ...TypeRef
        }
        isDeprecated
        deprecationReason
      }
      inputFields {
        ...InputValue
      }
      interfaces {
        ...TypeRef
      }
      enumValues(includeDeprecated: true) {
        name
        description
        isDeprecated
        deprecationReason
      }
      possibleTypes {
        ...TypeRef
      }
    }

    fragment InputValue on __InputValue {
      name
      description
      type { ...TypeRef }
      defaultValue
    }

    fragment TypeRef on __Type {
      kind
      name
      ofType {
        kind
        name
        ofType {
          kind
          name
          ofType {
            kind
            name
            ofType {
              kind
              name
              ofType {
                kind
                name
                ofType {
                  kind
                  name
                  ofType {
                    kind
                    name
                    ofType {
                      kind
                      name
                      ofType {
                        kind
                        name
                      }
                    }
                  }
                }
              }
            }
          }
        }
      }
    }
";

/// The same with every option on, as GraphiQL and code generators ask for it.
pub(crate) const FULL_INTROSPECTION: &str = r"
    query IntrospectionQuery {
      __schema {
        description
        queryType { name kind }
        mutationType { name kind }
        subscriptionType { name kind }
        types {
          ...FullType
        }
        directives {
          name
          description
          isRepeatable
          locations
          args(includeDeprecated: true) {
            ...InputValue
          }
        }
      }
    }

    fragment FullType on __Type {
      kind
      name
      description
      specifiedByURL
      isOneOf
      fields(includeDeprecated: true) {
        name
        description
        args(includeDeprecated: true) {
          ...InputValue
        }
        type {
          ...TypeRef
        }
        isDeprecated
        deprecationReason
      }
      inputFields(includeDeprecated: true) {
        ...InputValue
      }
      interfaces {
        ...TypeRef
      }
      enumValues(includeDeprecated: true) {
        name
        description
        isDeprecated
        deprecationReason
      }
      possibleTypes {
        ...TypeRef
      }
    }

    fragment InputValue on __InputValue {
      name
      description
      type { ...TypeRef }
      defaultValue
      isDeprecated
      deprecationReason
    }

    fragment TypeRef on __Type {
      kind
      name
      ofType {
        kind
        name
        ofType {
          kind
          name
          ofType {
            kind
            name
            ofType {
              kind
              name
              ofType {
                kind
                name
                ofType {
                  kind
                  name
                  ofType {
                    kind
                    name
                    ofType {
                      kind
                      name
                      ofType {
                        kind
                        name
                      }
                    }
                  }
                }
              }
            }
          }
        }
      }
    }
";

/// A schema with input types of every kind.
pub(crate) const SCHEMA: &str = r#"
    "A point in time."
    scalar DateTime @specifiedBy(url: "https://datatracker.ietf.org/doc/html/rfc3339")
    enum Colour { RED GREEN }
    input Profile { name: String timezone: String colour: Colour tags: [String!] nested: [Profile!] }
    input Deletion { userId: ID! reason: String! = "none" fromClerk: Boolean! = true }
    interface Node { me(after: String): Node }
    type Query implements Node { me(first: Int! = 50, after: String): Query! all(ids: [ID!]!): [Query]! }
    type Mutation { update(input: Profile!): Query! delete(input: Deletion): Query! }
    directive @skip(if: Boolean!) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT
    schema { query: Query mutation: Mutation }
"#;
