//! Why a verdict is what it is: a closed set of facts with stable codes.
//!
//! Input: none, the readers and the verdict name one. Output: a code for logs and records, a status, and a sentence for the
//! person who gets the refusal, which says what to mend. It holds no data of the request, so nothing of it can leak.

/// Declares the reasons as a table: name, code, status, and what the person is told.
macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident $code:literal $status:literal $message:literal;)*) => {
        /// Why a verdict is what it is.
        ///
        /// Codes are stable: the same in Rust, JavaScript, records and documentation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Reason { $($(#[$doc])* $name),* }

        impl Reason {
            /// Every reason, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable code, `duplicate_key` for example.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// The HTTP status of a verdict that rests on this alone: 200 where the request goes on.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status),* }
            }

            /// A sentence for the person who gets the answer: what is wrong, and what to send instead. Bundles carry it.
            #[cfg(feature = "author")]
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $(Self::$name => $message),* }
            }
        }
    };
}

reasons! {
    // Passed on.
    /// No restriction reaches this caller: nothing was read.
    NoRestriction "no_restriction" 200 "No restriction applies to this caller.";
    /// The path lies under no guarded prefix.
    Unguarded "unguarded" 200 "This path is not guarded.";
    /// Every mention was read, and none is denied.
    Allowed "allowed" 200 "Every model that the request names may be used.";
    /// A CORS preflight: it runs nothing and reveals nothing.
    Preflight "preflight" 200 "A preflight request carries nothing to decide.";
    /// A list of models: the denied ones are left out of the answer.
    Filtered "filtered" 200 "Models that this caller may not use are left out of the list.";

    // Left to the origin, under the denied set that travels with the request; denied where the policy says so.
    /// An id in which no declared pattern occurs, or an operation that runs a model and names none.
    Unlisted "unlisted" 200 "The model named here is not in the policy's catalogue, so it cannot be cleared for this caller.";
    /// What runs is bound by an object stored at the origin, or by what follows on the connection.
    LateBound "late_bound" 200 "What runs here is decided by a stored object, so it cannot be cleared for this caller.";
    /// An operation that no guarded dialect knows.
    UnknownOperation "unknown_operation" 200 "This operation is not known here, so it cannot be cleared for this caller.";

    // Denied.
    /// A mentioned model is closed to this caller.
    ModelRestricted "model_restricted" 403 "This model is not available to this caller.";
    /// The answer names no model, or none that the gate knows, although the origin chose what ran.
    AnswerUnnamed "answer_unnamed" 403 "The model that answered cannot be told, so the answer cannot be released to this caller.";
    /// Every model is closed to this caller: nothing was read.
    EverythingRestricted "everything_restricted" 403 "This service is not available to this caller.";

    // Refused: the body as a whole.
    /// A `Content-Encoding` that is not undone here.
    ContentCoding "content_coding" 415 "The request body is compressed in a way that cannot be read here. Send it without Content-Encoding.";
    /// A coded body that is damaged, not whole, or followed by something.
    CodingBroken "coding_broken" 400 "The compressed request body is damaged or incomplete, or something follows it. Send it again, or without Content-Encoding.";
    /// A content type that does not go with the body or the operation, or that is given twice.
    ContentType "content_type" 415 "The request's content type does not go with its body. Send one Content-Type, application/json in UTF-8.";
    /// A body beyond a stated bound.
    BodyTooLarge "body_too_large" 413 "The request body is larger than can be checked. Send a smaller one.";
    /// The body ended before it was whole.
    BodyTruncated "body_truncated" 400 "The request body ended before it was complete. Send it again in full.";
    /// The body is not UTF-8.
    BodyUtf8 "body_utf8" 400 "The request body is not valid UTF-8. Encode it in UTF-8.";
    /// The body starts with a byte order mark.
    BodyBom "body_bom" 400 "The request body starts with a byte order mark. Send it without one.";
    /// The body is UTF-16 or UTF-32.
    BodyUtf16 "body_utf16" 400 "The request body is UTF-16 or UTF-32. Encode it in UTF-8.";

    // Refused: JSON.
    /// Not JSON by RFC 8259.
    JsonSyntax "json_syntax" 400 "The request body is not valid JSON. Send one JSON document as RFC 8259 defines it, without comments or trailing commas.";
    /// Nested deeper than [`limits::JSON_DEPTH`](crate::limits::JSON_DEPTH).
    JsonDepth "json_depth" 400 "The request body is nested too deeply. Use fewer levels.";
    /// Bytes after the JSON document.
    TrailingBytes "trailing_bytes" 400 "Something follows the JSON document in the request body. Send one document alone.";
    /// A wanted key twice in one object.
    DuplicateKey "duplicate_key" 400 "The request holds the same key twice in one object. Send each key once.";
    /// A key that some parsers take for a wanted one and others do not.
    AmbiguousKey "ambiguous_key" 400 "A key of the request is spelled in a way that parsers read differently. Spell it exactly as the API documents it.";
    /// Not a text where a model id belongs.
    ModelType "model_type" 400 "The request gives a model that is not a string. Name the model by a string.";

    // Refused: a model id.
    /// An id outside printable ASCII.
    IdNotAscii "id_not_ascii" 400 "A model id holds a character outside printable ASCII. Use the id as the provider lists it.";
    /// An id longer than [`limits::MODEL_ID_BYTES`](crate::limits::MODEL_ID_BYTES).
    IdTooLong "id_too_long" 400 "A model id is too long. Use the id as the provider lists it.";
    /// A malformed percent escape, or one that hides another too often.
    PercentEscape "percent_escape" 400 "A percent escape is malformed or nested. Escape each character once, by % and two hexadecimal digits.";
    /// More than [`limits::MENTIONS_JUDGED`](crate::limits::MENTIONS_JUDGED) mentions.
    TooManyMentions "too_many_mentions" 413 "The request names more models than can be checked. Split it.";

    // Refused: the target and the headers.
    /// A target longer than [`limits::TARGET_BYTES`](crate::limits::TARGET_BYTES), or of too many segments.
    TargetTooLong "target_too_long" 400 "The request's URL is too long. Shorten it.";
    /// A path that servers resolve differently, in more ways than are followed.
    AmbiguousPath "ambiguous_path" 400 "The request's path is written in a way that servers read differently. Write it as the API documents it.";
    /// More than [`limits::PARAMETERS`](crate::limits::PARAMETERS) parameters or fields.
    TooManyParameters "too_many_parameters" 400 "The request has too many parameters. Send fewer.";
    /// More header bytes than [`limits::HEADER_BYTES`](crate::limits::HEADER_BYTES).
    HeadersTooLarge "headers_too_large" 400 "The request's headers are too large. Send fewer.";

    // Refused: forms.
    /// A form or a field that parsers read differently.
    FormSyntax "form_syntax" 400 "The form in the request body is malformed. Encode names and values as the URL standard says.";
    /// A field longer than [`limits::FIELD_BYTES`](crate::limits::FIELD_BYTES).
    FieldTooLong "field_too_long" 400 "A form field is too long. Shorten it.";
    /// No boundary, two, or one outside RFC 2046.
    MultipartBoundary "multipart_boundary" 400 "The multipart content type needs exactly one well-formed boundary.";
    /// Not multipart/form-data by RFC 7578: bare line feeds, text around the parts.
    MultipartSyntax "multipart_syntax" 400 "The multipart body is malformed. Send parts with CRLF line ends and nothing before or after them.";
    /// The closing delimiter is missing.
    MultipartTruncated "multipart_truncated" 400 "The multipart body has no closing delimiter. Send it in full.";
    /// A part's header that parsers read differently.
    MultipartHeader "multipart_header" 400 "A part of the multipart body has a malformed header. Send Content-Disposition: form-data with one quoted name.";
    /// More header bytes in a part than [`limits::MULTIPART_HEADER_BYTES`](crate::limits::MULTIPART_HEADER_BYTES).
    MultipartHeaderTooLarge "multipart_header_too_large" 400 "A part of the multipart body has too large a header. Shorten it.";
    /// More parts than [`limits::MULTIPART_PARTS`](crate::limits::MULTIPART_PARTS).
    MultipartParts "multipart_parts" 400 "The multipart body has too many parts. Send fewer.";
    /// A multipart body inside a part.
    MultipartNested "multipart_nested" 400 "The multipart body holds another one. Send the parts side by side.";
    /// A part in another charset than UTF-8, or a `_charset_` field.
    MultipartCharset "multipart_charset" 400 "A part of the multipart body is not in UTF-8. Encode it in UTF-8.";
    /// A part with a `Content-Transfer-Encoding`.
    MultipartEncoding "multipart_encoding" 400 "A part of the multipart body has a Content-Transfer-Encoding. Send it without one.";
    /// A request in a batch that has a credential of its own.
    PartCredential "part_credential" 400 "A request in the batch carries another credential than the batch itself. Send it in a batch of its own.";
    /// A file where a text field belongs.
    MultipartFile "multipart_file" 400 "A text field of the multipart body was sent as a file. Send it without a file name.";

    // Refused: the gate cannot decide now. Retryable.
    /// A connection whose caller had no denied set when it began has one now, and what went over it by then was not read.
    SessionUnread "session_unread" 503 "The rules changed while this connection was open, and what it runs was not checked. Connect again.";
    /// No bundle is loaded.
    NoBundle "no_bundle" 503 "The policy that guards this service is not loaded yet. Try again shortly.";
    /// The evaluator trapped; its instance is being replaced.
    Trapped "trapped" 503 "The request could not be checked because of a fault here. Try again shortly.";
    /// An answer that cannot be read with certainty.
    AnswerUnreadable "answer_unreadable" 502 "The answer of the service cannot be checked, so it is not released.";
    /// A stream that lasted as long as one may.
    AnswerTooLong "answer_too_long" 503 "This stream has lasted as long as one may. Send the request again.";
    /// A bound of memory or of requests in flight.
    Exhausted "exhausted" 503 "The gate is at its limit. Try again shortly.";
}

