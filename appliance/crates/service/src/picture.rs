//! Pictures of persons and icons of apps: whatever comes in is decoded within bounds, cut to a square and encoded anew, so that
//! nothing of the file as it was (its size, its place and time of recording, its tricks) gets any further.

use std::fmt;
use std::io::Cursor;
use std::sync::{Mutex, TryLockError};

use domain::account::Account;
use domain::id::Subject;
use domain::permission::Need;
use domain::picture::Picture;
use domain::time::Timestamp;
use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::codecs::png::{PngDecoder, PngEncoder};
use image::codecs::webp::WebPDecoder;
use image::imageops::{crop_imm, thumbnail};
use image::{ColorType, DynamicImage, ImageBuffer, ImageDecoder, ImageError, ImageFormat, Limits};
use serde_json::json;

use crate::operation::{Abort, Writing};
use crate::{Change, Context, Fault, Idp, OpError, Refusal, Whose};

/// Most bytes of a picture as it comes in.
pub const MAX_PICTURE_BYTES: usize = 1024 * 1024;
/// Most pixels: decoded they take 10 MiB, and as much again for a progressive JPEG.
pub const MAX_PICTURE_PIXELS: u64 = 1600 * 1600;
/// Width and height of a picture as it is kept.
pub const PICTURE_SIDE: u32 = 256;

const MIN_SIDE: u32 = 16;
const MAX_SIDE: u32 = 8000;
const JPEG_QUALITY: u8 = 85;
/// What a decoder may take beside the picture itself.
const MAX_WORKING: u64 = 24 * 1024 * 1024;
/// A block of more than 32 MiB is always a mapping of its own in glibc, so it goes back to the kernel when it is dropped; only
/// what is written of it takes memory.
const OWN_MAPPING: usize = 33 * 1024 * 1024;

/// One picture is decoded at a time: the memory is meant for one.
#[derive(Debug, Default)]
pub(crate) struct Gate(Mutex<()>);

impl Idp {
    /// Puts a picture (PNG, JPEG or WebP) in place of the one there.
    pub fn set_picture(&self, ctx: &Context, whose: &Whose, bytes: &[u8]) -> Result<Change, OpError<Refusal>> {
        // Who may not even look need not make us decode.
        self.read(ctx, whose.need_to_change(ctx), |op| whose.load(ctx, op).map(drop))?;
        let picture = self.normalise("picture", bytes, ctx.now)?;
        self.write(ctx, whose.need_to_change(ctx), |op| {
            let account = whose.load_to_change(ctx, op, "picture.set")?;
            let known = op.picture(account.id)?;
            if known.as_ref().is_some_and(|known| known.bytes == picture.bytes) {
                return Ok(Change::Unchanged);
            }
            op.put_picture(account.id, &picture)?;
            touched(op, account, "picture.set", ctx.now)?;
            Ok(if known.is_some() { Change::Changed } else { Change::Created })
        })
    }

    /// Removes the picture.
    pub fn remove_picture(&self, ctx: &Context, whose: &Whose) -> Result<Change, OpError<Refusal>> {
        self.write(ctx, whose.need_to_change(ctx), |op| {
            let account = whose.load_to_change(ctx, op, "picture.remove")?;
            if !op.delete_picture(account.id)? {
                return Ok(Change::Unchanged);
            }
            touched(op, account, "picture.remove", ctx.now)?;
            Ok(Change::Removed)
        })
    }

    /// The picture of somebody, for whoever knows their `sub`: apps show it to browsers that have no session here.
    pub fn picture(&self, ctx: &Context, subject: Subject) -> Result<Option<Picture>, OpError<Refusal>> {
        self.read_at_any_time(ctx, Need::Nothing, |op| Ok(op.picture_by_subject(subject)?))
    }

    /// The picture as it is kept.
    pub(crate) fn normalise(&self, what: &str, bytes: &[u8], now: Timestamp) -> Result<Picture, OpError<Refusal>> {
        // Whoever waited here would hold up a worker that everybody needs.
        let _one_at_a_time = match self.pictures.0.try_lock() {
            Ok(gate) => gate,
            Err(TryLockError::Poisoned(gate)) => gate.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(Fault::Busy.into()),
        };
        match normalise(bytes) {
            Ok((media_type, bytes)) => Ok(Picture { media_type: media_type.to_owned(), bytes, updated_at: now }),
            Err(PictureError::Encoding(why)) => Err(Fault::unexpected(why).into()),
            Err(why) => Err(Refusal::Invalid { what: what.to_owned(), why: why.to_string() }.into()),
        }
    }
}

/// Apps see the picture, so the account has changed for them.
fn touched(op: &Writing<'_>, mut account: Account, action: &str, now: Timestamp) -> Result<(), Abort<Refusal>> {
    account.updated_at = now;
    op.update_account(&account)?;
    op.record(action, account.name.as_str(), json!({}))?;
    Ok(())
}

