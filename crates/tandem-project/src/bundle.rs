//! A release's bundle: what it holds, how it is written so that there is never half of one, and how it is opened only when
//! every file is what was released. Not here: which releases there are, and which is live (`release.rs`).

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tandem_definitions::{File, Model};

use crate::error::Error;
use crate::load::{Loaded, from_files, hexadecimal};
use crate::python;
use crate::train::{Metrics, Request, start_model};

/// The format of bundles that this version writes; every past one stays readable.
pub const FORMAT: u32 = 1;

/// What a bundle holds: each file with the SHA-256 of its content. The release's name is that of this text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format of the bundle.
    pub format: u32,
    /// The model.
    pub model: String,
    /// The question it answers.
    pub question: String,
    /// The features that are its inputs, in order.
    pub features: Vec<String>,
    /// The hash of the definitions.
    pub definitions: String,
    /// The files: path in the bundle, SHA-256 in hexadecimal; in order of path.
    pub files: Vec<(String, String)>,
}

/// A release's bundle, opened and found whole.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The release's name.
    pub id: String,
    /// Where it lies.
    pub folder: PathBuf,
    /// What it holds.
    pub manifest: Manifest,
    /// How good it was on its test part.
    pub metrics: Metrics,
    /// The project as it was released; its sources lie where the present project's lie.
    pub loaded: Loaded,
}

impl Bundle {
    /// The released model.
    pub fn model(&self) -> &Model {
        let model = self.loaded.project.model(&self.manifest.model);
        model.expect("a bundle was only opened with its model in it")
    }

    /// The model's Python environment, made from the bundle's own lock.
    ///
    /// # Errors
    /// [`Error::Environment`].
    pub fn environment(&self, progress: &mut dyn FnMut(&str)) -> Result<tandem_notebook::Environment, Error> {
        python::environment(&self.loaded, &self.folder.join("requirements.lock"), progress)
    }

    /// The model, running in a process of its own.
    ///
    /// # Errors
    /// What the environment or the model can say.
    pub fn start(&self, request: &Request) -> Result<tandem_inference::Model, Error> {
        let python = self.environment(&mut |_| {})?.python;
        start_model(&self.loaded, self.model(), request, &python, &self.folder)
    }
}

/// Opens a bundle, and verifies every file of it.
///
/// # Errors
/// When it is not on this machine, is of a later format, or was changed.
pub fn open_bundle(loaded: &Loaded, id: &str) -> Result<Bundle, Error> {
    let folder = bundle_folder(loaded, id);
    let path = folder.join("manifest.json");
    if !path.is_file() {
        return Err(Error::unusable(
            format!("the bundle of the release {id} is not on this machine ({})", folder.display()),
            "copy it from where it was released, or release again",
        ));
    }
    let changed = |what: &str| {
        Error::unusable(
            format!("the bundle of the release {id} is not what was released: {what}"),
            "a release never changes: copy the bundle anew, or roll back to another",
        )
    };
    let manifest: Manifest = read_json(&path)?;
    if manifest.format > FORMAT {
        return Err(Error::unusable(
            format!("the release {id} has the format {}, and this version reads up to {FORMAT}", manifest.format),
            "use a later version of tandem",
        ));
    }
    if name_of(&manifest) != id {
        return Err(changed("its manifest does not give its name"));
    }
    let mut files = Vec::new();
    for (name, hash) in &manifest.files {
        let bytes = std::fs::read(folder.join(name)).map_err(Error::file("read", folder.join(name)))?;
        if hexadecimal(&Sha256::digest(&bytes)) != *hash {
            return Err(changed(&format!("{name} differs")));
        }
        if let Some(path) = name.strip_prefix("definitions/") {
            let text = String::from_utf8(bytes).map_err(|_| changed(&format!("{name} is no text")))?;
            files.push(File { path: path.to_owned(), text });
        }
    }
    let mut released = from_files(&loaded.base, files).checked()?;
    released.origin = loaded.origin.clone();
    released.options = loaded.options;
    if released.project.model(&manifest.model).is_none() {
        return Err(changed("its definitions do not have its model"));
    }
    let metrics = read_json(&folder.join("metrics.json"))?;
    Ok(Bundle { id: id.to_owned(), folder, manifest, metrics, loaded: released })
}

/// Writes a bundle under another name and renames it: there is never half a bundle.
pub(crate) fn write_bundle(folder: &Path, manifest: &Manifest, contents: &[(String, Vec<u8>)]) -> Result<(), Error> {
    let parent = folder.parent().unwrap_or(folder);
    std::fs::create_dir_all(parent).map_err(Error::file("make", parent))?;
    let temporary = tempfile::tempdir_in(parent).map_err(Error::file("write in", parent))?;
    for (path, bytes) in contents {
        let path = temporary.path().join(path);
        let above = path.parent().unwrap_or(temporary.path());
        std::fs::create_dir_all(above).map_err(Error::file("make", above))?;
        write_durably(&path, bytes)?;
    }
    let manifest = serde_json::to_string(manifest).expect("plain data");
    write_durably(&temporary.path().join("manifest.json"), manifest.as_bytes())?;
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(Error::file("replace", folder))?;
    }
    std::fs::rename(temporary.keep(), folder).map_err(Error::file("make", folder))?;
    // A folder's own entry is durable only when the folder above it is.
    std::fs::File::open(parent).and_then(|above| above.sync_all()).map_err(Error::file("write", parent))
}

fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let written = std::fs::File::create(path).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(Error::file("write", path))
}

pub(crate) fn name_of(manifest: &Manifest) -> String {
    let text = serde_json::to_string(manifest).expect("plain data");
    format!("{}-{}", manifest.model, &hexadecimal(&Sha256::digest(text))[..12])
}

pub(crate) fn bundle_folder(loaded: &Loaded, id: &str) -> PathBuf {
    loaded.state_dir().join("bundles").join(id)
}

pub(crate) fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let text = std::fs::read_to_string(path).map_err(Error::file("read", path))?;
    serde_json::from_str(&text).map_err(|e| {
        Error::unusable(format!("{} is not what Tandem wrote there: {e}", path.display()), "make it again")
    })
}
