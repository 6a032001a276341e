//! `latchkey-image`: builds the card image of Latchkey from Debian packages and this repository.
//!
//! [`plan`] says what is made from what; [`build`] runs the steps of `image/steps/` and keeps what they made under the hash of what
//! it was made from. Nothing needs a loop device or a mount on this machine.

mod beside;
mod boards;
mod build;
mod layout;
mod packages;
mod plan;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};
use ring::digest::{SHA256, digest};

use build::{Builder, Failure, Folders, hex, report, told};
use plan::{Request, Resolved};

/// Builds the card image of Latchkey
#[derive(Debug, Parser)]
#[command(name = "latchkey-image", version)]
struct Cli {
    /// Where it is built; the image stands there in the end
    #[arg(long, default_value = "target/image", value_name = "FOLDER")]
    out: PathBuf,
    /// Take the packages that were looked up the last time, without the network
    #[arg(long)]
    offline: bool,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum What {
    /// The image and all that stands beside it
    Build,
    /// The updates that the tests of the image try
    TestBundles,
    /// Make the slot, the card and the update a second time and compare the bytes
    Reproduce,
    /// Print the steps, without running any
    Plan,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report(&failure);
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<(), Failure> {
    let source = std::env::current_dir().map_err(|error| error.to_string())?;
    if !source.join("image/steps").is_dir() {
        return Err("run this at the top of the repository: make image".to_owned());
    }
    fs::create_dir_all(&cli.out).map_err(|error| told(&cli.out, &error))?;
    let work = cli.out.canonicalize().map_err(|error| told(&cli.out, &error))?;
    let cache = cache().join("latchkey-image");
    fs::create_dir_all(&cache).map_err(|error| told(&cache, &error))?;
    let folders = Folders { source, work, cache };
    if let What::Plan = cli.what {
        return show(&folders);
    }
    let request = request(&folders, cli.offline)?;
    match cli.what {
        What::Build => image(&folders, &request),
        What::TestBundles => test_bundles(&folders, &request),
        What::Reproduce => reproduce(&folders, &request),
        What::Plan => Ok(()),
    }
}

#[expect(clippy::print_stdout, reason = "what was asked for")]
fn show(folders: &Folders) -> Result<(), Failure> {
    let request = Request { version: version(), date: date(&folders.source)?, resolved: Resolved::default() };
    for step in plan::image(&request) {
        println!("{} ({:?})", step.name, step.place);
        for (name, value) in step.values {
            println!("    {name} = {value:?}");
        }
    }
    Ok(())
}

fn image(folders: &Folders, request: &Request) -> Result<(), Failure> {
    let name = format!("latchkey-{}-arm64", request.version);
    let mut builder = Builder::new(folders.clone());
    for step in plan::image(request) {
        builder.run(&step)?;
        if step.name == "tools" {
            link(&folders.work, "tools", builder.folder("tools")?)?;
        }
    }
    let made = builder.run(&plan::finish(&name))?.to_owned();
    for entry in fs::read_dir(&made).map_err(|error| told(&made, &error))?.filter_map(Result::ok) {
        place(&entry.path(), &folders.work.join(entry.file_name()))?;
    }
    documents(folders, &builder, request, &name)?;
    report(&format!("{} is ready", folders.work.join(format!("{name}.img.zst")).display()));
    Ok(())
}

/// What is written beside the image.
fn documents(folders: &Folders, builder: &Builder, request: &Request, name: &str) -> Result<(), Failure> {
    let read = |step: &str, file: &str| {
        let path = builder.folder(step)?.join(file);
        fs::read_to_string(&path).map_err(|error| told(&path, &error))
    };
    let lists = [read("root", "packages")?, read("debs", "packages")?];
    let packages = beside::packages(&lists)?;
    let when = jiff::Timestamp::from_second(request.date).map_err(|error| error.to_string())?.to_string();
    let tools = tools_of(builder.folder("tools")?)?;
    let kernel = read("debs", "kernel")?;
    let compiler = read("binary", "compiler")?;
    let inputs = beside::Inputs {
        packages: &packages,
        tools: &tools,
        compiler: &compiler,
        kernel: kernel.trim(),
        date: request.date,
    };
    let lock = beside::lock(&inputs);
    let bill = beside::sbom(&request.version, &packages, &beside::crates(&tree(&folders.source)?), &when);
    let file = |suffix: &str| folders.work.join(format!("{name}{suffix}"));
    let files = beside::Files { image: known(&file(".img"))?, download: known(&file(".img.zst"))? };
    let listed = beside::imager(&request.version, &format!("{name}.img.zst"), &when, &files);
    write(&file(".lock"), &lock)?;
    write(&file(".cdx.json"), &format!("{bill:#}\n"))?;
    write(&file(".imager.json"), &format!("{listed:#}\n"))
}

fn test_bundles(folders: &Folders, request: &Request) -> Result<(), Failure> {
    let mut builder = Builder::new(folders.clone());
    let home = folders.work.join("test-bundles");
    fs::create_dir_all(&home).map_err(|error| told(&home, &error))?;
    for step in plan::test_bundles(request) {
        let made = builder.run(&step)?.join("bundle.raucb");
        if let Some(name) = step.name.strip_prefix("bundle-") {
            place(&made, &home.join(format!("{name}.raucb")))?;
        }
    }
    // The signature of a bundle stands at its end, behind its content.
    let signed = home.join("newer.raucb");
    let bytes = fs::read(&signed).map_err(|error| told(&signed, &error))?;
    let content = bytes.get(..bytes.len().saturating_sub(SIGNATURE_TAIL)).unwrap_or_default();
    let unsigned = home.join("unsigned.raucb");
    fs::write(&unsigned, content).map_err(|error| told(&unsigned, &error))
}

/// More than a signature and its length take.
const SIGNATURE_TAIL: usize = 4096;

/// What comes of the same input twice, the roots of packages and the binary apart, which are inputs here.
fn reproduce(folders: &Folders, request: &Request) -> Result<(), Failure> {
    let mut builder = Builder::new(folders.clone());
    let mut first = Vec::new();
    for step in plan::image(request) {
        let made = builder.run(&step)?.to_owned();
        if ["rootfs", "card"].contains(&step.name) {
            first.push((step.clone(), build::hash_tree(&made)?));
            fs::remove_dir_all(&made).map_err(|error| told(&made, &error))?;
            if build::hash_tree(builder.run(&step)?)? != first.last().map(|(_, hash)| hash.clone()).unwrap_or_default()
            {
                return Err(format!("the step {} made other bytes the second time", step.name));
            }
            report(&format!("{}: the same bytes twice", step.name));
        }
    }
    Ok(())
}

/// What apt would install today, and when the source was committed.
fn request(folders: &Folders, offline: bool) -> Result<Request, Failure> {
    let apt = folders.work.join("apt");
    if !offline {
        report("package lists ...");
        let listed = Command::new(folders.source.join("image/steps/sources.sh")).arg(&apt).output();
        let listed = listed.map_err(|error| error.to_string())?;
        if !listed.status.success() {
            let said = String::from_utf8_lossy(&listed.stderr).into_owned();
            return Err(format!("the package lists cannot be had; --offline takes the last ones\n{said}"));
        }
    }
    let root: Vec<_> = std::iter::once("?essential").chain(packages::root()).collect();
    let resolved = Resolved {
        root: simulate(&apt, &root)?,
        parts: candidates(&apt, &["linux-image-arm64", "raspi-firmware", "u-boot-rpi", "firmware-brcm80211"])?,
        release: release(&apt)?,
    };
    Ok(Request { version: version(), date: date(&folders.source)?, resolved })
}

/// Each package that apt would install, with its version.
fn simulate(apt: &Path, names: &[&str]) -> Result<String, Failure> {
    let mut words = vec!["apt-get", "install", "--simulate", "--quiet"];
    words.extend(names);
    let text = ask(apt, &words)?;
    let mut lines: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("Inst ")).collect();
    lines.sort_unstable();
    Ok(lines.join("\n"))
}

/// The version of each package that apt would take, whatever it depends on.
fn candidates(apt: &Path, names: &[&str]) -> Result<String, Failure> {
    let mut words = vec!["apt-cache", "policy"];
    words.extend(names);
    let text = ask(apt, &words)?;
    let told = |line: &&str| line.ends_with(':') || line.trim_start().starts_with("Candidate: ");
    Ok(text.lines().filter(told).map(str::trim).collect::<Vec<_>>().join(" "))
}

/// What apt answers from the lists of the build.
fn ask(apt: &Path, words: &[&str]) -> Result<String, Failure> {
    let Some((program, words)) = words.split_first() else { return Ok(String::new()) };
    let mut command = Command::new(program);
    command.args(words).env("APT_CONFIG", apt.join("apt.conf")).env("LC_ALL", "C");
    let output = command.output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("apt cannot do this: {}\n{}", words.join(" "), String::from_utf8_lossy(&output.stderr)))
}

