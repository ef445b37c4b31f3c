//! The releases that answer, and how one follows another without dropping a request: a request holds on to the releases that it
//! found, and the next request finds the new ones. Not here: what a release is and how its bundle is loaded (the caller's).

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tandem_definitions::Project;

use crate::problem::nearest;
use crate::questions::Needs;
use crate::setup::{Event, LiveModel};

/// What loads the models again.
pub type Reload = Box<dyn Fn() -> Result<Vec<LiveModel>, String> + Send>;

/// A release that fits the definitions.
pub struct Fitted {
    /// The release.
    pub model: LiveModel,
    /// Its inputs, by the features' indexes in the project.
    pub inputs: Vec<usize>,
    /// What they need to be answered.
    pub needs: Needs,
}

/// The releases that answer.
pub struct Live {
    project: Arc<Project>,
    now: RwLock<Arc<Vec<Arc<Fitted>>>>,
    reload: Mutex<Reload>,
    /// Why the last reload was refused.
    trouble: Mutex<Option<String>>,
    notice: Arc<dyn Fn(Event) + Send + Sync>,
}

impl Live {
    /// The releases that answer first.
    pub fn new(
        project: Arc<Project>,
        models: Vec<LiveModel>,
        reload: Reload,
        notice: Arc<dyn Fn(Event) + Send + Sync>,
    ) -> Result<Self, String> {
        let fitted = fit_all(&project, models)?;
        let (now, reload) = (RwLock::new(Arc::new(fitted)), Mutex::new(reload));
        Ok(Self { project, now, reload, trouble: Mutex::new(None), notice })
    }

    /// The releases that answer now.
    pub fn all(&self) -> Arc<Vec<Arc<Fitted>>> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The release of this model.
    pub fn of(&self, model: &str) -> Option<Arc<Fitted>> {
        self.all().iter().find(|fitted| fitted.model.name == model).cloned()
    }

    /// Why the last reload was refused, if it was.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks for the releases again, and switches to them. On an error those before go on.
    pub fn reload(&self) -> Result<(), String> {
        let loaded = {
            let reload = self.reload.lock().unwrap_or_else(PoisonError::into_inner);
            let loaded = reload().and_then(|models| fit_all(&self.project, models));
            loaded.map(|next| {
                let next = Arc::new(next);
                // Under the lock of `reload`, so that two reloads end in their order.
                (
                    std::mem::replace(
                        &mut *self.now.write().unwrap_or_else(PoisonError::into_inner),
                        Arc::clone(&next),
                    ),
                    next,
                )
            })
        };
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = loaded.as_ref().err().cloned();
        match loaded {
            Ok((before, after)) => {
                self.tell(&before, &after);
                Ok(())
            }
            Err(reason) => {
                (self.notice)(Event::ReloadFailed { reason: reason.clone() });
                Err(reason)
            }
        }
    }

    fn tell(&self, before: &[Arc<Fitted>], after: &[Arc<Fitted>]) {
        let release = |list: &[Arc<Fitted>], name: &str| {
            list.iter().find(|f| f.model.name == name).map(|f| f.model.release.clone())
        };
        let gone = before.iter().filter(|f| release(after, &f.model.name).is_none());
        for model in after.iter().chain(gone).map(|f| &f.model.name) {
            let (from, to) = (release(before, model), release(after, model));
            if from != to {
                (self.notice)(Event::Switched { model: model.clone(), from, to });
            }
        }
    }
}

fn fit_all(project: &Project, models: Vec<LiveModel>) -> Result<Vec<Arc<Fitted>>, String> {
    models.into_iter().map(|model| fit(project, model).map(Arc::new)).collect()
}

/// A release whose every input is served under the definitions at hand.
fn fit(project: &Project, model: LiveModel) -> Result<Fitted, String> {
    let what = format!("release `{}` of model `{}`", model.release, model.name);
    if project.question(&model.question).is_none() {
        let known = nearest(&model.question, project.questions.iter().map(|q| q.name.as_str()));
        return Err(format!(
            "{what} answers the question `{}`, which the definitions do not have ({known}): release the model again with the \
             present definitions, or serve the definitions that it was released with",
            model.question
        ));
    }
    let inputs = model.features.iter().map(|name| {
        project.feature(name).ok_or_else(|| {
            let known = nearest(name, project.features.iter().map(|f| f.name.as_str()));
            format!(
                "{what} reads the feature `{name}`, which the definitions do not have ({known}): release the model again with the \
                 present definitions, or serve the definitions that it was released with"
            )
        })
    });
    let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
    let needs = Needs::of(project, &inputs);
    Ok(Fitted { model, inputs, needs })
}

/// A fingerprint of the files at these paths (folders with all below): names, sizes and times of change.
pub fn fingerprint(paths: &[PathBuf]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for path in paths {
        look(path, &mut hasher);
    }
    hasher.finish()
}

fn look(path: &Path, hasher: &mut DefaultHasher) {
    path.hash(hasher);
    let Ok(metadata) = std::fs::metadata(path) else { return };
    if metadata.is_dir() {
        let mut below: Vec<PathBuf> =
            std::fs::read_dir(path).map(|entries| entries.flatten().map(|e| e.path()).collect()).unwrap_or_default();
        below.sort();
        for path in &below {
            look(path, hasher);
        }
    } else {
        metadata.len().hash(hasher);
        metadata.modified().ok().hash(hasher);
    }
}
