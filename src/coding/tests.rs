//! Tests of the decoders: formats, damage, bounds, and independence of chunks.

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::*;
use crate::reason::Reason::{BodyTooLarge, CodingBroken, ContentCoding, Exhausted};

const TEXT: &[u8] =
    br#"{"model":"mythos-5","messages":[{"role":"user","content":"hi hi hi hi hi hi hi"}]}"#;

/// `TEXT` as Node's zlib encodes it: br, gzip, and zstd with and without its checksum.
const OTHERS: [(&str, &str); 4] = [
    (
        "br",
        "1b5100a88cd315f3a284758fc076a4bbf76146812ce882926eadc3d2d5171c7222706b4bc21c23a80925540b4d1cecffeadc1c322cb34d85cc6266d40ae23b",
    ),
    (
        "gzip",
        "1f8b0800000000000003ab56cacd4f49cd51b252caad2cc9c82fd63555d251ca4d2d2e4e4c4f2d56b28aae562acacf4955b2522a2d4e2d52d2514acecf2b49cd2b51b252cac854c0404ab5b1b500b4e2c93652000000",
    ),
    (
        "zstd",
        "28b52ffd24520d020012440e15a039635460097049e0d62cfb2c8008f7199300e0138d6803c9f95e09575263b3c255be11a99a0df72252ec626e1682d5b396fc467868ce020100edeca068f5f0fc",
    ),
    (
        "zstd",
        "28b52ffd20520d020012440e15a039635460097049e0d62cfb2c8008f7199300e0138d6803c9f95e09575263b3c255be11a99a0df72252ec626e1682d5b396fc467868ce020100edeca0",
    ),
];
/// `TEXT` with a window of 256 MB.
const BROTLI_LARGE_WINDOW: &str = "115c4401a0324e57cc8b12d63d02db91eede871905b2a00b4abab50e4b575f70c889c0ad2d09738ca0265002450b3471b0ffab7373c8b0cc3615328b99512b88ef";
/// A hundred million zero bytes.
const BROTLI_BOMB: &str = "cbffff3f002400e2b14072effff8ffff078004401c1680eefd1fffffff00900088c302d0bdffe3ffff1f001200715800baf77ffcffff034002200e0b40f7fe8fffff7f004800c46101e8defff1ffff0f000980382c00ddfb3ffeffff012001108705a07bffc7ffff3f002400e2b00074effff8ffff078004401c1680eefd1fffffff00900088c302d0bdffcb7ff03a001200715800bad875";
const MAGIC_ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

fn deflate(data: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec(data, 6)
}

fn zlib(data: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(data, 6)
}

/// Encodes a gzip member with these flags and optional fields.
fn member(data: &[u8], flags: u8, fields: &[u8]) -> Vec<u8> {
    let mut coded = vec![0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255];
    coded.extend(fields);
    coded.extend(deflate(data));
    coded.extend(crc32fast::hash(data).to_le_bytes());
    coded.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    coded
}

fn gzip(data: &[u8]) -> Vec<u8> {
    member(data, 0, &[])
}

fn zstd(data: &[u8]) -> Vec<u8> {
    compress_to_vec(data, CompressionLevel::Fastest)
}

/// Encodes brotli as uncompressed meta-blocks, with a window of 64 KB.
fn brotli(data: &[u8]) -> Vec<u8> {
    // One bit of window. Then, for each block: not last, 16 bits of length minus one, uncompressed.
    // At the end: last, empty.
    let (mut coded, mut bits, mut count) = (Vec::new(), 0u64, 1);
    for block in data.chunks(1 << 16) {
        bits |= (block.len() as u64 - 1) << (count + 3) | 1 << (count + 19);
        count += 20;
        coded.extend(&bits.to_le_bytes()[..usize::div_ceil(count, 8)]);
        coded.extend(block);
        (bits, count) = (0, 0);
    }
    coded.push(u8::try_from(bits | 3 << count).unwrap());
    coded
}

