//! The documents beside the image: what went into it, and how Raspberry Pi Imager lists it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::boards;

/// A Debian package, as the steps list it: name, version, architecture, source and its version, with tabs between.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Package {
    name: String,
    version: String,
    architecture: String,
}

/// Reads the lists of the steps; a line that is none is an error that names it.
///
/// # Errors
/// The line.
pub(crate) fn packages(lists: &[String]) -> Result<BTreeSet<Package>, String> {
    let line = |line: &str| {
        let mut fields = line.split('\t').map(str::to_owned);
        match (fields.next(), fields.next(), fields.next()) {
            (Some(name), Some(version), Some(architecture)) if !name.is_empty() && !version.is_empty() => {
                Ok(Package { name, version, architecture })
            }
            _ => Err(format!("no package: {line:?}")),
        }
    };
    lists.iter().flat_map(|list| list.lines()).map(line).collect()
}

/// A crate with its version and licence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Crate {
    name: String,
    version: String,
    licence: String,
}

/// Reads what `cargo tree --prefix none --format '{p}|{l}'` prints; crates of this repository carry their folder and are left out.
pub(crate) fn crates(tree: &str) -> BTreeSet<Crate> {
    let line = |line: &str| {
        let (package, licence) = line.split_once('|')?;
        let mut words = package.split(' ');
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        let ours = package.contains("(/");
        let licence = licence.trim().trim_end_matches(" (*)").to_owned();
        (!ours).then(|| Crate { name: name.to_owned(), version: version.to_owned(), licence })
    };
    tree.lines().filter_map(line).collect()
}

/// What a build was made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inputs<'a> {
    /// On the card.
    pub(crate) packages: &'a BTreeSet<Package>,
    /// That built it.
    pub(crate) tools: &'a BTreeSet<Package>,
    /// Compiler and linkers, a line each.
    pub(crate) compiler: &'a str,
    pub(crate) kernel: &'a str,
    /// In seconds since 1970.
    pub(crate) date: i64,
}

/// All of it, a line each: enough to see which input of two builds differs.
pub(crate) fn lock(inputs: &Inputs<'_>) -> String {
    let mut text = format!("date\t{}\nkernel\t{}\n", inputs.date, inputs.kernel);
    for line in inputs.compiler.lines() {
        text.push_str(&format!("compiler\t{line}\n"));
    }
    for (what, list) in [("package", inputs.packages), ("tool", inputs.tools)] {
        for Package { name, version, architecture } in list {
            text.push_str(&format!("{what}\t{name}\t{version}\t{architecture}\n"));
        }
    }
    text
}

/// The bill of materials (CycloneDX 1.6, JSON).
pub(crate) fn sbom(version: &str, packages: &BTreeSet<Package>, crates: &BTreeSet<Crate>, date: &str) -> Value {
    let debian = packages.iter().map(|Package { name, version, architecture }| {
        let url = format!("pkg:deb/debian/{name}@{}?arch={architecture}", escaped(version));
        json!({ "type": "library", "name": name, "version": version, "purl": url, "bom-ref": url })
    });
    let rust = crates.iter().map(|Crate { name, version, licence }| {
        let url = format!("pkg:cargo/{name}@{}", escaped(version));
        let mut component = json!({ "type": "library", "name": name, "version": version, "purl": url, "bom-ref": url });
        if let (false, Some(object)) = (licence.is_empty(), component.as_object_mut()) {
            // The older way of Cargo to write OR.
            let expression = licence.replace('/', " OR ");
            object.insert("licenses".to_owned(), json!([{ "expression": expression }]));
        }
        component
    });
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": date,
            "component": { "type": "firmware", "name": "latchkey", "version": version, "licenses": [{ "license": { "id": "MPL-2.0" } }] },
        },
        "components": debian.chain(rust).collect::<Vec<_>>(),
    })
}

/// A version may hold what means something in a package URL.
fn escaped(version: &str) -> String {
    version.replace('%', "%25").replace('+', "%2B").replace('~', "%7E").replace(':', "%3A")
}

/// The files of an image as Raspberry Pi Imager wants to know them.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    /// Size and SHA-256 of the card image.
    pub(crate) image: (u64, String),
    /// Size and SHA-256 of the compressed one.
    pub(crate) download: (u64, String),
}

/// The list for Raspberry Pi Imager, with one entry. The address is that of whoever publishes the file.
pub(crate) fn imager(version: &str, file: &str, date: &str, files: &Files) -> Value {
    json!({
        "os_list": [{
            "name": format!("Latchkey {version}"),
            "description": "Sign in to every app of your house with your face or your finger",
            "url": file,
            "release_date": date.get(..10).unwrap_or(date),
            "extract_size": files.image.0,
            "extract_sha256": files.image.1,
            "image_download_size": files.download.0,
            "image_download_sha256": files.download.1,
            "init_format": "none",
            "devices": boards::imager_devices(),
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_names_each_package_and_each_crate_once() {
        let list = "udev\t257.1-1~deb13u1\tarm64\tsystemd\t257.1\n".to_owned();
        let found = packages(&[list.clone(), list]).unwrap();
        let tree = "latchkey v1.0.0 (/home/x)|MPL-2.0\nring v0.17.14|Apache-2.0 AND ISC\nring v0.17.14|Apache-2.0 AND ISC (*)\nold v1.0.0|MIT/Apache-2.0\n";
        let bill = sbom("1.2.3", &found, &crates(tree), "2026-01-01T00:00:00Z");
        let components = bill["components"].as_array().unwrap();
        assert_eq!(components.len(), 3);
        assert_eq!(components[0]["purl"], "pkg:deb/debian/udev@257.1-1%7Edeb13u1?arch=arm64");
        assert_eq!(components[1]["licenses"][0]["expression"], "MIT OR Apache-2.0");
    }

    #[test]
    fn a_line_that_is_no_package_is_named() {
        assert!(packages(&["udev 257".to_owned()]).unwrap_err().contains("udev 257"));
    }

    #[test]
    fn the_lock_names_every_input() {
        let list = |line: &str| packages(&[line.to_owned()]).unwrap();
        let (packages, tools) = (list("udev\t257\tarm64\n"), list("mtools\t4\tamd64\n"));
        let inputs =
            Inputs { packages: &packages, tools: &tools, compiler: "rustc 1\ngcc 2\n", kernel: "7.3", date: 5 };
        let lines: Vec<_> = lock(&inputs).lines().map(str::to_owned).collect();
        let expected = [
            "date\t5",
            "kernel\t7.3",
            "compiler\trustc 1",
            "compiler\tgcc 2",
            "package\tudev\t257\tarm64",
            "tool\tmtools\t4\tamd64",
        ];
        assert_eq!(lines, expected);
    }
}
