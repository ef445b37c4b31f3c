//! Which columns are read of a source, each once, and which of them are handed out and give the times.

use tandem_definitions::{ARRIVED_AT, Arrival, Micros, Normalise, Source, Treatment, Type};

/// A column that is read: a wanted field, or one that a time comes from.
#[derive(Clone, Debug)]
pub(crate) struct Needed {
    pub(crate) name: String,
    pub(crate) ty: Type,
    /// The field's index in the contract; `None` for the stamp of our own log.
    pub(crate) field: Option<usize>,
    pub(crate) required: bool,
    pub(crate) normalise: Normalise,
}

/// What is read of a source, and how its times are found.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) source_name: String,
    /// Every column once, however often it is wanted.
    pub(crate) needed: Vec<Needed>,
    /// For each wanted field its place in `needed`.
    pub(super) wanted: Vec<usize>,
    pub(super) event: usize,
    pub(super) arrival: ArrivalFrom,
    pub(super) treatment: Treatment,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum ArrivalFrom {
    Column(usize),
    Delay(Micros),
}

impl Shape {
    pub(super) fn new(source: &Source, wanted: &[usize]) -> Self {
        let column = |field: usize, required: bool| {
            let f = &source.fields[field];
            Needed {
                name: f.name.clone(),
                ty: f.ty,
                field: Some(field),
                required: required || f.required,
                normalise: f.normalise,
            }
        };
        let mut needed: Vec<Needed> = Vec::with_capacity(wanted.len() + 2);
        let wanted = wanted.iter().map(|&field| place(&mut needed, column(field, false))).collect();
        let event = place(&mut needed, column(source.event, true));
        let arrival = match source.arrival {
            Arrival::Observed => {
                let stamp = Needed {
                    name: ARRIVED_AT.to_owned(),
                    ty: Type::Time,
                    field: None,
                    required: true,
                    normalise: Normalise::default(),
                };
                ArrivalFrom::Column(place(&mut needed, stamp))
            }
            Arrival::Declared { field } => {
                let required = source.treatment.assumed_delay().is_none();
                ArrivalFrom::Column(place(&mut needed, column(field, required)))
            }
            Arrival::Assumed { delay } => ArrivalFrom::Delay(delay),
        };
        let treatment = source.treatment;
        Self { source_name: source.name.clone(), needed, wanted, event, arrival, treatment }
    }

    /// Columns alone; a reader's times are not for these.
    pub(super) fn of_table(source_name: String, columns: &[(String, Type)]) -> Self {
        let mut needed = Vec::with_capacity(columns.len());
        let column = |(name, ty): &(String, Type)| Needed {
            name: name.clone(),
            ty: *ty,
            field: None,
            required: true,
            normalise: Normalise::default(),
        };
        let wanted = columns.iter().map(|c| place(&mut needed, column(c))).collect();
        let (arrival, treatment) = (ArrivalFrom::Delay(0), Treatment::default());
        Self { source_name, needed, wanted, event: 0, arrival, treatment }
    }
}

/// Where the column is read, added when it is not read yet.
fn place(needed: &mut Vec<Needed>, new: Needed) -> usize {
    if let Some(at) = needed.iter().position(|n| n.name == new.name) {
        needed[at].required |= new.required;
        return at;
    }
    needed.push(new);
    needed.len() - 1
}
