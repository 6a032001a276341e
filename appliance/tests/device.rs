//! What the card image says to the program is what the program understands.

use std::path::Path;

use appliance::config::Config;

const CONFIG: &str = include_str!("../../buildroot-overlay/etc/latchkey/latchkey.toml");
const UPDATE: &str = include_str!("../../buildroot-overlay/usr/lib/latchkey/update");

#[test]
fn the_configuration_of_the_image_is_good() {
    let config = Config::parse(CONFIG).unwrap();
    assert_eq!(config.data_dir, Path::new("/data/latchkey"));
    assert_eq!(
        config.data_mount.as_deref(),
        Some(Path::new("/data")),
        "a folder would do for data that is not mounted"
    );
    assert_eq!(config.panel.reset_request.as_deref(), Some(Path::new("/run/latchkey-panel/factory-reset")));
    assert_eq!(config.socket(), Path::new("/run/latchkey/latchkey.sock"));
}

#[test]
fn the_sockets_of_the_image_have_the_names_that_the_program_knows() {
    for name in ["https", "http", "control"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../systemd/latchkey-{name}.socket"));
        let unit = std::fs::read_to_string(&path).unwrap();
        assert!(unit.lines().any(|line| line == format!("FileDescriptorName={name}")), "{}", path.display());
    }
}

#[test]
fn roots_helper_knows_every_verb_of_the_command() {
    for verb in ["status", "check", "install", "acknowledge"] {
        let (case, asked) = (format!("{verb})"), format!("\"$verb\" = {verb}"));
        assert!(UPDATE.lines().any(|line| line.trim() == case || line.contains(&asked)), "{verb}");
    }
}
