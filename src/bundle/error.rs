//! Errors for bytes that are not a usable bundle.

/// Why bytes are not a usable bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BundleError {
    /// Fewer bytes than the header announces, or than a header takes: a truncated transfer.
    Truncated {
        /// Bytes that the header announces, or that a header takes.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// More bytes than the header announces.
    TrailingBytes {
        /// Bytes that the header announces.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// Larger than [`limits::BUNDLE_BYTES`](crate::limits::BUNDLE_BYTES).
    TooLarge {
        /// The bound, in bytes.
        limit: usize,
        /// Bytes found.
        found: usize,
    },
    /// The first bytes are not a bundle's magic.
    ForeignFile,
    /// Written in another version of the layout.
    Format {
        /// The version that this reader accepts.
        expected: u16,
        /// The version found.
        found: u16,
    },
    /// The digest does not match: some byte was changed after the bundle was written.
    Digest,
    /// The digest matches, but a part contradicts the layout, so `compile` did not write it.
    Malformed {
        /// The section's number in the layout; 0 is the header.
        section: u16,
        /// Byte offset in the file.
        at: usize,
    },
}

impl BundleError {
    /// Returns the stable code, for example `bundle_truncated`. It is the same in Rust, JavaScript,
    /// logs and documentation.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Truncated { .. } => "bundle_truncated",
            Self::TrailingBytes { .. } => "bundle_trailing_bytes",
            Self::TooLarge { .. } => "bundle_too_large",
            Self::ForeignFile => "bundle_foreign_file",
            Self::Format { .. } => "bundle_format",
            Self::Digest => "bundle_digest",
            Self::Malformed { .. } => "bundle_malformed",
        }
    }
}

impl core::fmt::Display for BundleError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Truncated { expected, found } => {
                write!(f, "truncated: {found} bytes of {expected}; transfer it again")
            }
            Self::TrailingBytes { expected, found } => {
                write!(f, "{found} bytes where the header says {expected}; transfer it again")
            }
            Self::TooLarge { limit, found } => {
                write!(f, "{found} bytes, more than the {limit} that are read")
            }
            Self::ForeignFile => write!(f, "not a bundle; `portcullis compile` writes one"),
            Self::Format { expected, found } => {
                write!(
                    f,
                    "written in format {found}, this reads {expected}; compile it with the same release"
                )
            }
            Self::Digest => write!(
                f,
                "changed after it was written: its digest does not match; transfer or compile it again"
            ),
            Self::Malformed { section, at } => {
                write!(
                    f,
                    "section {section} contradicts the layout at byte {at}; it was not written by `portcullis compile`"
                )
            }
        }
    }
}

impl core::error::Error for BundleError {}
