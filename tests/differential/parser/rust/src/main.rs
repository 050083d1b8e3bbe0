//! Reads requests as Rust servers do: httparse under hyper, serde_json into a value and into a
//! struct, form_urlencoded, multer under axum. Batches are split by multer, and httparse reads
//! their parts.

use std::io::{BufRead, Write};

use base64::{Engine as _, engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD}};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Deserialize)]
struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    trailers: Vec<(String, String)>,
    body: String,
    locations: Vec<String>,
    container: bool,
}

/// A request that a parser found in a batch.
#[derive(Serialize)]
struct Unpacked {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// The results of one request. result.mjs describes the locations in `locations`.
#[derive(Serialize)]
struct ParserResult {
    reads: Vec<(&'static str, String)>,
    rejects: Vec<&'static str>,
    paths: Vec<String>,
    nested: Vec<(&'static str, Vec<Unpacked>)>,
    #[serde(skip)]
    locations: Vec<String>,
}

/// The struct that a server declares. A duplicate key is an error, and a key in another case is
/// another key.
#[derive(Deserialize)]
struct Typed {
    model: Option<String>,
}

impl ParserResult {
    fn document(&mut self, parser: &'static str, value: &Value) {
        for location in self.locations.clone().iter().filter(|location| !location.contains(['#', '!'])) {
            match location.split_once('~') {
                Some((outer, inner)) => self.coded(parser, value, outer, &inner.split('/').collect::<Vec<_>>()),
                None => self.at(parser, value, &location.split('/').collect::<Vec<_>>()),
            }
        }
    }

    fn coded(&mut self, parser: &'static str, value: &Value, outer: &str, inner: &[&str]) {
        match outer.split('/').try_fold(value, |value, key| value.get(key)) {
            Some(Value::String(text)) => {
                let decoders = [("b64-rust", STANDARD), ("b64-rust-raw", STANDARD_NO_PAD), ("b64-rust-url", URL_SAFE), ("b64-rust-raw-url", URL_SAFE_NO_PAD)];
                for (name, decoder) in decoders {
                    match decoder.decode(text).ok().and_then(|plain| serde_json::from_slice(&plain).ok()) {
                        Some(value) => self.at(name, &value, inner),
                        None => self.rejects.push(name),
                    }
                }
            }
            Some(value) => self.at(parser, value, inner),
            None => {}
        }
    }

    fn at(&mut self, parser: &'static str, value: &Value, keys: &[&str]) {
        match (keys, value) {
            ([], Value::String(text)) => self.reads.push((parser, text.clone())),
            (["*", rest @ ..], Value::Array(values)) => values.iter().for_each(|value| self.at(parser, value, rest)),
            (["*", rest @ ..], Value::Object(values)) => values.values().for_each(|value| self.at(parser, value, rest)),
            ([key, rest @ ..], Value::Object(values)) => {
                if let Some(value) = values.get(*key) {
                    self.at(parser, value, rest);
                }
            }
            _ => {}
        }
    }

    fn fields(&mut self, parser: &'static str, fields: &[(String, String)]) {
        let batch = fields.iter().any(|(name, value)| name == "purpose" && value.trim() == "batch");
        for location in self.locations.clone().into_iter().filter(|location| !location.contains('~')) {
            let end = location.find(['#', '!']).unwrap_or(location.len());
            let (field, rest) = location.split_at(end);
            let field = field.replace("/*", "/");
            let mut parts = field.split('/');
            let mut name = parts.next().unwrap_or_default().to_owned();
            parts.for_each(|part| name += &format!("[{part}]"));
            for (_, value) in fields.iter().filter(|(found, _)| *found == name || *found == format!("{name}[]")) {
                let keys: Vec<&str> = rest.get(1..).unwrap_or_default().split('/').collect();
                match rest.get(..1) {
                    None => self.reads.push((parser, value.clone())),
                    Some("#") if !batch => {}
                    _ => {
                        for line in value.lines() {
                            if let Ok(value) = serde_json::from_str(line) {
                                self.at(parser, &value, &keys);
                            }
                        }
                    }
                }
            }
        }
    }

    fn read(&mut self, request: &Request) {
        let body = STANDARD.decode(&request.body).unwrap_or_default();
        let mut head = format!("{} {} HTTP/1.1\r\nHost: h\r\n", request.method, request.target).into_bytes();
        for (name, value) in &request.headers {
            head.extend(format!("{name}: ").bytes());
            // A header is a string of bytes: Latin-1 where it is not ASCII.
            head.extend(value.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')));
            head.extend(b"\r\n");
        }
        head.extend(b"\r\n");
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Request::new(&mut headers);
        if !matches!(parsed.parse(&head), Ok(httparse::Status::Complete(_))) {
            self.rejects.push("httparse");
            return;
        }
        let target = parsed.path.unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        self.paths.push(path.to_owned());
        self.paths.push(percent_decode_str(path).decode_utf8_lossy().into_owned());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if name == "model" || name == "model[]" {
                self.reads.push(("form_urlencoded-query", value.into_owned()));
            }
        }
        let named = |wanted: &str| {
            let mut values = parsed.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(wanted));
            values.next().map(|header| String::from_utf8_lossy(header.value).into_owned())
        };
        if let Some(model) = named("x-model") {
            self.reads.push(("httparse-header", model));
        }
        let mut block: Vec<u8> = request.trailers.iter().flat_map(|(name, value)| format!("{name}: {value}\r\n").into_bytes()).collect();
        block.extend(b"\r\n");
        let mut trailers = [httparse::EMPTY_HEADER; 8];
        if let Ok(httparse::Status::Complete((_, trailers))) = httparse::parse_headers(&block, &mut trailers) {
            for trailer in trailers.iter().filter(|trailer| trailer.name.replace('_', "-").eq_ignore_ascii_case("x-model")) {
                self.reads.push(("httparse-trailer-header", String::from_utf8_lossy(trailer.value).into_owned()));
            }
        }
        if body.is_empty() {
            return;
        }
        if request.container {
            match futures_executor::block_on(unpack(&named("content-type").unwrap_or_default(), body.clone())) {
                Some(found) => self.nested.push(("multer", found)),
                None => self.rejects.push("multer-mixed"),
            }
        }
        match serde_json::from_slice::<Value>(&body) {
            Ok(value) => self.document("serde_json", &value),
            Err(_) => self.rejects.push("serde_json"),
        }
        if self.locations.iter().any(|location| location == "model") {
            match serde_json::from_slice::<Typed>(&body) {
                Ok(typed) => self.reads.extend(typed.model.map(|model| ("serde_json-struct", model))),
                Err(_) => self.rejects.push("serde_json-struct"),
            }
        }
        let kind = named("content-type").unwrap_or_default();
        if kind.to_ascii_lowercase().contains("urlencoded") {
            let fields: Vec<_> = form_urlencoded::parse(&body).map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
            self.fields("form_urlencoded", &fields);
        }
        if kind.to_ascii_lowercase().contains("multipart") {
            let mut fields = Vec::new();
            let whole = futures_executor::block_on(parts(&kind, body, &mut fields));
            self.fields("multer", &fields);
            if whole.is_err() {
                self.rejects.push("multer");
            }
        }
    }
}

async fn parts(kind: &str, body: Vec<u8>, fields: &mut Vec<(String, String)>) -> Result<(), multer::Error> {
    let boundary = multer::parse_boundary(kind)?;
    let stream = futures_util::stream::once(std::future::ready(Ok::<_, std::io::Error>(body)));
    let mut multipart = multer::Multipart::new(stream, boundary);
    while let Some(field) = multipart.next_field().await? {
        let name = field.name().unwrap_or_default().to_owned();
        fields.push((name, field.text().await?));
    }
    Ok(())
}

/// Reads the requests in the parts of a batch, each to the end of its part.
async fn unpack(kind: &str, body: Vec<u8>) -> Option<Vec<Unpacked>> {
    let (_, boundary) = kind.split_once("boundary=")?;
    let boundary = boundary.split(';').next()?.trim().trim_matches('"').to_owned();
    let stream = futures_util::stream::once(std::future::ready(Ok::<_, std::io::Error>(body)));
    let mut multipart = multer::Multipart::new(stream, boundary);
    let mut found = Vec::new();
    while let Some(field) = multipart.next_field().await.ok()? {
        let content = field.bytes().await.ok()?;
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Request::new(&mut headers);
        let Ok(httparse::Status::Complete(end)) = parsed.parse(&content) else { return None };
        let text = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
        found.push(Unpacked {
            method: parsed.method?.to_owned(),
            target: parsed.path?.to_owned(),
            headers: parsed.headers.iter().map(|header| (header.name.to_owned(), text(header.value))).collect(),
            body: STANDARD.encode(content.get(end..)?),
        });
    }
    Some(found)
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        match serde_json::from_str::<Request>(&line?) {
            Ok(request) => {
                let mut result = ParserResult { reads: Vec::new(), rejects: Vec::new(), paths: Vec::new(), nested: Vec::new(), locations: request.locations.clone() };
                result.read(&request);
                writeln!(out, "{}", serde_json::to_string(&result).unwrap_or_default())?;
            }
            Err(_) => writeln!(out, "{{\"ready\":true}}")?,
        }
        out.flush()?;
    }
    Ok(())
}
