//! Runs the steps of a plan. What a step makes is kept under the hash of all that it was made from, so nothing is made twice; what is
//! half made never bears its final name.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ring::digest::{Context, SHA256};

use crate::plan::{Place, Step, Value};

/// Products of a step that are kept: this one and the one before it.
const KEPT: usize = 2;

/// Why there is no image; the text says what to do.
pub(crate) type Failure = String;

/// Where things lie.
#[derive(Clone, Debug)]
pub(crate) struct Folders {
    /// The repository.
    pub(crate) source: PathBuf,
    /// The build folder.
    pub(crate) work: PathBuf,
    /// What is made of packages alone: the same for every checkout of this user.
    pub(crate) cache: PathBuf,
}

/// Runs steps and remembers what they made.
pub(crate) struct Builder {
    folders: Folders,
    /// The folder of each step that was run, and its key.
    made: BTreeMap<&'static str, (PathBuf, String)>,
}

impl Builder {
    /// Nothing was made yet.
    pub(crate) fn new(folders: Folders) -> Self {
        Self { folders, made: BTreeMap::new() }
    }

    /// The folder that a step made.
    ///
    /// # Errors
    /// When there was no such step.
    pub(crate) fn folder(&self, step: &str) -> Result<&Path, Failure> {
        self.made.get(step).map(|(folder, _)| folder.as_path()).ok_or_else(|| format!("there is no step {step}"))
    }

    /// Runs a step, unless what it makes is there.
    ///
    /// # Errors
    /// When it fails.
    pub(crate) fn run(&mut self, step: &Step) -> Result<&Path, Failure> {
        let key = self.key(step)?;
        let home = self.home(step);
        let product = home.join(&key[..24]);
        if step.always || !product.is_dir() {
            let started = std::time::Instant::now();
            report(&format!("{} ({}) ...", step.name, &key[..24]));
            let fresh = home.join("new");
            remove(&fresh)?;
            fs::create_dir_all(&home).map_err(|error| told(&home, &error))?;
            self.execute(step, &fresh)?;
            if fresh.is_dir() {
                remove(&product)?;
                fs::rename(&fresh, &product).map_err(|error| told(&product, &error))?;
            }
            report(&format!("{}: {} s", step.name, started.elapsed().as_secs()));
        }
        prune(&home, &product)?;
        // A step that runs every time is known by what it made, so that what follows is not made again for nothing.
        let key = if step.always && product.is_dir() { hash_tree(&product)? } else { key };
        self.made.insert(step.name, (product, key));
        self.folder(step.name)
    }

    /// Where the products of a step are kept.
    fn home(&self, step: &Step) -> PathBuf {
        let of_packages = step.values.iter().any(|(_, value)| *value == Value::Kept("apt"));
        if of_packages { self.folders.cache.join(step.name) } else { self.folders.work.join("steps").join(step.name) }
    }

    fn execute(&self, step: &Step, out: &Path) -> Result<(), Failure> {
        let Folders { source, work, cache } = &self.folders;
        let script = format!("image/steps/{}.sh", step.script);
        let mut command = match step.place {
            Place::Host => Command::new(source.join(&script)),
            Place::Tools => {
                let mut inside = Command::new(source.join("image/steps/inside.sh"));
                inside.arg(self.folder("tools")?).args([source, work, cache]).arg(format!("/source/{script}"));
                inside
            }
        };
        for (name, value) in &step.values {
            command.env(name, self.shown(step.place, value)?);
        }
        command.env("OUT", self.seen(step.place, out)).stdin(Stdio::null());
        let ended = command.status().map_err(|error| told(Path::new(&script), &error))?;
        if ended.success() { Ok(()) } else { Err(format!("{script} failed ({ended})")) }
    }

    /// What the script reads in the variable.
    fn shown(&self, place: Place, value: &Value) -> Result<OsString, Failure> {
        let path = match value {
            Value::Text(text) => return Ok(text.into()),
            Value::Source(path) => self.folders.source.join(path),
            Value::Made(step, "") => self.folder(step)?.to_owned(),
            Value::Made(step, file) => self.folder(step)?.join(file),
            Value::Kept(path) => self.folders.work.join(path),
            Value::Repository => self.folders.source.clone(),
        };
        Ok(self.seen(place, &path))
    }