/// Returns all decoded bytes and the result. The body arrives in pieces of `size` bytes.
fn decode_in(
    codings: &str,
    signed: bool,
    body: &[u8],
    size: usize,
) -> (Vec<u8>, Result<(), Reason>) {
    let mut all = Vec::new();
    let result = (|| {
        let mut decoder = Decoder::new(codings, signed, &Memory::default())?;
        for piece in body.chunks(size.max(1)) {
            decoder.feed(piece);
            while let Some(piece) = decoder.next()? {
                all.extend_from_slice(piece);
            }
        }
        decoder.end();
        while let Some(piece) = decoder.next()? {
            assert!(!piece.is_empty() && piece.len() <= PIECE);
            all.extend_from_slice(piece);
        }
        assert_eq!(decoder.next(), Ok(None));
        Ok(())
    })();
    (all, result)
}

/// As `decode_in`, and checks that the size of the pieces makes no difference.
#[track_caller]
fn decode(codings: &str, body: &[u8]) -> Result<Vec<u8>, Reason> {
    let (all, result) = decode_in(codings, false, body, usize::MAX);
    for size in [1, 3, 1_000, 4_096, 5_000] {
        if body.len() / size < 10_000 {
            assert!(
                decode_in(codings, false, body, size) == (all.clone(), result),
                "in pieces of {size}"
            );
        }
    }
    result.map(|()| all)
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}

/// Bytes that compress a little.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u32;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b'a' + u8::try_from(state >> 29).unwrap()
        })
        .collect()
}

#[test]
fn each_coding_is_undone() {
    for data in [TEXT.to_vec(), noise(200_000), vec![b' '; 1_000_000]] {
        for (codings, coded) in [
            ("gzip", gzip(&data)),
            ("X-GZip", gzip(&data)),
            ("deflate", zlib(&data)),
            ("deflate", deflate(&data)),
            ("br", brotli(&data)),
            (" zstd ,identity,", zstd(&data)),
            ("gzip, br", brotli(&gzip(&data))),
            ("zstd,deflate,gzip", gzip(&zlib(&zstd(&data)))),
        ] {
            assert!(decode(codings, &coded).unwrap() == data, "{codings}");
        }
    }
}

#[test]
fn what_other_encoders_write_is_undone() {
    for (codings, coded) in OTHERS {
        assert_eq!(decode(codings, &hex(coded)).unwrap(), TEXT, "{codings}");
    }
}

#[test]
fn members_and_frames_are_one_body() {
    let (first, second) = TEXT.split_at(20);
    assert_eq!(decode("gzip", &[gzip(first), gzip(b""), gzip(second)].concat()).unwrap(), TEXT);
    let skippable =
        [0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, b'a', b'b', b'c', 0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0];
    assert_eq!(
        decode(
            "zstd",
            &[&skippable[..], &zstd(first), &skippable, &zstd(second), &skippable].concat()
        )
        .unwrap(),
        TEXT
    );
}

#[test]
fn optional_fields_are_passed_over() {
    let checked = |fields: &[u8], flags: u8| {
        let mut head = vec![0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255];
        head.extend(fields);
        [fields, &crc32fast::hash(&head).to_le_bytes()[..2]].concat()
    };
    for (flags, fields) in [
        (1, b"".to_vec()),
        (4, b"\x03\x00abc".to_vec()),
        (4, b"\x00\x00".to_vec()),
        (8, b"name\0".to_vec()),
        (16, b"\0".to_vec()),
        (2, checked(b"", 2)),
        (30, checked(b"\x01\x00xname\0comment\0", 30)),
    ] {
        let coded = member(TEXT, flags, &fields);
        assert_eq!(decode("gzip", &coded).unwrap(), TEXT, "{flags}");
        assert_eq!(
            decode_in("gzip", true, &coded, 9).1,
            Err(ContentCoding),
            "no decoder minds, but some look into them: {flags}"
        );
    }
    assert_eq!(decode("gzip", &member(TEXT, 2, b"ab")), Err(CodingBroken));
    assert_eq!(decode("gzip", &member(TEXT, 32, b"")), Err(CodingBroken));
    assert_eq!(
        decode(
            "gzip",
            &member(TEXT, 8, &[&vec![b'n'; limits::GZIP_HEADER_BYTES][..], &[0]].concat())
        ),
        Err(CodingBroken)
    );
}

