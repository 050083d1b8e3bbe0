//! The reasons for verdicts: a closed set with stable codes.
//!
//! The readers and the verdict choose a reason. Each reason has a code for logs and records, an
//! HTTP status, and a sentence that tells the person who is refused how to correct the request. A
//! reason holds no data of the request, so it cannot leak any.

/// Declares the reasons as a table: name, code, status, and the sentence for the person.
macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident $code:literal $status:literal $message:literal;)*) => {
        /// The reason for a verdict.
        ///
        /// Codes are stable and the same in Rust, JavaScript, records and documentation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Reason { $($(#[$doc])* $name),* }

        impl Reason {
            /// All reasons, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Returns the stable code, for example `duplicate_key`.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// Returns the HTTP status of a verdict that has this reason alone; 200 if the request
            /// is forwarded.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status),* }
            }

            /// Returns a sentence for the person who gets the refusal: what is wrong, and what to
            /// send instead. Bundles carry these sentences.
            #[cfg(feature = "author")]
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $(Self::$name => $message),* }
            }
        }
    };
}

reasons! {
    // Forwarded.
    /// The caller's denied set is empty, so nothing was read.
    NoRestriction "no_restriction" 200 "No restriction applies to this caller.";
    /// The path has no guarded prefix.
    Unguarded "unguarded" 200 "This path is not guarded.";
    /// Every mention was read, and none is denied.
    Allowed "allowed" 200 "Every model that the request names may be used.";
    /// A CORS preflight, which runs nothing and reveals nothing.
    Preflight "preflight" 200 "A preflight request carries nothing to decide.";
    /// A list of models, from which the response leaves out the denied ones.
    Filtered "filtered" 200 "Models that this caller may not use are left out of the list.";

    // Deferred: the denied set goes to the origin with the request. Denied where the policy says
    // so.
    /// A model id in which no declared pattern occurs, or an operation that runs a model and names
    /// none.
    Unlisted "unlisted" 200 "The model named here is not in the policy's catalogue, so it cannot be cleared for this caller.";
    /// An object stored at the origin, or a later message on the connection, chooses the model.
    LateBound "late_bound" 200 "What runs here is decided by a stored object, so it cannot be cleared for this caller.";
    /// An operation that no guarded dialect knows.
    UnknownOperation "unknown_operation" 200 "This operation is not known here, so it cannot be cleared for this caller.";

    // Denied.
    /// A mentioned model is denied to this caller.
    ModelRestricted "model_restricted" 403 "This model is not available to this caller.";
    /// The origin chose the model, and the response names none or none that the gate knows.
    AnswerUnnamed "answer_unnamed" 403 "The model that answered cannot be told, so the answer cannot be released to this caller.";
    /// Every model is denied to this caller, so nothing was read.
    EverythingRestricted "everything_restricted" 403 "This service is not available to this caller.";

    // Refused because of the body as a whole.
    /// A `Content-Encoding` that the gate does not decode.
    ContentCoding "content_coding" 415 "The request body is compressed in a way that cannot be read here. Send it without Content-Encoding.";
    /// A coded body that is damaged, incomplete or followed by further bytes.
    CodingBroken "coding_broken" 400 "The compressed request body is damaged or incomplete, or something follows it. Send it again, or without Content-Encoding.";
    /// A content type that does not fit the body or the operation, or that is given twice.
    ContentType "content_type" 415 "The request's content type does not go with its body. Send one Content-Type, application/json in UTF-8.";
    /// A body larger than a bound of [`limits`](crate::limits).
    BodyTooLarge "body_too_large" 413 "The request body is larger than can be checked. Send a smaller one.";
    /// A body that ended before it was complete.
    BodyTruncated "body_truncated" 400 "The request body ended before it was complete. Send it again in full.";
    /// A body that is not UTF-8.
    BodyUtf8 "body_utf8" 400 "The request body is not valid UTF-8. Encode it in UTF-8.";
    /// A body that starts with a byte order mark.
    BodyBom "body_bom" 400 "The request body starts with a byte order mark. Send it without one.";
    /// A body in UTF-16 or UTF-32.
    BodyUtf16 "body_utf16" 400 "The request body is UTF-16 or UTF-32. Encode it in UTF-8.";

    // Refused because of JSON.
    /// A body that is not JSON as RFC 8259 defines it.
    JsonSyntax "json_syntax" 400 "The request body is not valid JSON. Send one JSON document as RFC 8259 defines it, without comments or trailing commas.";
    /// A document nested deeper than [`limits::JSON_DEPTH`](crate::limits::JSON_DEPTH).
    JsonDepth "json_depth" 400 "The request body is nested too deeply. Use fewer levels.";
    /// Bytes after the JSON document.
    TrailingBytes "trailing_bytes" 400 "Something follows the JSON document in the request body. Send one document alone.";
    /// A wanted key that occurs twice in one object.
    DuplicateKey "duplicate_key" 400 "The request holds the same key twice in one object. Send each key once.";
    /// A key that some parsers take for a wanted one and others do not.
    AmbiguousKey "ambiguous_key" 400 "A key of the request is spelled in a way that parsers read differently. Spell it exactly as the API documents it.";
    /// A value other than a string where a model id belongs.
    ModelType "model_type" 400 "The request gives a model that is not a string. Name the model by a string.";

    // Refused because of a model id.
    /// A model id with a character outside printable ASCII.
    IdNotAscii "id_not_ascii" 400 "A model id holds a character outside printable ASCII. Use the id as the provider lists it.";
    /// A model id longer than [`limits::MODEL_ID_BYTES`](crate::limits::MODEL_ID_BYTES).
    IdTooLong "id_too_long" 400 "A model id is too long. Use the id as the provider lists it.";
    /// A malformed percent escape, or one nested deeper than
    /// [`limits::PERCENT_ROUNDS`](crate::limits::PERCENT_ROUNDS).
    PercentEscape "percent_escape" 400 "A percent escape is malformed or nested. Escape each character once, by % and two hexadecimal digits.";
    /// More mentions than [`limits::MENTIONS_JUDGED`](crate::limits::MENTIONS_JUDGED).
    TooManyMentions "too_many_mentions" 413 "The request names more models than can be checked. Split it.";

    // Refused because of the target or the headers.
    /// A target longer than [`limits::TARGET_BYTES`](crate::limits::TARGET_BYTES), or with more
    /// segments than [`limits::PATH_SEGMENTS`](crate::limits::PATH_SEGMENTS).
    TargetTooLong "target_too_long" 400 "The request's URL is too long. Shorten it.";
    /// A path that servers resolve in more different ways than the gate follows.
    AmbiguousPath "ambiguous_path" 400 "The request's path is written in a way that servers read differently. Write it as the API documents it.";
    /// More parameters or fields than [`limits::PARAMETERS`](crate::limits::PARAMETERS).
    TooManyParameters "too_many_parameters" 400 "The request has too many parameters. Send fewer.";
    /// More header bytes than [`limits::HEADER_BYTES`](crate::limits::HEADER_BYTES).
    HeadersTooLarge "headers_too_large" 400 "The request's headers are too large. Send fewer.";

    // Refused because of a form.
    /// A form or a field that parsers read differently.
    FormSyntax "form_syntax" 400 "The form in the request body is malformed. Encode names and values as the URL standard says.";
    /// A field name longer than [`limits::FIELD_BYTES`](crate::limits::FIELD_BYTES).
    FieldTooLong "field_too_long" 400 "A form field is too long. Shorten it.";
    /// No boundary, two boundaries, or one that RFC 2046 does not allow.
    MultipartBoundary "multipart_boundary" 400 "The multipart content type needs exactly one well-formed boundary.";
    /// A body that is not multipart/form-data as RFC 7578 defines it: bare line feeds, text around
    /// the parts.
    MultipartSyntax "multipart_syntax" 400 "The multipart body is malformed. Send parts with CRLF line ends and nothing before or after them.";
    /// A multipart body without its closing delimiter.
    MultipartTruncated "multipart_truncated" 400 "The multipart body has no closing delimiter. Send it in full.";
    /// A part header that parsers read differently.
    MultipartHeader "multipart_header" 400 "A part of the multipart body has a malformed header. Send Content-Disposition: form-data with one quoted name.";
    /// A part with more header bytes than
    /// [`limits::MULTIPART_HEADER_BYTES`](crate::limits::MULTIPART_HEADER_BYTES).
    MultipartHeaderTooLarge "multipart_header_too_large" 400 "A part of the multipart body has too large a header. Shorten it.";
    /// More parts than [`limits::MULTIPART_PARTS`](crate::limits::MULTIPART_PARTS).
    MultipartParts "multipart_parts" 400 "The multipart body has too many parts. Send fewer.";
    /// A multipart body inside a part.
    MultipartNested "multipart_nested" 400 "The multipart body holds another one. Send the parts side by side.";
    /// A part in a charset other than UTF-8, or a `_charset_` field.
    MultipartCharset "multipart_charset" 400 "A part of the multipart body is not in UTF-8. Encode it in UTF-8.";
    /// A part with a `Content-Transfer-Encoding`.
    MultipartEncoding "multipart_encoding" 400 "A part of the multipart body has a Content-Transfer-Encoding. Send it without one.";
    /// A request in a batch with a credential that the batch itself does not have.
    PartCredential "part_credential" 400 "A request in the batch carries another credential than the batch itself. Send it in a batch of its own.";
    /// A file where a text field belongs.
    MultipartFile "multipart_file" 400 "A text field of the multipart body was sent as a file. Send it without a file name.";

    // Refused because the gate cannot decide now. Retryable.
    /// A connection whose caller had an empty denied set when it began and has a non-empty one now:
    /// the messages until now passed unread.
    SessionUnread "session_unread" 503 "The rules changed while this connection was open, and what it runs was not checked. Connect again.";
    /// No bundle is loaded.
    NoBundle "no_bundle" 503 "The policy that guards this service is not loaded yet. Try again shortly.";
    /// The evaluator trapped, and its instance is being replaced.
    Trapped "trapped" 503 "The request could not be checked because of a fault here. Try again shortly.";
    /// A response that cannot be read with certainty.
    AnswerUnreadable "answer_unreadable" 502 "The answer of the service cannot be checked, so it is not released.";
    /// A stream that has reached the maximum duration.
    AnswerTooLong "answer_too_long" 503 "This stream has lasted as long as one may. Send the request again.";
    /// A bound on memory or on concurrent requests.
    Exhausted "exhausted" 503 "The gate is at its limit. Try again shortly.";
}

#[cfg(any(feature = "edge", feature = "decoder"))]
impl Reason {
    /// Reasons for which a coded body cannot be decoded. The decoding module reports one to the
    /// deciding module by its position here, counted from 1.
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
    /// Returns whether this reason shows that the bytes were never meant to be JSON or a form, in
    /// any encoding.
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