#[cfg(any(feature = "edge", feature = "decoder"))]
impl Reason {
    /// Why a coded body cannot be read, by the number (from 1) under which the decoding module tells the deciding one.
    pub(crate) const CODING: [Self; 4] =
        [Self::ContentCoding, Self::CodingBroken, Self::BodyTooLarge, Self::Exhausted];
}

#[cfg(all(test, feature = "author"))]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_plain() {
        for (i, reason) in Reason::ALL.iter().enumerate() {
            assert!(
                reason.code().bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_')),
                "{reason:?}"
            );
            assert!(
                Reason::ALL.iter().skip(i + 1).all(|other| other.code() != reason.code()),
                "{reason:?}"
            );
        }
    }

    #[test]
    fn every_refusal_says_what_is_wrong_in_a_sentence() {
        for reason in Reason::ALL {
            assert!(
                matches!(reason.status(), 200 | 400 | 403 | 413 | 415 | 502 | 503),
                "{reason:?}"
            );
            assert!(
                reason.message().ends_with('.')
                    && reason.message().chars().next().unwrap().is_uppercase(),
                "{reason:?}"
            );
        }
    }
}

impl Reason {
    /// It shows that bytes were never meant to be JSON or a form, in any encoding.
    pub(crate) fn is_no_text(self) -> bool {
        matches!(
            self,
            Self::JsonSyntax
                | Self::BodyUtf8
                | Self::BodyTruncated
                | Self::TrailingBytes
                | Self::FormSyntax
                | Self::PercentEscape
                | Self::FieldTooLong
                | Self::TooManyParameters
        )
    }
}
