//! Which database, and whether it is migrated at start. Opens nothing.

use super::{
    fault::InvalidValue,
    reading::Reading,
    variables::{DATABASE_URL, DB_AUTO_MIGRATE},
};
use crate::store::DatabaseAddress;

/// The settings of the database.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// Which database.
    pub address: DatabaseAddress,
    /// Whether `serve` applies missing migrations. When off it refuses a database that is behind.
    pub(crate) auto_migrate: bool,
}

impl DatabaseSettings {
    pub(super) fn read(reading: &mut Reading<'_>) -> Option<Self> {
        let environment = reading.environment();
        let variables = |name: &str| environment.get(name).map(str::to_owned);
        let address = reading.value_by(&DATABASE_URL, |text| {
            DatabaseAddress::parse(text, &variables)
                .map_err(|fault| vec![InvalidValue::new(fault.reason, fault.fix)])
        });
        for name in address.as_ref().map(DatabaseAddress::without_effect).unwrap_or_default() {
            reading.warn(format!(
                "DATABASE_URL: the parameter {name} has no effect here and can be left out"
            ));
        }
        let auto_migrate = reading.value_or_empty(&DB_AUTO_MIGRATE);
        Some(Self { address: address?, auto_migrate })
    }
}
