//! Tests of opening a bundle: damage, contradictions, other files.

use super::*;
use crate::bundle::layout as l;
use crate::bundle::layout::{Span, Str};
use crate::bundle::write::{Header, Writer};

/// A small bundle with one restriction, whose mask has every pattern, and one licence for it.
fn sample() -> Vec<u8> {
    let mut w = Writer::default();
    let title = w.text("A title");
    let pattern = w.text("mythos-5");
    let none = Str { at: 0, len: 0 };
    w.push(
        l::section::META,
        &l::Meta {
            title,
            when_words: 1,
            licence_words: 1,
            mask_words: 1,
            unknown_state: l::NONE,
            ..Default::default()
        },
    );
    for text in [none, pattern] {
        w.push(l::section::PATTERNS, &l::Pattern { text, family: l::NONE16, ..Default::default() });
    }
    w.push(l::section::MASKS, &3u64);
    let id = w.text("embargo");
    w.push(
        l::section::RESTRICTIONS,
        &l::Restriction {
            id,
            message: none,
            until: i64::MAX,
            when: Span { at: 0, len: 1 },
            authority: l::NONE16,
            status: 403,
            state: 1,
            ..Default::default()
        },
    );
    let lifts = w.extend(l::section::INDICES, &[0u32]);
    w.push(
        l::section::LICENCES,
        &l::Licence {
            id,
            rows: Span { at: 0, len: 1 },
            lifts,
            mask: l::NONE,
            authority: l::NONE16,
            ..Default::default()
        },
    );
    for row in 0..128 {
        w.push(l::section::ROW_OWNERS, &if row % 64 == 0 { 0u32 } else { l::NONE });
    }
    w.push(l::section::VECTORS, &1u64);
    w.push(l::section::VECTORS, &1u64);
    for word in [1u64, 0, 1, 0] {
        w.push(l::section::SUMMARIES, &word);
    }
    w.finish(&Header {
        policy_id: "sample",
        version: 7,
        expires: 1_000,
        flags: l::flags::LATE_BOUND_DENY,
    })
}

fn error_of(bytes: &[u8]) -> Option<BundleError> {
    Bundle::read(bytes, &mut Sections::default()).err()
}

/// Recomputes the digest, so that the checks after it run.
fn reseal(bytes: &mut [u8]) {
    let end = u32::from_le_bytes(bytes[l::AT_SIGNATURE..][..4].try_into().unwrap()) as usize;
    if let Some(digested) = bytes.get(l::DIGEST_FROM..end) {
        let digest = sha2::Sha256::digest(digested);
        bytes[l::AT_DIGEST..l::DIGEST_FROM].copy_from_slice(&digest);
    }
}

#[test]
fn what_is_written_is_read() {
    let bytes = sample();
    assert_eq!(bytes, sample(), "the same input gives the same bytes");
    let owned = OwnedBundle::new(bytes.clone()).unwrap();
    let mut sections = Sections::default();
    let borrowed = Bundle::read(&bytes, &mut sections).unwrap();
    for bundle in [owned.view(), borrowed] {
        assert_eq!(
            (bundle.policy_id(), bundle.policy_version(), bundle.expires()),
            ("sample", 7, 1_000)
        );
        assert_eq!(bundle.flags(), l::flags::LATE_BOUND_DENY);
        let rule = bundle.table::<l::Restriction>(l::section::RESTRICTIONS).get(0).unwrap();
        assert_eq!(bundle.text(rule.id), "embargo");
        assert_eq!(bundle.text(bundle.meta().unwrap().title), "A title");
    }
}

#[test]
fn every_truncation_and_every_surplus_is_an_error() {
    let bytes = sample();
    for length in 0..bytes.len() {
        assert!(
            matches!(error_of(&bytes[..length]), Some(BundleError::Truncated { .. })),
            "{length}"
        );
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(matches!(error_of(&longer), Some(BundleError::TrailingBytes { .. })));
}

#[test]
fn every_changed_byte_is_an_error() {
    let bytes = sample();
    for at in 0..bytes.len() {
        for change in [1, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[at] ^= change;
            let error = error_of(&changed)
                .unwrap_or_else(|| panic!("byte {at} changed by {change:#x} was not seen"));
            match at {
                0..8 => assert_eq!(error, BundleError::ForeignFile),
                8..10 => assert!(matches!(error, BundleError::Format { expected: 1, .. })),
                12..16 => assert!(matches!(
                    error,
                    BundleError::Truncated { .. } | BundleError::TrailingBytes { .. }
                )),
                16..48 => assert_eq!(error, BundleError::Digest),
                _ => {}
            }
        }
    }
}

#[test]
fn a_changed_byte_behind_a_right_digest_never_panics() {
    let bytes = sample();
    let mut refused = 0;
    for at in l::DIGEST_FROM..bytes.len() {
        for change in [1, 2, 0x40, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[at] ^= change;
            reseal(&mut changed);
            refused +=
                usize::from(matches!(error_of(&changed), Some(BundleError::Malformed { .. })));
        }
    }
    assert!(refused > 1_000, "most of these contradict the layout, {refused} were refused");
}

#[test]
fn foreign_files_are_named_as_such() {
    for foreign in
        [&b"format = 1\n"[..], b"PK\x03\x04", b"\x89PNG\r\n\x1a\n", b"\0asm\x01\0\0\0", b"{}"]
    {
        assert_eq!(error_of(foreign), Some(BundleError::ForeignFile));
    }
    assert!(matches!(error_of(b""), Some(BundleError::Truncated { .. })));
    // A transfer in text mode turned CR LF into LF.
    let mended: Vec<u8> = sample().iter().copied().filter(|byte| *byte != b'\r').collect();
    assert_eq!(error_of(&mended), Some(BundleError::ForeignFile));
}

#[test]
fn each_contradiction_is_found_where_it_is() {
    // Section, offset within it, bytes to write there.
    let cases: &[(u16, usize, &[u8])] = &[
        (l::section::META, 0, &[0xff, 0xff]),
        (l::section::META, 8, &[2]),
        (l::section::PATTERNS, 8, &[0]),
        (l::section::RESTRICTIONS, 36, &[65]),
        (l::section::RESTRICTIONS, 48, &[1]),
        (l::section::RESTRICTIONS, 54, &[0x90]),
        (l::section::LICENCES, 44, &[2]),
        (l::section::INDICES, 0, &[1]),
        (l::section::ROW_OWNERS, 4, &[0, 0, 0, 0]),
        (l::section::SUMMARIES, 0, &[0]),
        (l::section::STRINGS, 0, &[0xff]),
    ];
    for (section, at, put) in cases {
        let mut bytes = sample();
        let from = OwnedBundle::new(bytes.clone()).unwrap().view().offset(*section) + at;
        bytes[from..from + put.len()].copy_from_slice(put);
        reseal(&mut bytes);
        match error_of(&bytes) {
            Some(BundleError::Malformed { section: found, .. }) => {
                // A contradiction between two sections may be reported in either, since rows have
                // owners and are counted.
                let rows = [l::section::RESTRICTIONS, l::section::ROW_OWNERS, l::section::VECTORS];
                assert!(
                    found == *section || rows.contains(&found),
                    "section {section} offset {at}: found in {found}"
                );
            }
            other => panic!("section {section} offset {at}: {other:?}"),
        }
    }
}
