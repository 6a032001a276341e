//! Pictures of persons and icons of apps.

use crate::time::Timestamp;

/// A picture as it is sent to browsers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// `image/png` or `image/jpeg`.
    pub media_type: String,
    /// The encoded picture.
    pub bytes: Vec<u8>,
    /// When it was put there.
    pub updated_at: Timestamp,
}
