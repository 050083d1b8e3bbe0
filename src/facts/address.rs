//! Parses IP addresses, in a fifth of the code bytes of `core::net`.
//!
//! Input: a text. Output: the same address that `core::net` parses. A zone, a port or a prefix
//! length makes the text invalid.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Reads an IPv4 or IPv6 address.
///
/// ```
/// # use portcullis::read_ip;
/// assert_eq!(read_ip("192.0.2.1"), "192.0.2.1".parse().ok());
/// assert_eq!(read_ip("2001:db8::7"), "2001:db8::7".parse().ok());
/// assert_eq!(read_ip("192.0.2.1:443"), None);
/// ```
#[must_use]
pub fn read_ip(text: &str) -> Option<IpAddr> {
    match four(text.as_bytes()) {
        Some(address) => Some(IpAddr::V4(Ipv4Addr::from(address))),
        None => six(text.as_bytes()).map(IpAddr::V6),
    }
}

/// Reads four decimal numbers without leading zeros.
fn four(text: &[u8]) -> Option<u32> {
    let (mut address, mut dots) = (0, 0);
    let mut octet = None;
    for byte in text {
        match byte {
            b'0'..=b'9' => {
                let digit = u32::from(byte - b'0');
                octet = match octet {
                    None => Some(digit),
                    Some(0) => return None,
                    Some(tens) => Some(tens * 10 + digit).filter(|octet| *octet <= 255),
                };
                octet?;
            }
            b'.' if dots < 3 => {
                address = address << 8 | octet.take()?;
                dots += 1;
            }
            _ => return None,
        }
    }
    if dots == 3 { Some(address << 8 | octet?) } else { None }
}

/// Reads eight groups of up to four hexadecimal digits. The last two may be an IPv4 address, and
/// one run of zeros may be left out.
fn six(text: &[u8]) -> Option<Ipv6Addr> {
    let mut groups = [0u16; 8];
    let (mut count, mut gap) = (0, None);
    let mut rest = text;
    if let Some(after) = rest.strip_prefix(b"::") {
        gap = Some(0);
        rest = after;
    }
    while !rest.is_empty() || gap != Some(count) {
        let end = rest.iter().position(|byte| *byte == b':').unwrap_or(rest.len());
        let (group, after) = rest.split_at_checked(end)?;
        if after.is_empty()
            && let Some(address) = four(group)
        {
            let [a, b, c, d] = address.to_be_bytes();
            *groups.get_mut(count)? = u16::from_be_bytes([a, b]);
            *groups.get_mut(count + 1)? = u16::from_be_bytes([c, d]);
            count += 2;
            break;
        }
        *groups.get_mut(count)? = hexadecimal(group)?;
        count += 1;
        let Some((_, after)) = after.split_first() else { break };
        rest = after;
        if let Some((b':', after)) = rest.split_first() {
            if gap.is_some() {
                return None;
            }
            gap = Some(count);
            rest = after;
        }
    }
    // Without a gap there must be eight groups. A gap replaces at least one group.
    let gap = match gap {
        Some(gap) if count < 8 => gap,
        None if count == 8 => 8,
        _ => return None,
    };
    let left_out = 8 - count;
    let mut whole = [0u16; 8];
    for (at, group) in groups.iter().take(count).enumerate() {
        *whole.get_mut(if at < gap { at } else { at + left_out })? = *group;
    }
    Some(Ipv6Addr::from(whole))
}

fn hexadecimal(group: &[u8]) -> Option<u16> {
    if group.is_empty() || group.len() > 4 {
        return None;
    }
    let mut number = 0;
    for byte in group {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            _ => match byte | 0x20 {
                letter @ b'a'..=b'f' => letter - b'a' + 10,
                _ => return None,
            },
        };
        number = number << 4 | u16::from(digit);
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]

        #[test]
        fn reads_what_core_reads(text in "[0-2a-f:.]{0,18}|(([0-9a-fA-F]{1,5}|:|::|)[:]){1,9}([0-9]{1,3}[.]?){0,5}|([0-9]{1,3}[.]){2,4}[0-9]{0,4}") {
            prop_assert_eq!(read_ip(&text), text.parse().ok());
        }

        #[test]
        fn reads_what_core_writes(four: u32, six: [u16; 8], holes: u8) {
            let mut six = six;
            for (bit, group) in six.iter_mut().enumerate() {
                if holes >> bit & 1 == 1 { *group = 0; }
            }
            for ip in [IpAddr::V4(four.into()), IpAddr::V6(six.into()), IpAddr::V6(Ipv4Addr::from(four).to_ipv6_mapped())] {
                prop_assert_eq!(read_ip(&ip.to_string()), Some(ip));
            }
        }
    }

    #[test]
    fn edges_are_those_of_core() {
        for text in [
            "",
            ":",
            "::",
            ":::",
            "1::",
            "::1",
            "1:",
            ":1",
            "1:2:3:4:5:6:7:8",
            "1:2:3:4:5:6:7::",
            "::2:3:4:5:6:7:8",
            "1:2:3:4:5:6:7:8::",
            "1::2::3",
            "::1.2.3.4",
            "1:2:3:4:5:6:1.2.3.4",
            "1:2:3:4:5:6:7:1.2.3.4",
            "1::2:3:4:5:6:1.2.3.4",
            "::1.2.3.4:5",
            "1.2.3.4::",
            "01.2.3.4",
            "0.0.0.0",
            "256.1.1.1",
            "1.2.3",
            "1.2.3.4.",
            ".1.2.3.4",
            "1.2.3.4.5",
            "12345::",
            "00001::",
            "fe80::1%1",
            "[::1]",
        ] {
            assert_eq!(read_ip(text), text.parse().ok(), "{text}");
        }
    }
}
