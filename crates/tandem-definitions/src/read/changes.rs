//! What a contract says about records that change: later ones that correct earlier ones, tombstones, and fields whose
//! values arrive later than their record. Not here: what that means for a value (tandem-engine).

use super::contract::Draft;
use super::{Reader, Unit};
use crate::codes::Code;
use crate::findings::{Span, instead};
use crate::project::{Arrival, WhenEarly, WhenMissing};
use crate::time::parse_duration;
use crate::value::Type;
use crate::yaml::{Node, Scalar};

/// What a contract says, before all of its fields are known.
#[derive(Default)]
pub(super) struct Stated {
    /// Where it says that it corrects.
    corrects: Option<Span>,
    /// The fields that say they are a tombstone, and where.
    tombstones: Vec<(usize, Span)>,
    /// The fields that arrive later than their record: when, by the name of another field, and where that is said.
    late: Vec<(usize, String, Span)>,
}

impl Reader {
    /// A property of a field that says how its record changes.
    pub(super) fn change_of_field(
        &mut self,
        unit: &Unit<'_>,
        word: &str,
        value: &Node,
        index: usize,
        draft: &mut Draft,
    ) {
        let stated = &mut draft.stated;
        match (word, value.text()) {
            ("tombstone", _) if self.says_yes(unit, value, word) => stated.tombstones.push((index, value.span)),
            ("tombstone", _) => {}
            (_, Some(other)) => stated.late.push((index, other.to_owned(), value.span)),
            (_, None) => {
                let help = "Write the field that holds the time from which on the value is known: `value: landed_at`.";
                self.bad_property(unit, value, "`arrives` is the name of a field.", help);
            }
        }
    }

    /// A property of the stream that says how its records change, or how odd arrival times are taken.
    pub(super) fn change_of_stream(&mut self, unit: &Unit<'_>, word: &str, value: &Node, draft: &mut Draft) {
        let text = value.text().unwrap_or("");
        let treatment = &mut draft.source.treatment;
        match word {
            "corrects" => draft.stated.corrects = self.says_yes(unit, value, word).then_some(value.span),
            "whenArrivalMissing" => match (text, text.strip_prefix("assume ").and_then(parse_duration)) {
                ("leave out", _) => treatment.missing = Some(WhenMissing::LeaveOut),
                (_, Some(delay)) if delay >= 0 => treatment.missing = Some(WhenMissing::Assume { delay }),
                _ => self.bad_property(
                    unit,
                    value,
                    &format!("`{text}` does not say what to do with a record without an arrival time."),
                    "Write `leave out`, or how long after its event production knew it: `assume 5 minutes`.",
                ),
            },
            _ => match text {
                "event" => treatment.early = Some(WhenEarly::Event),
                "leave out" => treatment.early = Some(WhenEarly::LeaveOut),
                _ => self.bad_property(
                    unit,
                    value,
                    &format!("`{text}` does not say what to do with a record that arrived before it happened."),
                    "Write `event` (it counts from its event on), or `leave out`.",
                ),
            },
        }
    }

    /// Whether a property that is true or false is true.
    pub(super) fn says_yes(&mut self, unit: &Unit<'_>, value: &Node, name: &str) -> bool {
        let said = value.scalar();
        if !matches!(said, Some(Scalar::Bool(_))) {
            self.bad_property(unit, value, &format!("`{name}` is true or false."), "Write `value: true`.");
        }
        said == Some(Scalar::Bool(true))
    }

    /// After all fields are known.
    pub(super) fn changes(&mut self, unit: &Unit<'_>, draft: &mut Draft) {
        if let Some(span) = draft.stated.corrects {
            if draft.source.identity.is_empty() {
                let message =
                    format!("`{}` corrects, but nothing says which record a later one replaces.", draft.source.name);
                let help = "Say of the fields that identify a record: `customProperties: [{property: identity, value: true}]`.";
                self.findings.at(Code::CorrectsWithoutIdentity, &unit.origin, span, message, help);
            }
            draft.source.corrects = true;
        }
        self.tombstones(unit, draft);
        for (index, other, span) in std::mem::take(&mut draft.stated.late) {
            self.late(unit, draft, index, &other, span);
        }
    }

    fn tombstones(&mut self, unit: &Unit<'_>, draft: &mut Draft) {
        for &(index, span) in &draft.stated.tombstones {
            let field = &draft.source.fields[index];
            let (message, help) = if field.ty != Type::Bool {
                let message = format!("`{}` is a tombstone, but its type is {}.", field.name, field.ty);
                (message, "Write `logicalType: boolean`: the record is removed where it is true.")
            } else if !draft.source.corrects {
                let message = format!("`{}` is a tombstone, but `{}` corrects nothing.", field.name, draft.source.name);
                (message, "Add to the schema: `customProperties: [{property: corrects, value: true}]`.")
            } else if let Some(first) = draft.source.tombstone {
                let first = &draft.source.fields[first].name;
                (format!("`{}` is a tombstone, but `{first}` is one already.", field.name), "Keep one of the two.")
            } else {
                draft.source.tombstone = Some(index);
                continue;
            };
            self.findings.at(Code::BadTombstone, &unit.origin, span, message, help);
        }
    }

    fn late(&mut self, unit: &Unit<'_>, draft: &mut Draft, index: usize, other: &str, span: Span) {
        let source = &draft.source;
        let Some(arrives) = source.field(other) else {
            let help = instead(other, "field", source.fields.iter().map(|f| f.name.as_str()));
            let message = format!("`{}` has no field `{other}`.", source.name);
            return self.findings.at(Code::UnknownField, &unit.origin, span, message, help);
        };
        let name = &source.fields[index].name;
        // Whom a record is about, which one it is and when it counts must be known as soon as the record is.
        let role = if source.identity.contains(&index) {
            Some("a part of the identity")
        } else if draft.touches.iter().any(|held| held.field == index) {
            Some("a part of an entity's key")
        } else if draft.event == Some(index) {
            Some("the event time")
        } else if draft.arrival == Some(Arrival::Declared { field: index }) {
            Some("the arrival time")
        } else if draft.stated.tombstones.iter().any(|(field, _)| *field == index) {
            Some("a tombstone")
        } else {
            None
        };
        let (message, help) = match role {
            Some(role) => (
                format!("`{name}` is {role}: it has to be known as soon as its record is."),
                "Take `arrives` off it; what arrives later are the values that features fold.",
            ),
            None if source.fields[arrives].ty != Type::Time => (
                format!("`{name}` arrives at `{other}`, but that is of type {}.", source.fields[arrives].ty),
                "Name a field of the type `timestamp` (or `date`): the time from which on the value is known.",
            ),
            None => {
                draft.source.fields[index].arrives = Some(arrives);
                return;
            }
        };
        self.findings.at(Code::BadArrives, &unit.origin, span, message, help);
    }
}
