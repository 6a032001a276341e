//! A link as a QR code of half blocks, so that a phone can read it from the terminal.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// The code, or nothing where the link is too long for one. Drawn light on dark as terminals are, with its quiet zone.
pub(super) fn drawing(link: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(link, EcLevel::L).ok()?;
    let mut drawing = code.render::<Dense1x2>();
    drawing.dark_color(Dense1x2::Dark).light_color(Dense1x2::Light).quiet_zone(true);
    Some(drawing.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invite_link_fits_in_a_terminal_of_eighty_columns() {
        let link = format!("https://a-rather-long-name.home.example.net:8443/invite/lk_i_{}", "A".repeat(64));
        let code = drawing(&link).unwrap();
        let widest = code.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 60, "{widest}");
        assert!(code.lines().count() <= 30);
    }

    #[test]
    fn a_text_that_is_too_long_has_no_code() {
        assert_eq!(drawing(&"x".repeat(5000)), None);
    }
}
