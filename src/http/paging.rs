//! Pages of the REST face: `?limit=` and `?offset=`.

use url::form_urlencoded;

use super::rest_error::{Place, RestError};
use crate::accounts::{Mistake, MistakeKind};

/// The largest page, and the one that is meant when nothing is said.
const MAX_LIMIT: i64 = 200;

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageWish {
    /// How many at most, 1 to 200.
    pub(super) limit: i64,
    /// How many before them, 0 or more.
    pub(super) offset: i64,
}

impl PageWish {
    /// Reads a query string. Parameters of other names are left alone; of two of a name the last counts.
    pub(super) fn read(query: Option<&str>) -> Result<Self, RestError> {
        let mut wish = Self { limit: MAX_LIMIT, offset: 0 };
        let mut mistakes = Vec::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let (field, place, range) = match name.as_ref() {
                "limit" => ("limit", &mut wish.limit, 1..=MAX_LIMIT),
                "offset" => ("offset", &mut wish.offset, 0..=i64::MAX),
                _ => continue,
            };
            if let Some(number) = value.parse().ok().filter(|number| range.contains(number)) {
                *place = number;
            } else {
                let (least, most) = range.into_inner();
                let message = format!("Send a whole number between {least} and {most}.");
                mistakes.push(Mistake::new(field, MistakeKind::Invalid, message));
            }
        }
        if mistakes.is_empty() {
            Ok(wish)
        } else {
            Err(RestError::mistakes(Place::Query, &mistakes))
        }
    }

    /// The part of a whole list.
    pub(super) fn cut<T>(self, list: &[T]) -> impl Iterator<Item = &T> {
        let at = |count| usize::try_from(count).unwrap_or(usize::MAX);
        list.iter().skip(at(self.offset)).take(at(self.limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_and_offsets_have_bounds() {
        let wish = |limit, offset| Some(PageWish { limit, offset });
        for (query, expected) in [
            (None, wish(200, 0)),
            (Some(""), wish(200, 0)),
            (Some("limit=1&offset=9223372036854775807"), wish(1, i64::MAX)),
            (Some("limit=200&other=x"), wish(200, 0)),
            (Some("limit=5&limit=6"), wish(6, 0)),
            (Some("limit=0"), None),
            (Some("limit=201"), None),
            (Some("limit="), None),
            (Some("limit=1.0"), None),
            (Some("offset=-1"), None),
            (Some("offset=9223372036854775808"), None),
            (Some("limit=%35"), wish(5, 0)),
        ] {
            assert_eq!(PageWish::read(query).ok(), expected, "{query:?}");
        }
        let list = [1, 2, 3];
        let cut =
            |limit, offset| PageWish { limit, offset }.cut(&list).copied().collect::<Vec<_>>();
        assert_eq!((cut(2, 0), cut(2, 2), cut(2, i64::MAX)), (vec![1, 2], vec![3], vec![]));
    }
}
