//! async-graphql 7: fields come in the order in which they finish, a failed field is left out, and an
//! object whose fields all failed is `null`.
//!
//! By the GraphQL specification fields come in the order in which they are asked for (sections 6.3.2 and
//! 7.2.2), and a failed field is `null`, or where its type forbids that the nearest value around it that
//! may be (section 6.4.4). Each answer is settled by the plan of its operation. No longer needed when the
//! differential test in `tests/clients` passes without.

use async_graphql::{Name, PathSegment, ServerError, Value, Variables, indexmap::IndexMap};

use super::{
    marks::{KIND_MARK, TYPE_MARK},
    plan::{Condition, Form, Plan, Planned},
};

/// A variable of a condition is `null`, so nothing of the object can be answered.
struct NullCondition;

impl Plan {
    /// Puts the fields of an answer into their order and gives every failed field its `null`. `errors`
    /// are those of the execution; a condition without a value adds one.
    pub(crate) fn settle(
        &self,
        data: &mut Value,
        errors: &mut Vec<ServerError>,
        variables: &Variables,
    ) {
        self.name_failed_fields(data, errors, variables);
        // First every object is whole again, so that a `null` met below is that of a field.
        for error in errors.iter().filter(|error| !error.path.is_empty()) {
            restore(data, &error.path);
        }
        let mut settling = Settling { variables, path: Vec::new(), errors: Vec::new() };
        if !settling.object(data, &[self]) {
            *data = Value::Null;
        }
        errors.append(&mut settling.errors);
    }

    /// async-graphql 7 raises what is wrong with an argument of `__type` without the path of the field, which
    /// is then missing.
    fn name_failed_fields(&self, data: &Value, errors: &mut [ServerError], variables: &Variables) {
        let mut missing = self.selections.iter().filter(|planned| {
            let is_found =
                matches!(data, Value::Object(fields) if fields.contains_key(&planned.key));
            !is_found && hold(&planned.conditions, None, variables).unwrap_or(false)
        });
        for error in errors.iter_mut().filter(|error| error.path.is_empty()) {
            if let Some(planned) = missing.next() {
                error.path = vec![PathSegment::Field(planned.key.to_string())];
            }
        }
    }

    /// Whether a condition of the operation's own level has no value, so that nothing may be executed
    /// (GraphQL specification, section 6.2).
    pub(crate) fn check_root(&self, variables: &Variables) -> Result<(), ServerError> {
        for conditions in self.conditions() {
            hold(conditions, None, variables).map_err(|NullCondition| null_condition())?;
        }
        Ok(())
    }
}

