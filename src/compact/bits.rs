//! Sets of bits in words of 64.

/// Sets the bit of a pattern.
pub(crate) fn set(bits: &mut [u64], pattern: u32) {
    if let Some(word) = bits.get_mut(pattern as usize / 64) {
        *word |= 1 << (pattern % 64);
    }
}
