//! Opens a bundle: checks its bytes once, in time linear in their size, and borrows them.

use alloc::boxed::Box;

use sha2::Digest as _;

use super::check::check;
use super::error::BundleError;
use super::layout as l;
use super::signature;
use super::view::{Bundle, OwnedBundle, Sections, field};
use crate::limits;

impl OwnedBundle {
    /// Checks a bundle and owns it.
    ///
    /// # Errors
    ///
    /// As [`Bundle::read`].
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Result<Self, BundleError> {
        let bytes = bytes.into();
        let mut sections = Sections::default();
        let strings = Box::from(Bundle::read(&bytes, &mut sections)?.strings);
        Ok(Self { bytes, strings, sections })
    }
}

impl<'a> Bundle<'a> {
    /// Checks bytes and borrows them as a bundle. The digest shows that they are complete. Only a
    /// signature can show who wrote them.
    ///
    /// Takes time linear in the size, and at most 8 bytes of memory for each record.
    ///
    /// # Errors
    ///
    /// [`BundleError`] says why the bytes are not a usable bundle. No input makes it panic.
    pub fn read(bytes: &'a [u8], sections: &'a mut Sections) -> Result<Self, BundleError> {
        let found = bytes.len();
        if found > limits::BUNDLE_BYTES {
            return Err(BundleError::TooLarge { limit: limits::BUNDLE_BYTES, found });
        }
        let head = bytes.get(..l::MAGIC.len().min(found)).unwrap_or_default();
        if !l::MAGIC.starts_with(head) {
            return Err(BundleError::ForeignFile);
        }
        let (Some(format), Some(header)) =
            (field::<u16>(bytes, l::AT_FORMAT), bytes.get(..l::HEADER))
        else {
            return Err(BundleError::Truncated { expected: l::HEADER, found });
        };
        if format != l::FORMAT {
            return Err(BundleError::Format { expected: l::FORMAT, found: format });
        }
        let expected = number(header, l::AT_TOTAL);
        match found.cmp(&expected) {
            core::cmp::Ordering::Less => return Err(BundleError::Truncated { expected, found }),
            core::cmp::Ordering::Greater => {
                return Err(BundleError::TrailingBytes { expected, found });
            }
            core::cmp::Ordering::Equal => {}
        }
        let signed_to = number(header, l::AT_SIGNATURE);
        let digested = bytes.get(l::DIGEST_FROM..signed_to).ok_or(in_header(l::AT_SIGNATURE))?;
        if sha2::Sha256::digest(digested).as_slice()
            != bytes.get(l::AT_DIGEST..l::DIGEST_FROM).unwrap_or_default()
        {
            return Err(BundleError::Digest);
        }
        signature::shape(bytes, signed_to, number(header, l::AT_SIGNATURE + 4))
            .ok_or(in_header(signed_to))?;
        *sections = section_table(bytes, signed_to)?;
        let mut bundle = Bundle { bytes, strings: "", sections };
        bundle.strings =
            core::str::from_utf8(bundle.section(l::section::STRINGS)).map_err(|error| {
                BundleError::Malformed {
                    section: l::section::STRINGS,
                    at: bundle.offset(l::section::STRINGS) + error.valid_up_to(),
                }
            })?;
        let flags = bundle.flags();
        if flags & !(l::flags::UNLISTED | l::flags::LATE_BOUND_DENY) != 0
            || flags & l::flags::UNLISTED == l::flags::UNLISTED
            || number(header, l::AT_FLAGS + 4) != 0
            || bundle.checked_text(bundle.id_place()).is_none()
        {
            return Err(in_header(l::AT_FLAGS));
        }
        check(bundle)?;
        Ok(bundle)
    }
}

/// Reads the section table. Given sections have exactly one valid placement: ids ascend, each
/// section begins at the first multiple of 8 after the one before, the bytes between are zero, and
/// the signature block follows the last section. Any other placement is an error.
fn section_table(bytes: &[u8], signed_to: usize) -> Result<Sections, BundleError> {
    let mut sections = Sections::default();
    let count = usize::from(field::<u16>(bytes, l::AT_COUNT).unwrap_or(0));
    let mut free_from = l::HEADER + count * l::SECTION_ROW;
    let mut last_id = 0;
    for index in 0..count {
        let at = l::HEADER + index * l::SECTION_ROW;
        let wrong = in_header(at);
        let row = bytes
            .get(..signed_to)
            .and_then(|bytes| field::<[u8; l::SECTION_ROW]>(bytes, at))
            .ok_or(wrong)?;
        let id = field::<u16>(&row, 0).filter(|id| *id > last_id).ok_or(wrong)?;
        let (from, len) = (number(&row, 4), number(&row, 8));
        padding(bytes, free_from, from).ok_or(wrong)?;
        free_from = from.checked_add(len).filter(|end| *end <= signed_to).ok_or(wrong)?;
        let slot = sections
            .ranges
            .get_mut(usize::from(id))
            .filter(|_| row.get(2..4) == Some(&[0, 0]))
            .ok_or(wrong)?;
        *slot = (field(&row, 4).ok_or(wrong)?, field(&row, 8).ok_or(wrong)?);
        last_id = id;
    }
    padding(bytes, free_from, signed_to).ok_or(in_header(l::AT_SIGNATURE))?;
    Ok(sections)
}

/// Checks that `to` is the first multiple of 8 from `from` on, and that the bytes between are zero.
fn padding(bytes: &[u8], from: usize, to: usize) -> Option<()> {
    (from.checked_next_multiple_of(8)? == to && bytes.get(from..to)?.iter().all(|byte| *byte == 0))
        .then_some(())
}

/// Returns the error for a contradiction in the header.
fn in_header(at: usize) -> BundleError {
    BundleError::Malformed { section: 0, at }
}

fn number(header: &[u8], at: usize) -> usize {
    field::<u32>(header, at).unwrap_or(u32::MAX) as usize
}

#[cfg(all(test, feature = "author"))]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests;
