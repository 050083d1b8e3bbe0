//! An inference origin that serves only what the gate has judged, in Rust: `origin.mjs` beside it
//! is the same in JavaScript.
//!
//! Environment: `ACCESS_KEYS`, the gate's keys; `ENFORCED_KEY`, the origin's own key; `PORT`, 9000
//! by default. It speaks just enough HTTP/1.1 to be tried; a real origin has a server for that.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{SystemTime, UNIX_EPOCH};

use portcullis::origin::{ArrivedRequest, Keys, NonceCache, acknowledge, verify};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let keys = Keys::read(&std::env::var("ACCESS_KEYS")?)?;
    let own = Keys::read(&std::env::var("ENFORCED_KEY")?)?;
    let mut nonces = NonceCache::default();
    let port = std::env::var("PORT").unwrap_or_else(|_| "9000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    println!("origin ready on http://{}", listener.local_addr()?);
    for stream in listener.incoming() {
        if let Err(error) = serve(stream?, &keys, &own, &mut nonces) {
            eprintln!("{error}");
        }
    }
    Ok(())
}

fn serve(
    mut stream: TcpStream,
    keys: &Keys,
    own: &Keys,
    nonces: &mut NonceCache,
) -> Result<(), Box<dyn Error>> {
    let request = Request::read(&stream)?;
    let headers: Vec<(&str, &str)> =
        request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let arrived =
        ArrivedRequest { method: &request.method, target: &request.target, headers: &headers };
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let access = match verify(&arrived, keys, now, Some(nonces)) {
        Ok(access) => access,
        // The request did not come through the gate as it is.
        Err(error) => return answer(&mut stream, 403, "", &json!({ "error": error.code() })),
    };
    let model = request.model();
    let family = match model.as_str() {
        "mythos-5" | "fable-5" => "mythos-class",
        "haiku-4" => "open",
        _ => "*",
    };
    if access.denies(family) {
        return answer(&mut stream, 403, "", &json!({ "error": "model_restricted" }));
    }
    let enforced = acknowledge(&access, 200, own).ok_or("ENFORCED_KEY is no MAC key")?;
    answer(
        &mut stream,
        200,
        &format!("portcullis-enforced: {enforced}\r\n"),
        &json!({ "model": model, "served": true }),
    )
}

fn answer(
    stream: &mut TcpStream,
    status: u16,
    headers: &str,
    body: &Value,
) -> Result<(), Box<dyn Error>> {
    let body = body.to_string();
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} \r\n{headers}content-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )?;
    Ok(())
}

struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn read(stream: &TcpStream) -> Result<Self, Box<dyn Error>> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut words = line.split_ascii_whitespace().map(str::to_owned);
        let (method, target) = words.next().zip(words.next()).ok_or("no request line")?;
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let length = headers
            .iter()
            .find(|(name, _)| name == "content-length")
            .map_or(Ok(0), |(_, value)| value.parse())?;
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        Ok(Self { method, target, headers, body })
    }

    /// The model that the origin is going to run; without one it runs a default of its own.
    fn model(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body.get("model").and_then(Value::as_str).unwrap_or("haiku-4").to_owned()
    }
}
