//! Compares sixteen bytes in a vector register, or sixty-four in four registers.
//!
//! Input: arrays of bytes. Output: bit masks, bit `i` for byte `i`. wasm's simd128 has a backend of
//! its own, because its intrinsics can be called without `unsafe`. Elsewhere plain loops over
//! sixteen bytes are used, which compilers turn into vector code.
//!
//! A load is written as two words, because the intrinsics that load take a raw pointer. It compiles
//! to one instruction.

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod backend {
    use core::arch::wasm32::{
        i8x16_lt, i8x16_splat, u8x16_bitmask, u8x16_eq, u8x16_splat, u64x2, v128, v128_andnot,
        v128_any_true, v128_or,
    };

    #[derive(Clone, Copy)]
    pub(crate) struct Lanes(v128);

    impl Lanes {
        #[inline(always)]
        pub(crate) fn words(low: u64, high: u64) -> Self {
            Self(u64x2(low, high))
        }

        #[inline(always)]
        pub(crate) fn is(self, byte: u8) -> Self {
            Self(u8x16_eq(self.0, u8x16_splat(byte)))
        }

        #[inline(always)]
        pub(crate) fn below(self, limit: i8) -> Self {
            Self(i8x16_lt(self.0, i8x16_splat(limit)))
        }

        #[inline(always)]
        pub(crate) fn with(self, bits: u8) -> Self {
            Self(v128_or(self.0, u8x16_splat(bits)))
        }

        #[inline(always)]
        pub(crate) fn or(self, other: Self) -> Self {
            Self(v128_or(self.0, other.0))
        }

        #[inline(always)]
        pub(crate) fn without(self, other: Self) -> Self {
            Self(v128_andnot(self.0, other.0))
        }

        #[inline(always)]
        pub(crate) fn any(self) -> bool {
            v128_any_true(self.0)
        }

        #[inline(always)]
        pub(crate) fn bits(self) -> u64 {
            u64::from(u8x16_bitmask(self.0))
        }
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod backend {
    #[derive(Clone, Copy)]
    pub(crate) struct Lanes([u8; 16]);

    impl Lanes {
        pub(crate) fn words(low: u64, high: u64) -> Self {
            Self((u128::from(high) << 64 | u128::from(low)).to_le_bytes())
        }

        pub(crate) fn is(self, byte: u8) -> Self {
            Self(self.0.map(|b| if b == byte { 0xff } else { 0 }))
        }

        pub(crate) fn below(self, limit: i8) -> Self {
            Self(self.0.map(|b| if b.cast_signed() < limit { 0xff } else { 0 }))
        }

        pub(crate) fn with(self, bits: u8) -> Self {
            Self(self.0.map(|b| b | bits))
        }

        pub(crate) fn or(self, other: Self) -> Self {
            Self((u128::from_le_bytes(self.0) | u128::from_le_bytes(other.0)).to_le_bytes())
        }

        pub(crate) fn without(self, other: Self) -> Self {
            Self((u128::from_le_bytes(self.0) & !u128::from_le_bytes(other.0)).to_le_bytes())
        }

        pub(crate) fn any(self) -> bool {
            u128::from_le_bytes(self.0) != 0
        }

        pub(crate) fn bits(self) -> u64 {
            // The multiplication collects the high bit of each byte of a word in its top byte.
            let (low, high) = (
                u128::from_le_bytes(self.0) & u128::from(u64::MAX),
                u128::from_le_bytes(self.0) >> 64,
            );
            let gather = |word: u128| {
                ((word & 0x8080_8080_8080_8080) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
                    & 0xff
            };
            u64::try_from(gather(low) | gather(high) << 8).unwrap_or(0)
        }
    }
}

use backend::Lanes;

/// Sixteen bytes.
#[derive(Clone, Copy)]
pub(crate) struct Line(Lanes);

/// Sixty-four bytes.
#[derive(Clone, Copy)]
pub(crate) struct Block([Lanes; 4]);

#[inline(always)]
fn load(bytes: [u8; 16]) -> Lanes {
    let word = |half: Option<&[u8; 8]>| half.map_or(0, |half| u64::from_le_bytes(*half));
    Lanes::words(word(bytes.first_chunk()), word(bytes.last_chunk()))
}

/// Marks control characters, bytes outside ASCII (negative as signed bytes), `"` and `\`.
#[inline(always)]
fn special(lanes: Lanes) -> Lanes {
    stops(lanes).or(lanes.is(b'"'))
}

/// Marks control characters, bytes outside ASCII and `\`.
#[inline(always)]
fn stops(lanes: Lanes) -> Lanes {
    lanes.below(0x20).or(lanes.is(b'\\'))
}

// These are functions because closures are not inlined in a build for size.
#[inline(always)]
fn escapable(lanes: Lanes) -> Lanes {
    // `b` and `f` differ in bit 2 only.
    lanes
        .with(4)
        .is(b'f')
        .or(lanes.is(b'n'))
        .or(lanes.is(b'r'))
        .or(lanes.is(b't'))
        .or(lanes.is(b'/'))
}

#[inline(always)]
fn digits(lanes: Lanes) -> Lanes {
    lanes.below(b'9'.cast_signed() + 1).without(lanes.below(b'0'.cast_signed()))
}

#[inline(always)]
fn blank(lanes: Lanes) -> Lanes {
    lanes.is(b' ').or(lanes.is(b'\n')).or(lanes.is(b'\r')).or(lanes.is(b'\t'))
}

impl Line {
    #[inline(always)]
    pub(crate) fn new(bytes: &[u8; 16]) -> Self {
        Self(load(*bytes))
    }

    /// Marks the white space of JSON.
    #[inline(always)]
    pub(crate) fn blank(self) -> u64 {
        blank(self.0).bits()
    }

    /// Marks bytes that end a plain run.
    #[inline(always)]
    pub(crate) fn special(self) -> u64 {
        special(self.0).bits()
    }
}

impl Block {
    #[inline(always)]
    pub(crate) fn new(bytes: &[u8; 64]) -> Self {
        let [a, b, c, d] = bytes.as_chunks::<16>().0 else { return Self([Lanes::words(0, 0); 4]) };
        Self([load(*a), load(*b), load(*c), load(*d)])
    }

    #[inline(always)]
    fn bits(self, test: impl Fn(Lanes) -> Lanes) -> u64 {
        let [a, b, c, d] = self.0;
        test(a).bits() | test(b).bits() << 16 | test(c).bits() << 32 | test(d).bits() << 48
    }

    /// Returns whether no byte ends a plain run.
    #[inline(always)]
    pub(crate) fn is_plain(self) -> bool {
        let [a, b, c, d] = self.0;
        !special(a).or(special(b)).or(special(c)).or(special(d)).any()
    }

    /// Returns whether a byte is a control character, outside ASCII, or `\`.
    #[inline(always)]
    pub(crate) fn has_stop(self) -> bool {
        let [a, b, c, d] = self.0;
        stops(a).or(stops(b)).or(stops(c)).or(stops(d)).any()
    }

    /// Marks these bytes.
    #[inline(always)]
    pub(crate) fn stops(self) -> u64 {
        self.bits(stops)
    }

    /// Returns whether a byte is below this limit as a signed number.
    #[inline(always)]
    pub(crate) fn has_below(self, limit: i8) -> bool {
        let [a, b, c, d] = self.0;
        a.below(limit).or(b.below(limit)).or(c.below(limit)).or(d.below(limit)).any()
    }

    /// Returns whether no byte is `"`, `\`, or a control character.
    #[inline(always)]
    pub(crate) fn is_text(self) -> bool {
        let [a, b, c, d] = self.0;
        let ends = |lanes: Lanes| {
            lanes.below(0x20).without(lanes.below(0)).or(lanes.is(b'"')).or(lanes.is(b'\\'))
        };
        !ends(a).or(ends(b)).or(ends(c)).or(ends(d)).any()
    }

    /// Marks bytes that are below this limit as signed numbers. Bytes outside ASCII are negative.
    #[inline(always)]
    pub(crate) fn below(self, limit: i8) -> u64 {
        self.bits(|lanes| lanes.below(limit))
    }

    /// Returns whether one of two bytes occurs.
    #[inline(always)]
    pub(crate) fn has_either(self, one: u8, other: u8) -> bool {
        let [a, b, c, d] = self.0;
        let either = |lanes: Lanes| lanes.is(one).or(lanes.is(other));
        either(a).or(either(b)).or(either(c)).or(either(d)).any()
    }

    #[inline(always)]
    pub(crate) fn is(self, byte: u8) -> u64 {
        self.bits(|lanes| lanes.is(byte))
    }

    /// Marks what is this byte once bit 5 is set, as in small letters.
    #[inline(always)]
    pub(crate) fn folds_to(self, byte: u8) -> u64 {
        self.bits(|lanes| lanes.with(0x20).is(byte))
    }

    /// Marks the white space of JSON.
    #[inline(always)]
    pub(crate) fn blank(self) -> u64 {
        self.bits(blank)
    }

    /// Marks the characters that may follow a backslash by themselves: `b`, `f`, `n`, `r`, `t`,
    /// `/`.
    #[inline(always)]
    pub(crate) fn escapable(self) -> u64 {
        self.bits(escapable)
    }

    /// Marks decimal digits.
    #[inline(always)]
    pub(crate) fn digits(self) -> u64 {
        self.bits(digits)
    }

    /// Marks hexadecimal digits.
    pub(crate) fn hex(self) -> u64 {
        let letters = self.bits(|lanes| {
            let folded = lanes.with(0x20);
            folded.below(b'g'.cast_signed()).without(folded.below(b'a'.cast_signed()))
        });
        letters | self.digits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn masks_say_of_each_byte_what_is_asked() {
        for start in 0..=255u8 {
            let bytes: [u8; 64] =
                core::array::from_fn(|i| start.wrapping_add((i * 7 % 256).try_into().unwrap_or(0)));
            let block = Block::new(&bytes);
            let naive = |is: &dyn Fn(u8) -> bool| {
                bytes.iter().enumerate().fold(0u64, |bits, (i, &b)| bits | u64::from(is(b)) << i)
            };
            for limit in [i8::MIN, -0x40, 0, 0x20, i8::MAX] {
                assert_eq!(block.below(limit), naive(&|b| b.cast_signed() < limit));
                assert_eq!(block.has_below(limit), block.below(limit) != 0);
            }
            for other in [0, 0xed, 0xff] {
                assert_eq!(
                    block.has_either(start, other),
                    bytes.iter().any(|&b| b == start || b == other)
                );
            }
            assert_eq!(block.is(start), naive(&|b| b == start));
            assert_eq!(block.folds_to(b'{'), naive(&|b| b == b'{' || b == b'['));
            assert_eq!(block.blank(), naive(&|b| b" \n\r\t".contains(&b)));
            assert_eq!(block.escapable(), naive(&|b| b"bfnrt/".contains(&b)));
            assert_eq!(block.digits(), naive(&|b| b.is_ascii_digit()));
            assert_eq!(block.hex(), naive(&|b| b.is_ascii_hexdigit()));
            assert_eq!(block.is_text(), naive(&|b| b < 0x20 || b == b'"' || b == b'\\') == 0);
            assert_eq!(block.stops(), naive(&|b| !(0x20..0x80).contains(&b) || b == b'\\'));
            assert_eq!(block.has_stop(), block.stops() != 0);
            assert_eq!(
                block.is_plain(),
                naive(&|b| !(0x20..0x80).contains(&b) || b == b'"' || b == b'\\') == 0
            );
        }
    }
}
