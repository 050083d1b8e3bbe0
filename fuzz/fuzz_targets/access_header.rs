//! The check rejects all bytes that the gate has not signed.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use portcullis::origin::{ArrivedRequest, Keys, verify};

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let (mac, public) = ("edge-1:hmac-sha256:0HUfMIil4OMsxscLFFN10Y7nD+1yqtoU2szEiTbF1uU=", "edge-2:ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    Keys::read(&format!("{mac},{public}")).unwrap()
});

fuzz_target!(|input: &[u8]| {
    let Ok(access) = str::from_utf8(input) else { return };
    let headers = [("portcullis-access", access)];
    // The seeds are the vectors. Another instant makes the vectors themselves invalid.
    let arrived = ArrivedRequest { method: "POST", target: "/v1/chat/completions", headers: &headers };
    assert!(verify(&arrived, &KEYS, 0, None).is_err());
});
