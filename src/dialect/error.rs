//! Errors in a dialect file, or in the choice of dialects.

use std::fmt;

use crate::limits;

/// A mistake in a dialect file, with its location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialectError {
    /// Name of the file: `openai.toml`.
    pub file: String,
    /// Id of the operation, or name of the shape, that contains the mistake. `None`: it is outside
    /// of them.
    pub operation: Option<String>,
    /// The mistake itself.
    pub mistake: Mistake,
}

/// A mistake in a dialect file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mistake {
    /// The file is not TOML. Contains the parser's message.
    Toml(String),
    /// A required key is missing.
    Missing {
        /// The key.
        key: &'static str,
    },
    /// A value has the wrong type.
    Type {
        /// The key.
        key: String,
        /// The expected type, in words.
        expected: &'static str,
    },
    /// The format has no such key.
    UnknownKey {
        /// The key.
        key: String,
    },
    /// A word is not one of the allowed words, for example of the classes, the error formats or the
    /// methods.
    UnknownWord {
        /// Kind of word that is expected.
        kind: &'static str,
        /// The word in the file.
        found: String,
    },
    /// Neither the file nor `gateway.toml` declares this shape.
    UnknownShape {
        /// Name of the shape.
        name: String,
    },
    /// A shape includes itself.
    ShapeLoop {
        /// Name of the shape.
        name: String,
    },
    /// A route or location is malformed.
    Malformed {
        /// The text.
        text: String,
        /// The reason.
        reason: &'static str,
    },
    /// A location names a capture that the operation's path does not have.
    UnknownCapture {
        /// Name of the capture.
        name: String,
    },
    /// Two operations have the same id.
    Duplicate {
        /// The id.
        id: String,
    },
    /// One object has more wanted keys than the scanner can track.
    TooManyKeys {
        /// Number of wanted keys of the object.
        found: usize,
    },
    /// The policy guards more dialects than a bundle can hold.
    TooManyDialects {
        /// Number of dialects.
        found: usize,
    },
    /// No dialect has this id.
    UnknownDialect {
        /// The id.
        id: String,
    },
}

impl DialectError {
    /// Returns the stable code: `dialect_toml`, ...
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self.mistake {
            Mistake::Toml(_) => "dialect_toml",
            Mistake::Missing { .. } => "dialect_missing",
            Mistake::Type { .. } => "dialect_type",
            Mistake::UnknownKey { .. } => "dialect_unknown_key",
            Mistake::UnknownWord { .. } => "dialect_unknown_word",
            Mistake::UnknownShape { .. } => "dialect_unknown_shape",
            Mistake::ShapeLoop { .. } => "dialect_shape_loop",
            Mistake::Malformed { .. } => "dialect_malformed",
            Mistake::UnknownCapture { .. } => "dialect_unknown_capture",
            Mistake::Duplicate { .. } => "dialect_duplicate",
            Mistake::TooManyKeys { .. } => "dialect_too_many_keys",
            Mistake::TooManyDialects { .. } => "dialect_too_many",
            Mistake::UnknownDialect { .. } => "dialect_unknown",
        }
    }
}

impl fmt::Display for DialectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(operation) = &self.operation {
            write!(f, ", `{operation}`")?;
        }
        f.write_str(": ")?;
        match &self.mistake {
            Mistake::Toml(words) => f.write_str(words.trim_end()),
            Mistake::Missing { key } => write!(f, "`{key}` is missing"),
            Mistake::Type { key, expected } => write!(f, "`{key}` must be {expected}"),
            Mistake::UnknownKey { key } => write!(f, "unknown key `{key}`"),
            Mistake::UnknownWord { kind, found } => write!(f, "`{found}` is no {kind}"),
            Mistake::UnknownShape { name } => write!(f, "no shape is called `{name}`"),
            Mistake::ShapeLoop { name } => write!(f, "the shape `{name}` includes itself"),
            Mistake::Malformed { text, reason } => write!(f, "`{text}`: {reason}"),
            Mistake::UnknownCapture { name } => {
                write!(f, "no path of the operation captures `{{{name}}}`")
            }
            Mistake::Duplicate { id } => write!(f, "a second operation `{id}`"),
            Mistake::TooManyKeys { found } => {
                write!(
                    f,
                    "{found} wanted keys in one object; at most {} are kept apart",
                    limits::KEYS_PER_OBJECT
                )
            }
            Mistake::TooManyDialects { found } => {
                write!(f, "{found} guarded dialects; a bundle holds at most {}", limits::DIALECTS)
            }
            Mistake::UnknownDialect { id } => write!(f, "no dialect is called `{id}`"),
        }
    }
}

impl std::error::Error for DialectError {}
