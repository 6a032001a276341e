//! A QR code as SVG with nothing inline that the content security policy would refuse.

use std::fmt::Write;

use qrcode::{Color, EcLevel, QrCode};

use super::view::sign_in::Svg;

/// The light border that scanners need, in modules (ISO/IEC 18004).
const QUIET: usize = 4;

/// Draws the text; `None` when it is longer than a QR code can be.
pub(crate) fn draw(text: &str) -> Option<Svg> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let side = code.width() + 2 * QUIET;
    let mut path = String::new();
    for y in 0..code.width() {
        let mut x = 0;
        while x < code.width() {
            let run = (x..code.width()).take_while(|column| code[(*column, y)] == Color::Dark).count();
            if run > 0 {
                let _ = write!(path, "M{} {}h{run}v1h-{run}z", x + QUIET, y + QUIET);
            }
            x += run + 1;
        }
    }
    Some(Svg(format!(
        "<svg aria-hidden=\"true\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\"><path d=\"{path}\" fill=\"#000\"/></svg>"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provisioning_address_becomes_one_path() {
        let Svg(drawing) = draw("otpauth://totp/Home:mia?secret=JBSWY3DPEHPK3PXP&issuer=Home").unwrap();
        assert_eq!(drawing.matches("<path").count(), 1);
        assert!(!drawing.contains("style"));
    }

    #[test]
    fn what_is_too_long_is_no_code() {
        assert!(draw(&"x".repeat(5000)).is_none());
    }
}