/// Which point release of Debian the lists are of.
fn release(apt: &Path) -> Result<String, Failure> {
    let lists = apt.join("lists");
    let entries = fs::read_dir(&lists).map_err(|error| told(&lists, &error))?;
    let mut found: Vec<_> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().ends_with("_dists_trixie_InRelease"))
        .filter_map(|entry| fs::read_to_string(entry.path()).ok())
        .filter_map(|text| text.lines().find(|line| line.starts_with("Version: ")).map(str::to_owned))
        .collect();
    found.sort_unstable();
    found.pop().ok_or_else(|| "the package lists are not those of Debian trixie".to_owned())
}

fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// Where this user's programs keep what they can make again (XDG base directories).
fn cache() -> PathBuf {
    let said = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    said("XDG_CACHE_HOME").or_else(|| Some(said("HOME")?.join(".cache"))).unwrap_or_else(|| PathBuf::from("target"))
}

/// When the source was committed: the same source gives the same image, whenever it is built. `SOURCE_DATE_EPOCH` overrides it.
fn date(source: &Path) -> Result<i64, Failure> {
    let said = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(said) => said,
        Err(_) => {
            let told = Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(source).output();
            String::from_utf8_lossy(&told.map_err(|error| format!("git: {error}"))?.stdout).into_owned()
        }
    };
    said.trim()
        .parse()
        .map_err(|_| "when was this source made? Say so: SOURCE_DATE_EPOCH=<seconds since 1970>".to_owned())
}

