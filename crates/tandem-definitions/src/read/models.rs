//! Models: which question a notebook answers, and with which features; and adopted notebooks, which answer none yet.

use super::{Reader, Unit};
use crate::codes::Code;
use crate::findings::instead;
use crate::project::{Adopted, AdoptedInput, Model};
use crate::sql::read_one;
use crate::yaml::Node;

impl Reader {
    pub(super) fn models(&mut self, units: &[&Unit<'_>]) {
        for unit in units {
            self.model(unit);
        }
    }

    fn model(&mut self, unit: &Unit<'_>) -> Option<()> {
        let (root, origin) = (&unit.root, &unit.origin);
        let owner = self.person(root.get("owner"), origin);
        let folder = origin.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let name = root.get("name");
        if let Some((node, text)) = name.and_then(|n| Some((n, n.text()?)))
            && folder.rsplit('/').next() != Some(text)
        {
            let message = format!("This model is named `{text}`, but its folder is `{folder}`.");
            let help = format!("Write `name: {}`, or rename the folder.", folder.rsplit('/').next().unwrap_or(""));
            self.findings.at(Code::ModelFolder, origin, node.span, message, help);
        }
        let Some(question_node) = root.get("question") else {
            return self.adopted(unit, folder, owner.unwrap_or_default());
        };
        if let Some(adopted) = root.get("adopted") {
            let message = "This model answers a question, and says that it is only adopted.";
            let help = "Remove `adopted` and `inputs` when the notebook trains on the question's training set; else remove `question`.";
            self.findings.at(Code::AdoptedAndAsked, origin, adopted.span, message, help);
        }
        let question = question_node.text()?;
        let Some(index) = self.project.questions.iter().position(|q| q.name == question) else {
            if !self.broken.questions.contains(question) {
                let names = self.project.questions.iter().map(|q| q.name.as_str());
                let help = instead(question, "question", names.chain(self.broken.questions.iter().map(String::as_str)));
                let message = format!("There is no question `{question}`.");
                self.findings.at(Code::UnknownQuestion, origin, question_node.span, message, help);
            }
            return None;
        };
        let asked = self.project.questions[index].features.clone();
        let list = root.get("features");
        let single = |f: &usize| self.project.features[*f].ty.element().is_some();
        let all = asked.iter().copied().filter(single).collect();
        let features = self.named_features(list, origin, all);
        for node in list.map_or(&[][..], Node::items) {
            let known = node.text().and_then(|name| self.project.feature(name));
            if let Some(feature) = known.map(|f| &self.project.features[f])
                && let Some(help) = read_one(feature.ty, &feature.name)
            {
                let message =
                    format!("`{}` is {}, and a model takes single values.", feature.name, feature.ty.with_article());
                let help = format!("{help} Make a feature of that, and name it here.");
                self.findings.at(Code::NotOneValue, origin, node.span, message, help);
            }
            if known.is_some_and(|feature| !asked.contains(&feature)) {
                let message = format!("`{}` is not among the features of `{question}`.", node.text().unwrap_or(""));
                let help = "Add it to the question's `features`, so that its training sets have it.";
                self.findings.at(Code::FeatureNotAsked, origin, node.span, message, help);
            }
        }
        let beside = |key: &str| root.text_of(key).map(|file| format!("{folder}/{file}"));
        let name = name?;
        self.project.models.push(Model {
            name: name.text()?.to_owned(),
            meaning: root.text_of("meaning").unwrap_or_default().to_owned(),
            owner: owner.unwrap_or_default(),
            question: index,
            features,
            notebook: beside("notebook")?,
            lock: beside("lock")?,
            place: origin.place(name.span),
        });
        Some(())
    }

    /// A notebook that was adopted: the same keys without a question, and the files that it reads.
    fn adopted(&mut self, unit: &Unit<'_>, folder: &str, owner: String) -> Option<()> {
        let (root, origin) = (&unit.root, &unit.origin);
        let Some(from) = root.text_of("adopted") else {
            let (span, name) =
                root.get("name").map_or((root.span, ""), |name| (name.span, name.text().unwrap_or_default()));
            let message = format!("`question` is missing in `{name}`.");
            let help = "Add `question:` — the question that it answers. A notebook that answers none comes in by `tandem notebook adopt`.";
            self.findings.missing(Code::MissingKey, origin, span, message, help);
            return None;
        };
        let mut inputs = Vec::new();
        for node in root.list("inputs") {
            let (Some(file), Some(sha256)) = (node.text_of("file"), node.text_of("sha256")) else { continue };
            let source = node.get("source");
            if let Some(source) = source {
                self.source(source, origin);
            }
            inputs.push(AdoptedInput {
                file: file.to_owned(),
                kept: node.text_of("kept").unwrap_or(file).to_owned(),
                source: source.and_then(Node::text).map(str::to_owned),
                sha256: sha256.to_owned(),
                bytes: node.get("bytes").and_then(Node::raw).and_then(|raw| raw.parse().ok()).unwrap_or_default(),
                place: origin.place(node.span),
            });
        }
        let beside = |key: &str| root.text_of(key).map(|file| format!("{folder}/{file}"));
        let name = root.get("name")?;
        self.project.adopted.push(Adopted {
            name: name.text()?.to_owned(),
            meaning: root.text_of("meaning").unwrap_or_default().to_owned(),
            owner,
            from: from.to_owned(),
            notebook: beside("notebook")?,
            lock: beside("lock")?,
            inputs,
            place: origin.place(name.span),
        });
        Some(())
    }
}
