//! What the names in an expression mean: fields of one record, or features, aggregations and the request.

use crate::expression::Expr;
use crate::project::{Aggregate, Field, Input, Window};
use crate::value::Type;

/// A source as an expression sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'p> {
    pub source: &'p str,
    pub fields: &'p [Field],
    /// The zone of its naive times, for texts that are compared with them.
    pub zone: Option<&'p str>,
}

/// What an aggregation of the expression folds.
#[derive(Debug)]
pub(crate) struct Folding<'p> {
    pub record: Record<'p>,
    /// The source's index in the project.
    pub source: usize,
    /// The entity's index in the project.
    pub entity: usize,
    pub filter: Option<Expr>,
    pub window: Window,
    /// Only records that touch the entity as this.
    pub role: Option<String>,
}

/// A name that an expression over features may use.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Named {
    /// Known, at this index of the project and with this type.
    Known(usize, Type),
    /// Declared, but with findings of its own: nothing more is said about it here.
    Broken,
    Unknown,
}

/// What `carrier.delay_7d` means.
#[derive(Clone, Debug)]
pub(crate) enum Inherited {
    Known(Input, Type),
    /// Declared, but with findings of its own.
    Broken,
    /// There is no such entity: the dot means something else.
    NoEntity,
    /// The feature's own entity, which does not belong to it.
    NoParent(String),
    /// It has no such feature; its features.
    NoFeature(Vec<String>),
}

/// The names of a project that expressions over features may use.
pub(crate) trait Names {
    fn feature(&self, name: &str) -> Named;
    fn request(&self, name: &str) -> Named;
    /// A feature of the entity that the feature's own belongs to.
    fn parent(&self, entity: &str, feature: &str) -> Inherited;
    fn features(&self) -> Vec<&str>;
    fn requests(&self) -> Vec<&str>;
}

/// Where an expression stands.
pub(crate) enum Scope<'p> {
    /// It is about one record of a source.
    Record(Record<'p>),
    /// It is about an entity: a feature, or (`names` absent) an outcome.
    Entity {
        folding: Option<Folding<'p>>,
        names: Option<&'p dyn Names>,
        aggregates: Vec<Aggregate>,
        inputs: Vec<Input>,
    },
}
