//! What is made, from what, by which step. Pure: the same request gives the same plan, and nothing here looks at the machine.

use crate::{boards, layout, packages};

/// What RAUC compares: an update for another kind of box is refused.
pub(crate) const COMPATIBLE: &str = "latchkey-rpi-arm64";

/// The bound of the root file system, in bytes unpacked.
const MOST_OF_ROOT: u64 = 160_000_000;
/// The bound of the compressed image in bytes.
const MOST_OF_IMAGE: u64 = 100_000_000;

/// Where a step runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On this machine.
    Host,
    /// In the tool root, where the repository is `/source` and the build folder `/work`.
    Tools,
}

/// A value that a step is told by an environment variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A word.
    Text(String),
    /// A file or folder of the repository; what is in it decides whether the step runs again.
    Source(&'static str),
    /// A file or folder that another step made.
    Made(&'static str, &'static str),
    /// A folder that stays, whatever is in it.
    Kept(&'static str),
    /// The repository as a whole, for a step that knows best itself whether there is anything to do.
    Repository,
}

/// One step: a script and what it is told. What it makes goes into the folder `OUT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Its name, and that of `image/steps/NAME.sh` unless `script` says another.
    pub(crate) name: &'static str,
    pub(crate) script: &'static str,
    pub(crate) place: Place,
    pub(crate) values: Vec<(&'static str, Value)>,
    /// Runs every time: it finds out what is new, or knows itself what it has done before.
    pub(crate) always: bool,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The version of the product.
    pub(crate) version: String,
    /// The build's date in seconds since 1970: the floor of the device's clock.
    pub(crate) date: i64,
    /// What the packages of each root are today, as apt resolves them: new ones make a new root.
    pub(crate) resolved: Resolved,
}

/// What apt would install today.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resolved {
    pub(crate) root: String,
    pub(crate) parts: String,
    pub(crate) release: String,
}

/// Roots are made of packages alone, so their date is none of the build's.
const ROOT_DATE: &str = "1767225600";

/// All steps of an image, each after those that it needs.
pub(crate) fn image(request: &Request) -> Vec<Step> {
    let mut steps = roots(request);
    steps.extend([binary(), trial_run()]);
    steps.extend(slot("rootfs", &request.version, request.date, None));
    steps.push(Step {
        name: "card",
        script: "card",
        place: Place::Tools,
        values: vec![
            ("SLOT", made("rootfs")),
            ("DEBS", made("debs")),
            ("BOOT", Value::Source("image/boot")),
            ("LAYOUT", Value::Text(layout::genimage())),
            ("FIRMWARE_SIZE", size("firmware")),
            ("SETUP_SIZE", size("LATCHKEY")),
            ("DATA_SIZE", size("data")),
            ("FIRMWARE", words(&boards::firmware())),
            ("DEVICE_TREES", words(&boards::device_trees())),
            ("SETUP_TEXT", Value::Source("appliance/docs/latchkey.toml.example")),
            ("SOURCE_DATE_EPOCH", Value::Text(request.date.to_string())),
        ],
        always: false,
    });
    steps.push(bundle(request.date, Bundle("bundle", "rootfs", request.version.clone(), COMPATIBLE, KEYS)));
    steps
}

/// The updates that tests try, beside the good one: for another board, a newer version, one that is not healthy.
pub(crate) fn test_bundles(request: &Request) -> Vec<Step> {
    let date = request.date;
    let mut steps = roots(request);
    steps.push(binary());
    steps.extend(slot("rootfs-newer", NEWER, date, None));
    steps.extend(slot("rootfs-unhealthy", UNHEALTHY, date, Some(BREAK)));
    steps.push(keys("keys-foreign", FOREIGN_KEYS));
    let (newer, unhealthy) = (NEWER.to_owned(), UNHEALTHY.to_owned());
    let bundles = [
        Bundle("bundle-newer", "rootfs-newer", newer.clone(), COMPATIBLE, KEYS),
        Bundle("bundle-unhealthy", "rootfs-unhealthy", unhealthy, COMPATIBLE, KEYS),
        Bundle("bundle-other-board", "rootfs-newer", newer.clone(), "latchkey-other-board", KEYS),
        Bundle("bundle-foreign", "rootfs-newer", newer, COMPATIBLE, FOREIGN_KEYS),
    ];
    steps.extend(bundles.map(|asked| bundle(date, asked)));
    steps
}

/// The keys of the build's owner.
const KEYS: &str = "keys";
/// Those of somebody else.
const FOREIGN_KEYS: &str = "keys-foreign";

/// The version of the update that tests install.
const NEWER: &str = "9999.1.0";
/// The version of the update that tests install in vain.
const UNHEALTHY: &str = "9999.2.0";
/// Makes a version that starts and does not serve. What is broken is its own business; the gate has to notice.
const BREAK: &str = "sed -i 's/^data_dir = .*/data_dir = \"\\/proc\\/nowhere\"/' \"$1/etc/latchkey/latchkey.toml\"";

fn roots(request: &Request) -> Vec<Step> {
    let tools = Step {
        name: "tools",
        script: "tools",
        place: Place::Host,
        values: vec![
            ("APT", Value::Kept("apt")),
            ("PACKAGES", Value::Text(packages::tools().join(","))),
            ("RELEASE", Value::Text(request.resolved.release.clone())),
        ],
        always: false,
    };
    let root = Step {
        name: "root",
        script: "root",
        place: Place::Host,
        values: vec![
            ("APT", Value::Kept("apt")),
            ("PACKAGES", Value::Text(packages::root().join(","))),
            ("RESOLVED", Value::Text(request.resolved.root.clone())),
            ("SOURCE_DATE_EPOCH", Value::Text(ROOT_DATE.to_owned())),
        ],
        always: false,
    };
    let debs = Step {
        name: "debs",
        script: "debs",
        place: Place::Host,
        values: vec![
            ("APT", Value::Kept("apt")),
            ("PACKAGES", Value::Text(packages::parts().join(" "))),
            ("RESOLVED", Value::Text(request.resolved.parts.clone())),
        ],
        always: false,
    };
    vec![tools, keys("keys", KEYS), root, debs]
}

