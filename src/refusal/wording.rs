//! The wording of errors in each API: one entry of a table for each.
//!
//! Input: a verdict and its message. Output: the body. A body is a template in which `$` and a
//! letter mean:
//!
//! | | |
//! |---|---|
//! | `$m` `$i` | the message; the case id or `null` |
//! | `$c` `$C` | the reason's code; the same in capitals |
//! | `$t` `$n` | the API's own word for the kind of error, as a string; the same without quotes |
//! | `$s` | the status |
//! | `$p` | `"model"` if a model is denied, else `null` |
//! | `$o` `$u` | title and address of the first ground, or an empty string |
//! | `$M` | the first denied model, or `null` |

use alloc::string::String;

use crate::compact::json;
use crate::verdict::{Verdict, VerdictKind};

/// The wording of one API.
pub(crate) struct Wording {
    pub(crate) body: &'static str,
    /// The API's words for errors that are forbidden, malformed, too large and temporarily
    /// unavailable.
    words: [&'static str; 4],
}

/// An error event on a WebSocket, in OpenAI's wording.
pub(crate) const SOCKET_EVENT: &str = r#"{"type":"error","event_id":$i,"error":{"message":$m,"type":$t,"param":$p,"code":$c,"event_id":$i}}"#;

const OPENAI: Wording = Wording {
    body: r#"{"error":{"message":$m,"type":$t,"param":$p,"code":$c}}"#,
    words: ["request_forbidden", "invalid_request_error", "invalid_request_error", "server_error"],
};

/// By number: see `error_format` in the bundle's layout.
static ERROR_FORMATS: [Wording; 12] = [
    OPENAI,
    OPENAI,
    // Anthropic
    Wording {
        body: r#"{"type":"error","error":{"type":$t,"message":$m,"details":{"error_code":$c}},"request_id":$i}"#,
        words: ["permission_error", "invalid_request_error", "request_too_large", "api_error"],
    },
    // Google
    Wording {
        body: r#"{"error":{"code":$s,"message":$m,"status":$t,"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":$C,"domain":"portcullis","metadata":{"order":$o,"case":$i}}]}}"#,
        words: ["PERMISSION_DENIED", "INVALID_ARGUMENT", "INVALID_ARGUMENT", "UNAVAILABLE"],
    },
    // Bedrock: the words go into a header.
    Wording {
        body: r#"{"message":$m}"#,
        words: [
            "AccessDeniedException",
            "ValidationException",
            "ValidationException",
            "ServiceUnavailableException",
        ],
    },
    // Mistral
    Wording {
        body: r#"{"object":"error","message":$m,"type":$t,"param":$p,"code":$c}"#,
        words: [
            "permission_error",
            "invalid_request_error",
            "invalid_request_error",
            "server_error",
        ],
    },
    // Cohere
    Wording { body: r#"{"id":$i,"message":$m}"#, words: [""; 4] },
    // OpenRouter
    Wording {
        body: r#"{"error":{"code":$s,"message":$m,"metadata":{"reason":$c}}}"#,
        words: [""; 4],
    },
    // Ollama
    Wording { body: r#"{"error":$m}"#, words: [""; 4] },
    // Cloudflare: numbers of the table of Workers AI errors.
    Wording {
        body: r#"{"result":null,"success":false,"errors":[{"code":$n,"message":$m}],"messages":[]}"#,
        words: CLOUDFLARE,
    },
    // watsonx
    Wording {
        body: r#"{"errors":[{"code":$c,"message":$m,"more_info":$u}],"trace":$i,"status_code":$s}"#,
        words: [""; 4],
    },
    // Cloudflare, if the body names the model.
    Wording {
        body: r#"{"state":"Failed","error":{"code":$n,"message":$m},"model":$M}"#,
        words: CLOUDFLARE,
    },
];

const CLOUDFLARE: [&str; 4] = ["5018", "5004", "3006", "3040"];

impl Wording {
    /// Returns the wording of this number. The default is OpenAI's, which most clients can read.
    pub(crate) fn of(number: u8) -> &'static Self {
        ERROR_FORMATS.get(usize::from(number)).unwrap_or(&OPENAI)
    }

    /// Returns the API's word for this kind of error.
    pub(crate) fn word(&self, verdict: &Verdict) -> &'static str {
        let [forbidden, malformed, large, unavailable] = self.words;
        match verdict.status {
            413 => large,
            503 => unavailable,
            _ if verdict.kind == VerdictKind::Deny => forbidden,
            _ => malformed,
        }
    }

    /// Appends a template with its values.
    pub(crate) fn fill(
        &self,
        to: &mut String,
        template: &str,
        verdict: &Verdict,
        message: &str,
        case: &str,
    ) {
        let ground = verdict.grounds.first();
        let mut letters = template.chars();
        while let Some(letter) = letters.next() {
            if letter != '$' {
                to.push(letter);
                continue;
            }
            match letters.next() {
                Some('m') => json::string(to, message),
                Some('i') if case.is_empty() => to.push_str("null"),
                Some('i') => json::string(to, case),
                Some('c') => json::string(to, verdict.reason.code()),
                Some('C') => json::string(to, &verdict.reason.code().to_ascii_uppercase()),
                Some('t') => json::string(to, self.word(verdict)),
                Some('n') => to.push_str(self.word(verdict)),
                Some('s') => json::number(to, u64::from(verdict.status)),
                Some('p') => to.push_str(if verdict.kind == VerdictKind::Deny {
                    "\"model\""
                } else {
                    "null"
                }),
                Some('o') => json::string(to, ground.map_or("", |ground| &ground.title)),
                Some('u') => json::string(to, ground.map_or("", |ground| &ground.url)),
                Some('M') => match verdict.denied_ids.first() {
                    Some(model) => json::string(to, model),
                    None => to.push_str("null"),
                },
                _ => {}
            }
        }
    }
}