/// The packages of the tool root.
fn tools_of(root: &Path) -> Result<std::collections::BTreeSet<beside::Package>, Failure> {
    let mut command = Command::new("dpkg-query");
    command.arg("--admindir").arg(root.join("var/lib/dpkg"));
    command.args(["--show", "--showformat", "${Package}\t${Version}\t${Architecture}\n"]);
    let listed = command.output().map_err(|error| format!("dpkg-query: {error}"))?;
    beside::packages(&[String::from_utf8_lossy(&listed.stdout).into_owned()])
}

/// The crates of the binary.
fn tree(source: &Path) -> Result<String, Failure> {
    let words = "tree --locked --package appliance --edges normal --target aarch64-unknown-linux-gnu --prefix none --format {p}|{l}";
    let output = Command::new("cargo").args(words.split(' ')).current_dir(source).output();
    let output = output.map_err(|error| format!("cargo: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("cargo tree failed:\n{}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// Size and SHA-256 of a file.
fn known(path: &Path) -> Result<(u64, String), Failure> {
    let bytes = fs::read(path).map_err(|error| told(path, &error))?;
    Ok((bytes.len() as u64, hex(digest(&SHA256, &bytes).as_ref())))
}

/// A copy under another name: whoever boots it must not change what the next build takes up.
fn place(from: &Path, to: &Path) -> Result<(), Failure> {
    let _ = fs::remove_file(to);
    let copied = Command::new("cp").args(["--sparse=always", "--reflink=auto"]).args([from, to]).status();
    match copied {
        Ok(ended) if ended.success() => Ok(()),
        Ok(_) | Err(_) => Err(format!("cannot copy {} to {}", from.display(), to.display())),
    }
}

/// A name that does not change for a folder that does.
fn link(work: &Path, name: &str, to: &Path) -> Result<(), Failure> {
    let path = work.join(name);
    let _ = fs::remove_file(&path);
    std::os::unix::fs::symlink(to, &path).map_err(|error| told(&path, &error))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| told(path, &error))
}
