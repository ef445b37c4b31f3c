//! Whether the sources keep what the features and questions look back on.

use super::Reader;
use crate::codes::Code;
use crate::history::History;
use crate::time::format_duration;

impl Reader {
    /// A warning for each feature and each question that needs more of a source than its contract says is kept.
    pub(super) fn kept(&mut self) {
        let mut found = Vec::new();
        for (index, feature) in self.project.features.iter().enumerate() {
            for (source, history) in self.project.history(index) {
                if let Some(message) = self.not_kept(&format!("`{}`", feature.name), source, history) {
                    found.push((feature.place.clone(), message, "`over:`"));
                }
            }
        }
        for question in &self.project.questions {
            for (source, history) in self.project.history_of(question) {
                let kept = self.project.sources[source].retention;
                let of_feature = |f: &usize| self.project.history(*f).get(&source).is_some_and(|h| !h.is_within(kept));
                if question.features.iter().any(of_feature) {
                    continue; // said of the feature
                }
                let name = format!("A row of the training set of `{}`", question.name);
                if let Some(message) = self.not_kept(&name, source, history) {
                    found.push((question.place.clone(), message, "its features, its calendar or its horizon"));
                }
            }
        }
        for (place, message, less) in found {
            let help = format!(
                "Keep the records longer (`retention` in the contract says how long), or look back less ({less})."
            );
            self.findings.placed(Code::NotKept, place, "", message, help);
        }
    }

    fn not_kept(&self, name: &str, source: usize, history: History) -> Option<String> {
        let source = &self.project.sources[source];
        let kept = source.retention.filter(|_| !history.is_within(source.retention))?;
        let needed = match history {
            History::Span(span) => format!("the records of `{}` of {}", source.name, format_duration(span)),
            History::Everything => format!("every record of `{}` ever", source.name),
        };
        Some(format!("{name} needs {needed}, and they are kept for {}.", format_duration(kept)))
    }
}