#[test]
fn what_is_not_whole_is_refused() {
    for (codings, coded) in [
        ("gzip", gzip(TEXT)),
        ("deflate", zlib(TEXT)),
        ("deflate", deflate(TEXT)),
        ("br", brotli(TEXT)),
        ("zstd", zstd(TEXT)),
    ] {
        for length in 1..coded.len() {
            assert_eq!(
                decode(codings, &coded[..length]),
                Err(CodingBroken),
                "{codings} cut to {length} of {}",
                coded.len()
            );
        }
        for after in [&b"\0"[..], b"x", b"\x1f", b"\x28\xb5\x2f", &[0; 10_000]] {
            assert_eq!(decode(codings, &[&coded, after].concat()), Err(CodingBroken), "{codings}");
        }
        assert_eq!(decode(codings, TEXT), Err(CodingBroken), "{codings}");
    }
    for (codings, coded) in
        [("gzip", gzip(TEXT)), ("deflate", zlib(TEXT)), ("zstd", hex(OTHERS[2].1))]
    {
        let mut coded = coded;
        *coded.last_mut().unwrap() ^= 1;
        assert_eq!(decode(codings, &coded), Err(CodingBroken), "{codings}: checksum");
    }
    // Bytes of a gzip trailer: the length, and the checksum before it.
    for at in [1, 4, 5, 8] {
        let mut coded = gzip(TEXT);
        let at = coded.len() - at;
        coded[at] ^= 0x10;
        assert_eq!(decode("gzip", &coded), Err(CodingBroken));
    }
}

#[test]
fn of_nothing_comes_no_body() {
    for (codings, coded) in
        [("gzip", gzip(b"")), ("deflate", zlib(b"")), ("br", vec![0x3b]), ("zstd", zstd(b""))]
    {
        assert_eq!(decode(codings, &coded), Err(CodingBroken), "{codings}");
    }
    assert_eq!(decode("gzip", &gzip(b"").repeat(limits::CODED_MEMBERS + 1)), Err(CodingBroken));
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0].repeat(limits::CODED_MEMBERS);
    assert_eq!(decode("zstd", &[skippable, zstd(TEXT)].concat()), Err(CodingBroken));
}

#[test]
fn bombs_go_out() {
    let zeros = vec![0; 100 << 20];
    for (codings, coded) in [
        ("gzip", gzip(&zeros)),
        ("deflate", zlib(&zeros)),
        ("zstd", zstd(&zeros)),
        ("gzip,gzip", gzip(&gzip(&zeros))),
        ("br", hex(BROTLI_BOMB)),
    ] {
        let (all, result) = decode_in(codings, false, &coded, 1_000);
        assert_eq!(result, Err(BodyTooLarge), "{codings}");
        assert!(
            all.len() as u64 <= limits::DECODED_FREE + limits::DECODED_RATIO * coded.len() as u64,
            "{codings}"
        );
        assert_eq!(decode_in(codings, false, &coded, usize::MAX), (all, result), "{codings}");
    }
    // The outer coding produces much, of which the inner one produces almost nothing.
    let skipped =
        [&[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 4][..], &zeros[..64 << 20], &zstd(TEXT)].concat();
    assert_eq!(decode_in("zstd,gzip", false, &gzip(&skipped), 4_096).1, Err(BodyTooLarge));
}

#[test]
fn windows_have_bounds() {
    // Window descriptors of 8 MB, slightly more, and 128 MB; a larger single segment; dictionaries.
    let frame = |head: &[u8]| [&MAGIC_ZSTD[..], head, &[0x09, 0, 0, b'x', b'y']].concat();
    assert_eq!(
        decode("zstd", &frame(&[0, 13 << 3])),
        Err(CodingBroken),
        "one byte, which two follow"
    );
    assert_eq!(decode("zstd", &frame(&[0, 13 << 3])[..10]).unwrap(), b"x");
    for head in [
        &[0, 13 << 3 | 1][..],
        &[0, 17 << 3],
        &[0, 0xff],
        &[0xa0, 1, 0, 0x80, 0],
        &[1, 0, 7],
        &[0x21, 7, 1],
    ] {
        assert_eq!(decode("zstd", &frame(head)), Err(ContentCoding), "{head:?}");
    }
    // A declared size that is not the frame's.
    assert_eq!(decode("zstd", &frame(&[0x20, 1])[..10]).unwrap(), b"x");
    assert_eq!(decode("zstd", &frame(&[0x20, 2])[..10]), Err(CodingBroken));
    assert_eq!(decode("br", &hex(BROTLI_LARGE_WINDOW)), Err(ContentCoding));
    // A zlib stream with a dictionary.
    assert_eq!(decode("deflate", &[0x78, 0xbb, 0, 0, 0, 0]), Err(ContentCoding));
}

