//! A link as a QR code of half blocks, so that a phone can read it from the terminal.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// Black on white, whatever the colours of the terminal are.
const INK: &str = "\u{1b}[38;5;16;48;5;231m";
const PLAIN: &str = "\u{1b}[0m";

/// The code with its quiet zone, or nothing where the link is too long for one. On a screen it brings its own colours; in a
/// file light is what is drawn, as terminals are mostly dark.
pub(crate) fn drawing(link: &str, screen: bool) -> Option<String> {
    let code = QrCode::with_error_correction_level(link, EcLevel::L).ok()?;
    let mut drawing = code.render::<Dense1x2>();
    drawing.quiet_zone(true);
    if !screen {
        return Some(drawing.dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build());
    }
    let drawn = drawing.dark_color(Dense1x2::Dark).light_color(Dense1x2::Light).build();
    Some(drawn.lines().map(|line| format!("{INK}{line}{PLAIN}")).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invite_link_fits_in_a_terminal_of_eighty_columns() {
        let link = format!("https://a-rather-long-name.home.example.net:8443/invite/lk_i_{}", "A".repeat(64));
        let code = drawing(&link, false).unwrap();
        let widest = code.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 60, "{widest}");
        assert!(code.lines().count() <= 30);
    }

    #[test]
    fn a_text_that_is_too_long_has_no_code() {
        assert_eq!(drawing(&"x".repeat(5000), true), None);
    }
}
