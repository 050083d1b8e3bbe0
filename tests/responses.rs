//! Responses of origins with their outcomes, as data: `tests/corpus/responses/*.jsonl`.
//!
//! A case is a request line in the form of `portcullis decide` with an `id`, an optional `unlisted`
//! (`defer` if absent) and the response under `answer`:
//!
//! - `status` (200 if absent), `headers`, `type` (the content type)
//! - the body: `body`, `frames` (payloads of an AWS event stream), or `chunks_b64` (texts that the
//!   test puts into such frames in Base64, as Bedrock does)
//!
//! `expect` holds any of `outcome`, `check`, `reason`, `status`, `body` (the whole body that the
//! client gets), `starts`, `ends` and `lacks` (parts of it), `cursor`. The test tries each case
//! whole, in pieces of 1 and of 7 bytes, and cut once at up to 400 offsets. Outcome, reason, status
//! and body must be the same each time.

#![cfg(test)]

use std::fs;
use std::path::Path;

use portcullis::analysis::{Decider, RequestLine, ResponseOutcome};
use portcullis::compile;
use portcullis::policy::{Options, Source, load};
use portcullis::{OwnedBundle, ResponseCheck};
use serde_json::Value as Json;

const CLOCK: i64 = 1_781_481_600_000;

fn decider(unlisted: &str) -> Decider {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/responses");
    let text = fs::read_to_string(folder.join("policy.toml")).unwrap();
    let text = text.replace("unlisted = \"defer\"", &format!("unlisted = \"{unlisted}\""));
    let loaded = load(vec![Source::new("policy.toml", text)], &mut Options::default());
    let policy = loaded.policy.unwrap_or_else(|| panic!("{:?}", loaded.problems));
    Decider::new(OwnedBundle::new(compile(&policy, None).unwrap()).unwrap(), None).unwrap()
}

fn name(check: ResponseCheck) -> &'static str {
    match check {
        ResponseCheck::Nothing => "nothing",
        ResponseCheck::Filter => "filter",
        ResponseCheck::Lenient => "lenient",
        ResponseCheck::Strict => "strict",
        ResponseCheck::Acknowledged => "acknowledged",
    }
}

/// CRC-32, bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0xedb8_8320 }
        })
    })
}

fn frame(payload: &[u8]) -> Vec<u8> {
    let headers = b"\x0b:event-type\x07\x00\x05chunk";
    let mut frame = Vec::new();
    frame.extend((16 + u32::try_from(headers.len() + payload.len()).unwrap()).to_be_bytes());
    frame.extend(u32::try_from(headers.len()).unwrap().to_be_bytes());
    frame.extend(crc(&frame).to_be_bytes());
    frame.extend_from_slice(headers);
    frame.extend_from_slice(payload);
    frame.extend(crc(&frame).to_be_bytes());
    frame
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * at)) as usize & 63];
            text.push(if at <= chunk.len() { letter as char } else { '=' });
        }
    }
    text
}

/// The bytes of a response.
fn body(answer: &Json) -> Vec<u8> {
    if let Some(text) = answer["body"].as_str() {
        return text.as_bytes().to_vec();
    }
    if let Some(frames) = answer["frames"].as_array() {
        return frames
            .iter()
            .flat_map(|payload| frame(payload.as_str().unwrap().as_bytes()))
            .collect();
    }
    let chunks = answer["chunks_b64"].as_array().map_or(&[][..], Vec::as_slice);
    chunks
        .iter()
        .flat_map(|part| {
            frame(
                format!(
                    "{{\"bytes\":\"{}\",\"p\":\"abc\"}}",
                    base64(part.as_str().unwrap().as_bytes())
                )
                .as_bytes(),
            )
        })
        .collect()
}

fn check(id: &str, expect: &Json, decided: &ResponseOutcome) {
    let text = String::from_utf8_lossy(&decided.body);
    for (key, wanted) in expect.as_object().unwrap() {
        let (given, right) = match key.as_str() {
            "check" => (name(decided.check).to_owned(), *wanted == name(decided.check)),
            "outcome" => (decided.outcome.to_owned(), *wanted == decided.outcome),
            "reason" => (decided.reason.code().to_owned(), *wanted == decided.reason.code()),
            "status" => (decided.status.to_string(), *wanted == decided.status),
            "body" => (text.to_string(), *wanted == text.as_ref()),
            "starts" => (text.to_string(), text.starts_with(wanted.as_str().unwrap())),
            "ends" => (text.to_string(), text.ends_with(wanted.as_str().unwrap())),
            "lacks" => (text.to_string(), !text.contains(wanted.as_str().unwrap())),
            "cursor" => {
                let last = decided.cursors.as_ref().map_or_else(String::new, |(_, last)| {
                    String::from_utf8_lossy(last).into_owned()
                });
                (last.clone(), *wanted == last)
            }
            other => panic!("{id}: unknown key `{other}`"),
        };
        assert!(
            right,
            "{id}: {key} is {given:?}, not {wanted} ({})\n{text}",
            decided.reason.code()
        );
    }
}

#[test]
fn every_response_has_its_outcome_wherever_it_is_cut() {
    let mut count = 0;
    let mut deciders = ["defer", "pass", "deny"].map(|unlisted| (unlisted, decider(unlisted)));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/responses");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in
        files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "jsonl"))
    {
        for line in fs::read_to_string(file).unwrap().lines().filter(|line| !line.trim().is_empty())
        {
            let json: Json =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            let id = json["id"].as_str().unwrap();
            let unlisted = json["unlisted"].as_str().unwrap_or("defer");
            let (_, decider) = deciders.iter_mut().find(|(name, _)| *name == unlisted).unwrap();
            let request = RequestLine::read(line).unwrap_or_else(|error| panic!("{id}: {error}"));
            let answer = &json["answer"];
            let status =
                answer["status"].as_u64().map_or(200, |status| u16::try_from(status).unwrap());
            let none = serde_json::Map::new();
            let mut headers: Vec<(&str, &str)> = answer["headers"]
                .as_object()
                .unwrap_or(&none)
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
                .collect();
            if let Some(kind) = answer["type"].as_str() {
                headers.push(("content-type", kind));
            }
            let bytes = body(answer);
            let whole = decider.decide_response(&request, CLOCK, (status, &headers), &[&bytes]);
            check(id, &json["expect"], &whole);
            for size in [1, 7] {
                let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
                let cut = decider.decide_response(&request, CLOCK, (status, &headers), &pieces);
                assert_eq!(
                    (cut.outcome, cut.reason, cut.status),
                    (whole.outcome, whole.reason, whole.status),
                    "{id} in pieces of {size}"
                );
                assert_eq!(cut.body, whole.body, "{id} in pieces of {size}");
            }
            for at in (0..bytes.len()).step_by(bytes.len() / 400 + 1) {
                let (front, back) = bytes.split_at(at);
                let cut =
                    decider.decide_response(&request, CLOCK, (status, &headers), &[front, back]);
                assert_eq!(
                    (cut.outcome, cut.reason, cut.status),
                    (whole.outcome, whole.reason, whole.status),
                    "{id} cut at {at}"
                );
                assert_eq!(cut.body, whole.body, "{id} cut at {at}");
            }
            count += 1;
        }
    }
    assert!(count > 60, "{count} cases");
}
