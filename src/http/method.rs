//! The methods that servers may take a request for.

#[cfg(any(feature = "author", feature = "edge"))]
use alloc::string::String;
use alloc::vec::Vec;

use super::head::{Known, known};
use super::target::{decode, name_and_value, pairs};
use crate::compact::split::pieces;

/// Calls `take` with every method that a header asks for in place of the request's own.
pub(crate) fn methods(headers: &[(&str, &str)], take: &mut dyn FnMut(&str)) {
    for (name, value) in headers {
        if known(name) == Some(Known::Method) {
            pieces(value, b',').for_each(&mut *take);
        }
    }
}

/// Returns the request's own method, followed by those that headers ask for, separated by commas,
/// as [`route`](crate::request::route) takes them. The denied set needs them if a rule depends on
/// the operation.
#[cfg(any(feature = "author", feature = "edge"))]
pub(crate) fn all_methods(method: &str, headers: &[(&str, &str)]) -> String {
    let mut all = String::from(method);
    methods(headers, &mut |asked| {
        all.push(',');
        all.push_str(asked);
    });
    all
}

/// Calls `take` with every method that a `_method` parameter asks for.
pub(crate) fn query_methods(query: &[u8], take: &mut dyn FnMut(&str)) {
    pairs(query, &mut |pair| {
        let (name, value) = name_and_value(pair);
        let mut decoded = Vec::new();
        decode(name, &mut decoded);
        if decoded.eq_ignore_ascii_case(b"_method") {
            decode(value, &mut decoded);
            take(core::str::from_utf8(&decoded).unwrap_or_default());
        }
        true
    });
}