/// Whether conditions hold for an object of the given type. The first that does not decides.
fn hold(
    conditions: &[Condition],
    object_type: Option<&str>,
    variables: &Variables,
) -> Result<bool, NullCondition> {
    for condition in conditions {
        let holds = match condition {
            Condition::Variable { name, shows } => match variables.get(name) {
                Some(Value::Boolean(given)) => given == shows,
                _ => return Err(NullCondition),
            },
            // Without a type, nothing is known against it.
            Condition::Type(types) => {
                object_type.is_none_or(|object| types.iter().any(|one| one == object))
            }
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

fn null_condition() -> ServerError {
    ServerError::new("The argument \"if\" of @skip and @include must not be null.", None)
}

/// Writes `null` at the end of a path, and objects on the way there.
fn restore(value: &mut Value, path: &[PathSegment]) {
    match path.split_first() {
        None => *value = Value::Null,
        Some((PathSegment::Field(key), rest)) => {
            if *value == Value::Null {
                *value = Value::Object(IndexMap::new());
            }
            if let Value::Object(fields) = value {
                restore(fields.entry(Name::new(key)).or_default(), rest);
            }
        }
        Some((PathSegment::Index(index), rest)) => {
            if let Value::List(items) = value
                && let Some(item) = items.get_mut(*index)
            {
                restore(item, rest);
            }
        }
    }
}

/// A step to a value, with the key borrowed from the plan.
#[derive(Clone, Copy)]
enum Step<'p> {
    Field(&'p Name),
    Index(usize),
}

struct Settling<'p> {
    variables: &'p Variables,
    path: Vec<Step<'p>>,
    errors: Vec<ServerError>,
}

impl<'p> Settling<'p> {
    /// Settles an object by the plans that select something of it; false when it cannot stay.
    fn object(&mut self, object: &mut Value, plans: &[&'p Plan]) -> bool {
        let Value::Object(fields) = object else { return true };
        let plain = match plans {
            [plan] if plan.is_plain => Some(*plan),
            _ => None,
        };
        if let Some(plan) = plain
            && is_arranged(fields, plan)
        {
            // Almost always: nothing is looked up.
            return fields
                .values_mut()
                .zip(&plan.selections)
                .all(|(value, planned)| self.field(value, planned, None));
        }
        let object_type = fields.shift_remove(TYPE_MARK);
        let kind = fields.shift_remove(KIND_MARK);
        for planned in plans.iter().flat_map(|plan| &plan.selections) {
            if let Some(constant) = &planned.constant {
                fields.insert(planned.key.clone(), constant.clone());
            }
        }
        if let Some(plan) = plain {
            arrange(fields, plan.selections.iter().map(|planned| &planned.key));
            return fields
                .values_mut()
                .zip(&plan.selections)
                .all(|(value, planned)| self.field(value, planned, kind.as_ref()));
        }
        let object_type = match &object_type {
            Some(Value::String(name)) => Some(name.as_str()),
            _ => None,
        };
        let Ok(collected) = self.collect(plans, object_type) else {
            return self.refuse_condition();
        };
        arrange(fields, collected.iter().map(|(planned, _)| &planned.key));
        fields
            .values_mut()
            .zip(&collected)
            .all(|(value, (planned, below))| self.field_below(value, planned, below, kind.as_ref()))
    }

    /// The fields to show of an object, each key once, with everything that is selected below it.
    fn collect(
        &self,
        plans: &[&'p Plan],
        object_type: Option<&str>,
    ) -> Result<Vec<(&'p Planned, Vec<&'p Plan>)>, NullCondition> {
        for conditions in plans.iter().flat_map(|plan| &plan.empty) {
            hold(conditions, object_type, self.variables)?;
        }
        let mut collected: Vec<(&Planned, Vec<&Plan>)> = Vec::new();
        for planned in plans.iter().flat_map(|plan| &plan.selections) {
            if !hold(&planned.conditions, object_type, self.variables)? {
                continue;
            }
            match collected.iter_mut().find(|(known, _)| known.key == planned.key) {
                Some((_, below)) => below.extend(&planned.below),
                None => collected.push((planned, planned.below.iter().collect())),
            }
        }
        Ok(collected)
    }

    /// Notes that the object at the present path cannot be answered, and answers false.
    fn refuse_condition(&mut self) -> bool {
        let mut error = null_condition();
        error.path = self.path.iter().map(Step::segment).collect();
        self.errors.push(error);
        false
    }

    /// Settles a field of an object; false when the object cannot stay.
    fn field(&mut self, value: &mut Value, planned: &'p Planned, kind: Option<&Value>) -> bool {
        match &planned.below {
            Some(below) => self.field_below(value, planned, &[below], kind),
            None => self.field_below(value, planned, &[], kind),
        }
    }

    /// The same when several plans select something below it.
    fn field_below(
        &mut self,
        value: &mut Value,
        planned: &'p Planned,
        below: &[&'p Plan],
        kind: Option<&Value>,
    ) -> bool {
        if planned.is_interfaces && *value == Value::Null && is_interface(kind) {
            // async-graphql 7 answers `null`; an interface implements a list of none (section 4.5.3).
            *value = Value::List(Vec::new());
        }
        self.path.push(Step::Field(&planned.key));
        let stays = self.value(value, &planned.form, below);
        self.path.pop();
        stays
    }

    /// Settles a value; false when what is around it cannot stay.
    fn value(&mut self, value: &mut Value, form: &Form, below: &[&'p Plan]) -> bool {
        let stays = match (&mut *value, &form.item) {
            (Value::Null, _) => false,
            (Value::List(items), Some(item_form)) => {
                let mut all_stay = true;
                for (index, item) in items.iter_mut().enumerate() {
                    self.path.push(Step::Index(index));
                    all_stay &= self.value(item, item_form, below);
                    self.path.pop();
                }
                all_stay
            }
            (Value::Object(_), None) if !below.is_empty() => self.object(value, below),
            _ => true,
        };
        if !stays {
            *value = Value::Null;
        }
        stays || form.is_nullable
    }
}

impl Step<'_> {
    fn segment(&self) -> PathSegment {
        match self {
            Self::Field(key) => PathSegment::Field(key.to_string()),
            Self::Index(index) => PathSegment::Index(*index),
        }
    }
}

/// Whether the fields of an object are those of a plan, in its order.
fn is_arranged(fields: &IndexMap<Name, Value>, plan: &Plan) -> bool {
    plan.selections.len() == fields.len()
        && fields.keys().zip(&plan.selections).all(|(key, planned)| *key == planned.key)
}

/// Puts the fields of an object into the order of the keys. What no key names is not shown; what is missing
/// has failed.
fn arrange<'k>(fields: &mut IndexMap<Name, Value>, keys: impl Iterator<Item = &'k Name>) {
    let mut found = std::mem::take(fields);
    for key in keys {
        let value = found.swap_remove(key).unwrap_or_default();
        fields.insert(key.clone(), value);
    }
}

fn is_interface(kind: Option<&Value>) -> bool {
    match kind {
        Some(Value::Enum(kind)) => kind == "INTERFACE",
        Some(Value::String(kind)) => kind == "INTERFACE",
        _ => false,
    }
}