fn keys(name: &'static str, folder: &'static str) -> Step {
    Step { name, script: "keys", place: Place::Tools, values: vec![("KEYS", Value::Kept(folder))], always: true }
}

fn binary() -> Step {
    let values = vec![("SOURCE", Value::Repository), ("CACHE", Value::Kept("rust"))];
    Step { name: "binary", script: "binary", place: Place::Host, values, always: true }
}

/// Whether the binary serves at all, before a card is made of it.
fn trial_run() -> Step {
    let values = vec![("BINARY", Value::Made("binary", "latchkey"))];
    Step { name: "trial-run", script: "trial-run", place: Place::Host, values, always: false }
}

fn slot(name: &'static str, version: &str, date: i64, patch: Option<&str>) -> [Step; 1] {
    let mut values = vec![
        ("ROOT_TAR", Value::Made("root", "root.tar")),
        ("DEBS", made("debs")),
        ("BINARY", Value::Made("binary", "latchkey")),
        ("KEYRING", Value::Kept("keys/certificate.pem")),
        ("OVERLAY", Value::Source("buildroot-overlay")),
        ("UNITS", Value::Source("systemd")),
        ("BOOT", Value::Source("image/boot")),
        ("STEPS", Value::Source("image/steps")),
        ("VERSION", Value::Text(version.to_owned())),
        ("DEVICE_TREES", words(&boards::device_trees())),
        ("WIFI_FIRMWARE", words(&boards::radio())),
        ("BOOT_SIZE", size("bootA")),
        ("ROOT_SIZE", size("rootA")),
        ("MOST", Value::Text(MOST_OF_ROOT.to_string())),
        ("SOURCE_DATE_EPOCH", Value::Text(date.to_string())),
    ];
    values.extend(patch.map(|patch| ("PATCH", Value::Text(patch.to_owned()))));
    [Step { name, script: "rootfs", place: Place::Tools, values, always: false }]
}

/// An update: its step, the slot that it carries, its version, the kind of box that it is for and who signs it.
struct Bundle(&'static str, &'static str, String, &'static str, &'static str);

fn bundle(date: i64, Bundle(name, from, version, compatible, keys): Bundle) -> Step {
    let values = vec![
        ("SLOT", made(from)),
        ("KEYS", Value::Kept(keys)),
        ("VERSION", Value::Text(version)),
        ("COMPATIBLE", Value::Text(compatible.to_owned())),
        ("SOURCE_DATE_EPOCH", Value::Text(date.to_string())),
    ];
    Step { name, script: "bundle", place: Place::Tools, values, always: false }
}

/// What stands beside the image.
pub(crate) fn finish(name: &str) -> Step {
    let values = vec![
        ("CARD", Value::Made("card", "card.img")),
        ("BUNDLE", Value::Made("bundle", "bundle.raucb")),
        ("SLOT", made("rootfs")),
        ("KEYS", Value::Kept("keys")),
        ("NAME", Value::Text(name.to_owned())),
        ("MOST", Value::Text(MOST_OF_IMAGE.to_string())),
    ];
    Step { name: "finish", script: "finish", place: Place::Tools, values, always: false }
}

fn made(step: &'static str) -> Value {
    Value::Made(step, "")
}

fn size(partition: &str) -> Value {
    Value::Text(layout::size_of(partition).to_string())
}

fn words(list: &[&str]) -> Value {
    Value::Text(list.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(date: i64) -> Request {
        Request { version: "1.2.3".into(), date, resolved: Resolved::default() }
    }

    fn named<'a>(steps: &'a [Step], name: &str) -> &'a Step {
        steps.iter().find(|step| step.name == name).unwrap()
    }

    #[test]
    fn each_step_comes_after_what_it_needs() {
        for mut steps in [image(&request(1)), test_bundles(&request(1))] {
            if steps.iter().any(|step| step.name == "card") {
                steps.push(finish("x"));
            }
            for (place, step) in steps.iter().enumerate() {
                for (_, value) in &step.values {
                    if let Value::Made(other, _) = value {
                        let before = steps[..place].iter().any(|earlier| earlier.name == *other);
                        assert!(before, "{} needs {other}", step.name);
                    }
                }
            }
        }
    }

    #[test]
    fn the_slow_steps_do_not_hang_on_the_date_of_the_build() {
        let (one, other) = (image(&request(1)), image(&request(2)));
        for name in ["tools", "root", "debs", "binary"] {
            assert_eq!(named(&one, name), named(&other, name));
        }
        assert_ne!(named(&one, "rootfs"), named(&other, "rootfs"));
    }

    #[test]
    fn new_packages_make_a_new_root() {
        let mut later = request(1);
        later.resolved.root = "systemd 258".into();
        assert_ne!(named(&image(&request(1)), "root"), named(&image(&later), "root"));
    }

    #[test]
    fn an_update_for_another_board_differs_in_nothing_but_that() {
        let steps = test_bundles(&request(1));
        let told = |name| {
            named(&steps, name).values.iter().filter(|(key, _)| *key != "COMPATIBLE").cloned().collect::<Vec<_>>()
        };
        assert_eq!(told("bundle-newer"), told("bundle-other-board"));
    }
}
