//! Which records of a source count, and until when, for those who look at records themselves: observations and accounts.
//! The same as in a replay, by arrival.

use tandem_definitions::{Micros, Source};

use crate::read::{Origin, Parts, ReadError};

use super::identity::{Admitted, Replaced, first_of_identity};

/// Which records of a source count: of an identity the first to arrive, or, where records correct, each until the next
/// one arrives.
#[derive(Clone, Debug)]
pub struct Standing {
    admitted: Option<Admitted>,
    replaced: Option<Replaced>,
}

impl Standing {
    /// Reads the identities of a source that has one.
    ///
    /// # Errors
    /// What reading the source can say.
    pub fn find(source: &Source, origin: &Origin) -> Result<Self, ReadError> {
        if source.corrects {
            let parts = Parts::find(source, origin, &source.identity)?;
            return Ok(Self { admitted: None, replaced: Some(Replaced::find(&parts)?.0) });
        }
        Ok(Self { admitted: first_of_identity(source, origin, false)?, replaced: None })
    }

    /// Whether the record at this position of the log ever counts; one that repeats another never does.
    pub fn counts(&self, position: u64) -> bool {
        self.admitted.as_ref().is_none_or(|admitted| admitted.counts(position))
    }

    /// When the record that replaces the one at this position arrives; `None`: it is never replaced.
    pub fn until(&self, position: u64) -> Option<Micros> {
        self.replaced.as_ref()?.by(position).first().map(|(arrival, _)| *arrival)
    }
}
