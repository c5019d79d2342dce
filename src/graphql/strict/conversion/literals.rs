//! Literal values of a document as the framework's document has them.

use async_graphql::Name;
use async_graphql_value::{Number, Value};
use bluejay_core::{AsIter, Value as _, ValueReference};
use bluejay_parser::ast;

use super::Conversion;
use crate::graphql::strict::RequestError;

impl Conversion<'_> {
    /// A literal on level `depth` of brackets.
    pub(super) fn value<const CONST: bool>(
        &self,
        value: &ast::Value<'_, CONST>,
        depth: usize,
    ) -> Result<Value, RequestError> {
        Ok(match value.as_ref() {
            ValueReference::Variable(variable) => Value::Variable(Name::new(variable.as_str())),
            ValueReference::Integer(integer) => integer_literal(value, integer),
            ValueReference::Float(float) => {
                Number::from_f64(float).map_or(Value::Null, Value::Number)
            }
            ValueReference::String(text) => Value::String(text.to_owned()),
            ValueReference::Boolean(boolean) => Value::Boolean(boolean),
            ValueReference::Null => Value::Null,
            ValueReference::Enum(name) => Value::Enum(Name::new(name)),
            ValueReference::List(items) => {
                let depth = self.open(depth, value)?;
                let items = items.iter().map(|item| self.value(item, depth));
                Value::List(items.collect::<Result<_, _>>()?)
            }
            ValueReference::Object(fields) => {
                let depth = self.open(depth, value)?;
                let fields = AsIter::iter(fields)
                    .map(|(name, field)| Ok((Name::new(name.as_str()), self.value(field, depth)?)));
                Value::Object(fields.collect::<Result<_, RequestError>>()?)
            }
        })
    }
}

/// An integer. Beyond 64 bits only an ID can be meant, whose value is the text of its digits: for every
/// other type the rules refuse the document.
fn integer_literal<const CONST: bool>(
    value: &ast::Value<'_, CONST>,
    integer: bluejay_core::IntegerValue<'_>,
) -> Value {
    match (integer.as_i64(), value) {
        (Some(small), _) => Value::Number(small.into()),
        (None, ast::Value::Integer(literal)) => Value::String(literal.as_ref().to_owned()),
        (None, _) => Value::Null,
    }
}
