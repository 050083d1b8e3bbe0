//! The caller's place according to a geolocation database: normalised codes.
//!
//! Input: country and region as a platform spells them. Output: an ISO 3166-1 alpha-2 code, and the
//! part of an ISO 3166-2 code after the dash. Codes that are not a place (`XX`, `ZZ`, `T1`, `EU`,
//! withdrawn and user-assigned codes) are unknown. Nothing is guessed.

use super::network::Network;
use crate::compact::split::cut;

/// A country and, if known, a region of it. Both are upper-case ASCII. The region is padded with
/// zeros.
///
/// `Place { country: Some(*b"UA"), region: Some(*b"43\0") }` is Crimea.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// ISO 3166-1 alpha-2, or `XK`. `None`: unknown; the region is then unknown too.
    pub country: Option<[u8; 2]>,
    /// The subdivision part of an ISO 3166-2 code: one to three characters of `[0-9A-Z]`.
    pub region: Option<[u8; 3]>,
}

impl Place {
    /// An unknown place.
    pub const UNKNOWN: Self = Self { country: None, region: None };
}

/// The result of [`read_place`]: one place, or two if the territory is disputed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceReading {
    places: [Place; 2],
    count: usize,
    /// Network kinds that the country codes themselves reveal: `T1` is Tor.
    pub network: Network,
}

impl PlaceReading {
    /// Returns the one or two places that count as candidates.
    #[must_use]
    pub fn places(&self) -> &[Place] {
        self.places.get(..self.count).unwrap_or(&self.places)
    }

    const fn one(place: Place) -> Self {
        Self { places: [place, Place::UNKNOWN], count: 1, network: Network(0) }
    }
}

/// The 249 officially assigned codes of ISO 3166-1 alpha-2 as of 2026-11, two letters each, sorted;
/// and `XK`, which the EU and the CDNs use for Kosovo.
const COUNTRIES: &[u8] = b"ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCOCRCUCVCWCXCYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVGVIVNVUWFWSXKYEYTZAZMZW";

/// The same codes: for each first letter, one bit for each second letter. It takes a fifth of the
/// bytes.
const ASSIGNED: [u32; 26] = assigned();

#[expect(clippy::indexing_slicing, reason = "done by the compiler")]
const fn assigned() -> [u32; 26] {
    let mut rows = [0; 26];
    let (pairs, _) = COUNTRIES.as_chunks::<2>();
    let mut at = 0;
    while at < pairs.len() {
        let [first, second] = pairs[at];
        rows[(first - b'A') as usize] |= 1 << (second - b'A');
        at += 1;
    }
    rows
}

/// Subdivisions with a country code of their own. ISO 3166-2 lists both spellings; the country code
/// is the normal form.
const OWN_CODE: &[(&[u8; 2], &[u8])] = &[(b"US", b"PRGUVIASMPUM"), (b"CN", b"HKMOTW")];

/// A spelling of a territory that two states claim.
struct Dispute {
    country: [u8; 2],
    region: [u8; 3],
    other: Place,
}

const fn ukrainian(region: [u8; 3]) -> Place {
    Place { country: Some(*b"UA"), region: Some(region) }
}

/// Crimea and Sevastopol, as some databases spell them.
const DISPUTED: [Dispute; 2] = [
    Dispute { country: *b"RU", region: *b"CR\0", other: ukrainian(*b"43\0") },
    Dispute { country: *b"RU", region: *b"SEV", other: ukrainian(*b"40\0") },
];

fn letters(text: &str) -> Option<[u8; 2]> {
    match *text.as_bytes() {
        [a, b] if a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric() => {
            Some([a.to_ascii_uppercase(), b.to_ascii_uppercase()])
        }
        _ => None,
    }
}

fn country(text: &str) -> Option<[u8; 2]> {
    let code = letters(text)?;
    let code = match &code {
        b"UK" => *b"GB",
        b"EL" => *b"GR",
        b"EA" | b"IC" => *b"ES",
        _ => code,
    };
    let [first, second] = code.map(|letter| letter.wrapping_sub(b'A'));
    let row = ASSIGNED.get(usize::from(first))?;
    (row.checked_shr(u32::from(second))? & 1 == 1).then_some(code)
}

fn region(text: &str) -> Option<[u8; 3]> {
    let bytes = text.as_bytes();
    if bytes.is_empty() || bytes.len() > 3 || !bytes.iter().all(u8::is_ascii_alphanumeric) {
        return None;
    }
    let mut code = [0; 3];
    for (to, from) in code.iter_mut().zip(bytes) {
        *to = from.to_ascii_uppercase();
    }
    Some(code)
}

fn own_code(country: [u8; 2], region: [u8; 3]) -> Option<[u8; 2]> {
    let [a, b, 0] = region else { return None };
    let (_, own) = OWN_CODE.iter().find(|(of, _)| **of == country)?;
    own.as_chunks::<2>().0.contains(&[a, b]).then_some([a, b])
}

