//! The signature block: its place in the layout. Who signs and who checks comes with the deployment's keys; until then the block
//! is written empty, and a block of any other shape than the layout's is refused.

use super::layout as l;
use super::layout::Record;

/// Whether the bytes from `at` to the end are one signature block of this length.
pub(crate) fn shape(bytes: &[u8], at: usize, length: usize) -> Option<()> {
    let block = bytes.get(at..)?;
    let (threshold, count) = (u16::read(block)?, u16::read(block.get(2..)?)?);
    let zero = u32::read(block.get(4..)?)?;
    let expected = l::SIGNATURE_HEAD + usize::from(count) * l::SIGNATURE_ROW;
    (block.len() == expected && length == expected && threshold <= count && zero == 0).then_some(())
}

/// The block of a bundle that nobody has signed.
#[cfg(any(feature = "author", fuzzing))]
pub(crate) const UNSIGNED: [u8; l::SIGNATURE_HEAD] = [0; l::SIGNATURE_HEAD];
