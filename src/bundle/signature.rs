//! The signature block of a bundle. Signing and verifying do not exist yet: the writer leaves the
//! block empty, and a block of any shape but the layout's is an error.

use super::layout as l;
use super::layout::Record;

/// Checks that the bytes from `at` to the end are one signature block of this length.
pub(crate) fn shape(bytes: &[u8], at: usize, length: usize) -> Option<()> {
    let block = bytes.get(at..)?;
    let (threshold, count) = (u16::read(block)?, u16::read(block.get(2..)?)?);
    let zero = u32::read(block.get(4..)?)?;
    let expected = l::SIGNATURE_HEAD + usize::from(count) * l::SIGNATURE_ROW;
    (block.len() == expected && length == expected && threshold <= count && zero == 0).then_some(())
}

/// The signature block of an unsigned bundle.
#[cfg(any(feature = "author", fuzzing))]
pub(crate) const UNSIGNED: [u8; l::SIGNATURE_HEAD] = [0; l::SIGNATURE_HEAD];