/// Reads country and region from a platform. An empty text means "not given".
///
/// The region may be alone (`TX`), with its country (`US-TX`) or joined to it (`USTX`, as Google's
/// load balancer writes it). Any text that is not exactly one code (two headers, padding, a list)
/// is unknown.
///
/// ```
/// use portcullis::{Network, Place, read_place};
/// let texas = Place { country: Some(*b"US"), region: Some(*b"TX\0") };
/// assert_eq!(read_place("us", "TX").places(), [texas]);
/// let puerto_rico = Place { country: Some(*b"PR"), region: None };
/// assert_eq!(read_place("US", "PR").places(), [puerto_rico]);
/// assert_eq!(read_place("T1", "").network, Network::of("tor").unwrap_or_default());
/// assert_eq!(read_place("RU", "CR").places().len(), 2, "disputed: both places are candidates");
/// ```
#[must_use]
pub fn read_place(country_text: &str, region_text: &str) -> PlaceReading {
    let Some(code) = country(country_text) else {
        let kind = match letters(country_text) {
            Some([b'T', b'1']) => Network::of("tor"),
            Some([b'A', b'1']) => Network::of("proxy"),
            Some([b'A', b'2']) => Network::of("satellite"),
            _ => None,
        };
        return PlaceReading {
            network: kind.unwrap_or_default(),
            ..PlaceReading::one(Place::UNKNOWN)
        };
    };
    let subdivision = match cut(region_text, b'-') {
        // The region belongs to another country: two statements that differ, so nothing is certain.
        Some((with, _)) if country(with) != Some(code) => return PlaceReading::one(Place::UNKNOWN),
        Some((_, alone)) => region(alone),
        None => region(region_text).or_else(|| {
            let (with, alone) = region_text.split_at_checked(2)?;
            if country(with) == Some(code) { region(alone) } else { None }
        }),
    };
    let Some(subdivision) = subdivision else {
        return PlaceReading::one(Place { country: Some(code), region: None });
    };
    if let Some(own) = own_code(code, subdivision) {
        return PlaceReading::one(Place { country: Some(own), region: None });
    }
    let said = Place { country: Some(code), region: Some(subdivision) };
    match DISPUTED.iter().find(|dispute| dispute.country == code && dispute.region == subdivision) {
        Some(dispute) => {
            PlaceReading { places: [said, dispute.other], count: 2, network: Network(0) }
        }
        None => PlaceReading::one(said),
    }
}

/// Reads one code as policies and account records write it: `US`, `UA-43`, `US-PR` (which is `PR`).
/// Returns `None` if it is no assigned code.
///
/// ```
/// use portcullis::{Place, read_code};
/// let crimea = Place { country: Some(*b"UA"), region: Some(*b"43\0") };
/// assert_eq!(read_code("UA-43"), Some(crimea));
/// assert_eq!(read_code("US-PR"), read_code("PR"));
/// assert_eq!(read_code("ZZ"), None);
/// ```
#[must_use]
pub fn read_code(code: &str) -> Option<Place> {
    let Some((of, part)) = cut(code, b'-') else {
        return Some(Place { country: Some(country(code)?), region: None });
    };
    let (of, part) = (country(of)?, region(part)?);
    Some(match own_code(of, part) {
        Some(own) => Place { country: Some(own), region: None },
        None => Place { country: Some(of), region: Some(part) },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_country_table_is_sorted_and_complete() {
        let (pairs, rest) = COUNTRIES.as_chunks::<2>();
        assert!(rest.is_empty());
        assert!(pairs.is_sorted_by(|a, b| a < b), "sorted, no code twice");
        assert_eq!(pairs.len(), 250, "249 assigned codes and XK");
        let known = |text: &str| country(text).is_some();
        for first in 0..=127u8 {
            for second in 0..=127u8 {
                let code = [first, second];
                let text = str::from_utf8(&code).unwrap_or_default();
                let upper = code.map(|letter| letter.to_ascii_uppercase());
                let other = matches!(&upper, b"UK" | b"EL" | b"EA" | b"IC");
                assert_eq!(known(text), other || pairs.contains(&upper), "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_place_is_unknown() {
        for code in [
            "", "XX", "ZZ", "T1", "EU", "AP", "A1", "AN", "SU", "US,CA", " US", "USA", "?", "**",
            "Ü", "\u{131}T",
        ] {
            assert_eq!(read_place(code, "").places(), [Place::UNKNOWN], "{code:?}");
        }
    }

    #[test]
    fn regions_are_read_in_every_spelling_that_platforms_use() {
        let texas = [Place { country: Some(*b"US"), region: Some(*b"TX\0") }];
        for spelling in ["TX", "tx", "US-TX", "us-tx", "USTX"] {
            assert_eq!(read_place("US", spelling).places(), texas, "{spelling}");
        }
        for nothing in ["", "Oregon", "T X", "-"] {
            assert_eq!(
                read_place("CA", nothing).places().first().and_then(|p| p.region),
                None,
                "{nothing}"
            );
        }
        assert_eq!(
            read_place("CA", "US-TX").places(),
            [Place::UNKNOWN],
            "two statements that differ"
        );
    }

    #[test]
    fn territories_with_a_code_of_their_own_take_it() {
        for (parent, own) in [("US", "PR"), ("US", "GU"), ("CN", "HK"), ("CN", "TW")] {
            assert_eq!(read_place(parent, own).places(), read_place(own, "").places());
            assert_eq!(read_code(&format!("{parent}-{own}")), read_code(own));
        }
    }

    #[test]
    fn aliases_are_taken_and_withdrawn_codes_are_not() {
        assert_eq!(read_code("UK"), read_code("GB"));
        assert_eq!(read_code("EL"), read_code("GR"));
        for code in [
            "AN", "CS", "SU", "YU", "TP", "ZR", "BU", "DD", "FX", "AA", "QM", "XA", "EZ", "UN",
            "U", "US-", "US-TEXAS", "-TX",
        ] {
            assert_eq!(read_code(code), None, "{code}");
        }
    }
}
