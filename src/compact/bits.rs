//! Bit sets in words of 64 bits.

/// Sets the bit of a pattern. A pattern beyond the last word is ignored.
pub(crate) fn set(bits: &mut [u64], pattern: u32) {
    if let Some(word) = bits.get_mut(pattern as usize / 64) {
        *word |= 1 << (pattern % 64);
    }
}