#[test]
fn codings_that_are_not_known_are_told() {
    for codings in [
        "compress",
        "gzip, aws-chunked",
        "gzip;q=1",
        "",
        "identity",
        "gzip,gzip,gzip,gzip",
        "dcz",
        "g zip",
    ] {
        assert_eq!(
            Decoder::new(codings, false, &Memory::default()).err(),
            Some(ContentCoding),
            "{codings}"
        );
    }
}

#[test]
fn a_signed_body_is_one_plain_member() {
    let signed = |codings: &str, coded: &[u8]| decode_in(codings, true, coded, 7).1;
    for (codings, coded) in [("gzip", gzip(TEXT)), ("deflate", zlib(TEXT)), ("zstd", zstd(TEXT))] {
        assert_eq!(signed(codings, &coded), Ok(()), "{codings}");
    }
    let (first, second) = TEXT.split_at(20);
    for (codings, coded) in [
        ("deflate", deflate(TEXT)),
        ("br", brotli(TEXT)),
        ("gzip,gzip", gzip(&gzip(TEXT))),
        ("gzip", [gzip(first), gzip(second)].concat()),
        ("zstd", [zstd(first), zstd(second)].concat()),
        ("zstd", [&[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0], zstd(TEXT).as_slice()].concat()),
    ] {
        assert_eq!(signed(codings, &coded), Err(ContentCoding), "{codings}");
    }
    let stored = miniz_oxide::deflate::compress_to_vec_zlib(&noise(2 << 20), 0);
    assert_eq!(decode_in("deflate", true, &stored, 100_000).1, Err(BodyTooLarge));
}

#[test]
fn decoders_share_what_memory_there_is() {
    let memory = Memory::default();
    let mut open = Vec::new();
    let exhausted = loop {
        match Decoder::new("br", false, &memory) {
            Ok(decoder) => open.push(decoder),
            Err(reason) => break reason,
        }
    };
    assert_eq!(
        (exhausted, open.len()),
        (Exhausted, limits::DECODERS_MEMORY / limits::BROTLI_MEMORY)
    );
    open.pop();
    assert!(Decoder::new("br", false, &memory).is_ok());
    let mut first = open.pop().unwrap();
    let _others: Vec<Decoder> =
        core::iter::from_fn(|| Decoder::new("gzip", false, &memory).ok()).collect();
    first.feed(&brotli(&noise(1 << 20)));
    first.end();
    let result = loop {
        match first.next() {
            Ok(Some(_)) => {}
            other => break other.map(|_| ()),
        }
    };
    assert_eq!(result, Err(Exhausted), "its window grows");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_round_trip_gives_the_same(data in prop::collection::vec(prop::collection::vec(0u8..8, 0..40).prop_map(|run| run.repeat(9)), 1..40), cut in 1usize..300) {
        let data = data.concat();
        prop_assume!(!data.is_empty());
        for (codings, coded) in [("gzip", gzip(&data)), ("deflate", zlib(&data)), ("deflate", deflate(&data)), ("zstd", zstd(&data)), ("br", brotli(&data))] {
            prop_assert_eq!(decode_in(codings, false, &coded, cut), (data.clone(), Ok(())), "{}", codings);
        }
    }

    #[test]
    fn no_bytes_are_read_in_two_ways(data in prop::collection::vec(any::<u8>(), 0..200), cut in 1usize..50, at in 0usize..200, coding in 0usize..5) {
        let (codings, mut coded) = [
            ("gzip", gzip(TEXT)), ("deflate", zlib(TEXT)), ("deflate", deflate(TEXT)), ("zstd", zstd(TEXT)), ("br", hex(OTHERS[0].1)),
        ][coding].clone();
        let at = at.min(coded.len());
        coded.truncate(at);
        coded.extend(&data);
        prop_assert_eq!(decode_in(codings, false, &coded, cut), decode_in(codings, false, &coded, usize::MAX));
    }
}