#[derive(Debug)]
enum PictureError {
    TooManyBytes,
    Format,
    Dimensions(u32, u32),
    Depth,
    Damaged,
    Encoding(ImageError),
}

impl fmt::Display for PictureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyBytes => {
                f.write_str("the file has more than 1 MiB; make the picture smaller, 512 pixels are plenty")
            }
            Self::Format => f.write_str("this is not a PNG, JPEG or WebP picture; save it as one of these"),
            Self::Dimensions(width, height) => write!(
                f,
                "the picture has {width} x {height} pixels; make it at least {MIN_SIDE} pixels wide and high and at most 1600 x 1600"
            ),
            Self::Depth => f.write_str("save the picture with 8 bits for each colour"),
            Self::Damaged => f.write_str("the picture is damaged; save it again"),
            Self::Encoding(why) => write!(f, "encoding: {why}"),
        }
    }
}

/// Media type and bytes of the square picture.
fn normalise(bytes: &[u8]) -> Result<(&'static str, Vec<u8>), PictureError> {
    if bytes.len() > MAX_PICTURE_BYTES {
        return Err(PictureError::TooManyBytes);
    }
    let file = Cursor::new(bytes);
    let damaged = |_| PictureError::Damaged;
    let format = image::guess_format(bytes).map_err(|_| PictureError::Format)?;
    let square = if format == ImageFormat::Png {
        square(PngDecoder::with_limits(file, limits()).map_err(damaged)?)?
    } else if format == ImageFormat::Jpeg {
        square(JpegDecoder::new(file).map_err(damaged)?)?
    } else if format == ImageFormat::WebP {
        square(WebPDecoder::new(file).map_err(damaged)?)?
    } else {
        return Err(PictureError::Format);
    };
    // Drawings stay sharp, transparent ones transparent; photographs are small.
    encode(&square, format == ImageFormat::Png)
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_WORKING);
    limits
}

fn square(mut decoder: impl ImageDecoder) -> Result<DynamicImage, PictureError> {
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if width.min(height) < MIN_SIDE || width.max(height) > MAX_SIDE || pixels > MAX_PICTURE_PIXELS {
        return Err(PictureError::Dimensions(width, height));
    }
    decoder.set_limits(limits()).map_err(|_| PictureError::Dimensions(width, height))?;
    // Telephones write down how they were held instead of turning the picture.
    let orientation = decoder.orientation().map_err(|_| PictureError::Damaged)?;
    let color = decoder.color_type();
    let length = usize::try_from(decoder.total_bytes()).map_err(|_| PictureError::Depth)?;
    if length > OWN_MAPPING {
        return Err(PictureError::Depth);
    }
    let mut buffer = Vec::with_capacity(OWN_MAPPING);
    buffer.resize(length, 0);
    decoder.read_image(&mut buffer).map_err(|_| PictureError::Damaged)?;
    let whole = if color == ColorType::L8 {
        ImageBuffer::from_raw(width, height, buffer).map(DynamicImage::ImageLuma8)
    } else if color == ColorType::La8 {
        ImageBuffer::from_raw(width, height, buffer).map(DynamicImage::ImageLumaA8)
    } else if color == ColorType::Rgb8 {
        ImageBuffer::from_raw(width, height, buffer).map(DynamicImage::ImageRgb8)
    } else if color == ColorType::Rgba8 {
        ImageBuffer::from_raw(width, height, buffer).map(DynamicImage::ImageRgba8)
    } else {
        None
    };
    let whole = whole.ok_or(PictureError::Depth)?;
    let side = width.min(height);
    let middle = crop_imm(&whole, (width - side) / 2, (height - side) / 2, side, side);
    let kept = side.min(PICTURE_SIDE);
    let mut small = DynamicImage::ImageRgba8(thumbnail(&*middle, kept, kept));
    small.apply_orientation(orientation);
    Ok(small)
}

fn encode(picture: &DynamicImage, drawing: bool) -> Result<(&'static str, Vec<u8>), PictureError> {
    let mut bytes = Vec::new();
    let opaque = picture.to_rgba8().pixels().all(|pixel| pixel.0[3] == u8::MAX);
    let rgb = DynamicImage::ImageRgb8(picture.to_rgb8());
    let media_type = if !opaque {
        picture.write_with_encoder(PngEncoder::new(&mut bytes)).map_err(PictureError::Encoding)?;
        "image/png"
    } else if drawing {
        rgb.write_with_encoder(PngEncoder::new(&mut bytes)).map_err(PictureError::Encoding)?;
        "image/png"
    } else {
        let encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
        rgb.write_with_encoder(encoder).map_err(PictureError::Encoding)?;
        "image/jpeg"
    };
    Ok((media_type, bytes))
}

#[cfg(test)]
mod tests;