    /// A path as the script sees it.
    fn seen(&self, place: Place, path: &Path) -> OsString {
        let Folders { source, work, cache } = &self.folders;
        if place == Place::Host {
            return path.into();
        }
        // The build folder may lie within the repository, so it goes first.
        let roots = [(work, "/work"), (cache, "/cache"), (source, "/source")];
        let inside = |(folder, root): (&PathBuf, &str)| Some(Path::new(root).join(path.strip_prefix(folder).ok()?));
        roots.into_iter().find_map(inside).unwrap_or_else(|| path.to_owned()).into()
    }

    /// The hash of all that the step is made from.
    fn key(&self, step: &Step) -> Result<String, Failure> {
        let mut context = Context::new(&SHA256);
        let script = self.folders.source.join(format!("image/steps/{}.sh", step.script));
        add(&mut context, step.name.as_bytes());
        add(&mut context, hash_tree(&script)?.as_bytes());
        if let (Place::Tools, Some((_, tools))) = (step.place, self.made.get("tools")) {
            add(&mut context, tools.as_bytes());
        }
        for (name, value) in &step.values {
            add(&mut context, name.as_bytes());
            let known = match value {
                Value::Text(text) => text.clone(),
                Value::Source(path) => hash_tree(&self.folders.source.join(path))?,
                Value::Made(other, file) => {
                    let key = self.made.get(other).map(|(_, key)| key.as_str());
                    format!("{}/{file}", key.ok_or_else(|| format!("{} needs {other}", step.name))?)
                }
                Value::Kept(path) if path.ends_with(".pem") => hash_tree(&self.folders.work.join(path))?,
                Value::Kept(_) | Value::Repository => String::new(),
            };
            add(&mut context, known.as_bytes());
        }
        Ok(hex(context.finish().as_ref()))
    }
}

/// With its length in front, so that two values never run into one another.
fn add(context: &mut Context, bytes: &[u8]) {
    context.update(&(bytes.len() as u64).to_le_bytes());
    context.update(bytes);
}

/// The hash of a file, or of a folder with the names and modes of all that is in it.
pub(crate) fn hash_tree(path: &Path) -> Result<String, Failure> {
    let mut context = Context::new(&SHA256);
    hash_into(&mut context, path, "")?;
    Ok(hex(context.finish().as_ref()))
}

fn hash_into(context: &mut Context, path: &Path, name: &str) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt;
    let known = fs::symlink_metadata(path).map_err(|error| told(path, &error))?;
    add(context, name.as_bytes());
    if known.is_dir() {
        let mut names = fs::read_dir(path)
            .and_then(|entries| {
                entries.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<Vec<_>, _>>()
            })
            .map_err(|error| told(path, &error))?;
        names.sort_unstable();
        for child in names {
            let name = format!("{name}/{}", child.to_string_lossy());
            hash_into(context, &path.join(child), &name)?;
        }
        return Ok(());
    }
    if known.is_symlink() {
        let target = fs::read_link(path).map_err(|error| told(path, &error))?;
        add(context, target.as_os_str().as_encoded_bytes());
        return Ok(());
    }
    add(context, &[u8::from(known.permissions().mode() & 0o111 != 0)]);
    add(context, &known.len().to_le_bytes());
    let mut file = File::open(path).map_err(|error| told(path, &error))?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer).map_err(|error| told(path, &error))?;
        if read == 0 {
            return Ok(());
        }
        context.update(buffer.get(..read).unwrap_or_default());
    }
}

/// Removes the products of earlier days, the oldest first.
fn prune(home: &Path, product: &Path) -> Result<(), Failure> {
    let Ok(entries) = fs::read_dir(home) else { return Ok(()) };
    let mut others: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path != product)
        .filter_map(|path| Some((fs::metadata(&path).ok()?.modified().ok()?, path)))
        .collect();
    others.sort_unstable();
    while others.len() >= KEPT {
        let (_, oldest) = others.remove(0);
        remove(&oldest)?;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(told(path, &error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The SHA-256 of a file in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn told(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    format!("{}: {error}", path.display())
}

#[expect(clippy::print_stderr, reason = "a build tool says what it does")]
pub(crate) fn report(text: &str) {
    eprintln!("image: {text}");
}
