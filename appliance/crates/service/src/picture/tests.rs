use domain::permission::Denied;
use image::codecs::webp::WebPEncoder;
use image::{Rgb, RgbImage, Rgba, RgbaImage};

use super::*;
use crate::house::{House, console, fresh, refusal, user};

fn gradient(width: u32, height: u32) -> DynamicImage {
    let shade = |x: u32, y: u32| u8::try_from((x + 2 * y) % 256).unwrap();
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |x, y| Rgb([shade(x, y), 80, 120])))
}

fn jpeg(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_with_encoder(JpegEncoder::new(&mut bytes)).unwrap();
    bytes
}

fn png(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_with_encoder(PngEncoder::new(&mut bytes)).unwrap();
    bytes
}

fn webp(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_with_encoder(WebPEncoder::new_lossless(&mut bytes)).unwrap();
    bytes
}

fn sides(bytes: &[u8]) -> (u32, u32) {
    let picture = image::load_from_memory(bytes).unwrap();
    (picture.width(), picture.height())
}

#[test]
fn a_picture_of_any_shape_becomes_a_small_square() {
    let wide = gradient(900, 400);
    for (bytes, kept_as) in [(jpeg(&wide), "image/jpeg"), (png(&wide), "image/png"), (webp(&wide), "image/jpeg")] {
        let (media_type, bytes) = normalise(&bytes).unwrap();
        assert_eq!((media_type, sides(&bytes)), (kept_as, (256, 256)));
    }
    let (_, small) = normalise(&png(&gradient(64, 100))).unwrap();
    assert_eq!(sides(&small), (64, 64));
}

#[test]
fn a_transparent_icon_stays_transparent() {
    let icon = DynamicImage::ImageRgba8(RgbaImage::from_pixel(64, 64, Rgba([1, 2, 3, 0])));
    for bytes in [png(&icon), webp(&icon)] {
        let (media_type, bytes) = normalise(&bytes).unwrap();
        assert_eq!(media_type, "image/png");
        assert_eq!(image::load_from_memory(&bytes).unwrap().to_rgba8().get_pixel(5, 5).0[3], 0);
    }
}

#[test]
fn nothing_hidden_in_a_file_survives() {
    let mut bytes = jpeg(&gradient(300, 300));
    // A comment segment right after the start of the image.
    let secret = b"\xff\xfe\x00\x18taken at 48.2N 16.3E!!";
    bytes.splice(2..2, secret.iter().copied());
    bytes.extend_from_slice(b"<script>alert(1)</script>");
    let (_, kept) = normalise(&bytes).unwrap();
    for needle in [&b"taken at"[..], b"<script>"] {
        assert!(!kept.windows(needle.len()).any(|window| window == needle));
    }
}

/// The EXIF orientation 6: the telephone was turned by a quarter.
const TURNED: &[u8] = b"\xff\xe1\x00\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";

#[test]
fn a_photograph_stands_upright() {
    let left_is_dark = DynamicImage::ImageRgb8(RgbImage::from_fn(256, 256, |x, _| {
        if x < 128 { Rgb([0, 0, 0]) } else { Rgb([255, 255, 255]) }
    }));
    let mut bytes = jpeg(&left_is_dark);
    bytes.splice(2..2, TURNED.iter().copied());
    let (_, kept) = normalise(&bytes).unwrap();
    let kept = image::load_from_memory(&kept).unwrap().to_rgb8();
    assert!(kept.get_pixel(128, 20).0[0] < 60 && kept.get_pixel(128, 236).0[0] > 200);
}

#[test]
fn a_picture_that_unpacks_to_too_much_is_refused_by_its_header() {
    // 20,000 x 20,000 pixels of one colour make a small file; only the header is needed to say no.
    let mut bomb = png(&gradient(16, 16));
    bomb[16..20].copy_from_slice(&20_000u32.to_be_bytes());
    bomb[20..24].copy_from_slice(&20_000u32.to_be_bytes());
    assert!(normalise(&bomb).is_err());
    let plain = DynamicImage::ImageRgb8(RgbImage::new(1700, 1700));
    assert!(matches!(normalise(&png(&plain)), Err(PictureError::Dimensions(1700, 1700))));
    let thin = DynamicImage::ImageRgb8(RgbImage::new(8, 300));
    assert!(matches!(normalise(&png(&thin)), Err(PictureError::Dimensions(8, 300))));
}

#[test]
fn what_is_no_picture_is_refused_with_what_to_do() {
    let gif = b"GIF89a\x01\0\x01\0\0\0\0;";
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'/>";
    for bytes in [&gif[..], svg, b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"] {
        assert!(normalise(bytes).is_err());
    }
    assert!(matches!(normalise(&vec![0; MAX_PICTURE_BYTES + 1]), Err(PictureError::TooManyBytes)));
    let whole = png(&gradient(300, 300));
    assert!(matches!(normalise(&whole[..whole.len() / 2]), Err(PictureError::Damaged)));
    let deep = DynamicImage::ImageRgb8(RgbImage::new(32, 32)).to_rgb16();
    assert!(matches!(normalise(&png(&DynamicImage::ImageRgb16(deep))), Err(PictureError::Depth)));
}

#[test]
fn the_same_picture_again_is_unchanged() {
    let house = House::new();
    let anna = house.person("anna", &[]);
    let set = |side| house.idp.set_picture(&fresh(&anna), &Whose::Mine, &png(&gradient(side, side)));
    assert_eq!(set(80).unwrap(), Change::Created);
    assert_eq!(house.last_event(), "picture.set anna success");
    house.leaves_no_trace(|| set(80));
    assert_eq!(set(90).unwrap(), Change::Changed);
    let seen = house.idp.picture(&console(), anna.subject).unwrap().unwrap();
    assert_eq!((&*seen.media_type, sides(&seen.bytes)), ("image/png", (90, 90)));
    let remove = || house.idp.remove_picture(&fresh(&anna), &Whose::Mine);
    assert_eq!(remove().unwrap(), Change::Removed);
    house.leaves_no_trace(remove);
    assert_eq!(house.idp.picture(&console(), anna.subject).unwrap(), None);
}

#[test]
fn nobody_changes_the_picture_of_another() {
    let house = House::new();
    let ben = fresh(&house.person("ben", &[]));
    house.person("anna", &[]);
    let whose = Whose::Of(user("anna"));
    let refused = house.idp.set_picture(&ben, &whose, &png(&gradient(80, 80)));
    assert_eq!(refusal(refused), Refusal::Denied(Denied::NotAllowed));
    assert_eq!(refusal(house.idp.remove_picture(&ben, &whose)), Refusal::Denied(Denied::NotAllowed));
}

#[test]
fn a_second_picture_at_the_same_time_is_told_to_wait_instead_of_holding_up_a_worker() {
    let house = House::new();
    let anna = fresh(&house.person("anna", &[]));
    let set = || house.idp.set_picture(&anna, &Whose::Mine, &png(&gradient(80, 80)));
    let busy = house.idp.pictures.0.lock().unwrap();
    assert!(matches!(set(), Err(OpError::Fault(Fault::Busy))));
    drop(busy);
    assert_eq!(set().unwrap(), Change::Created);
}
