//! Every bound on untrusted input, with its unit, its reason and the source of the figure.
//!
//! Each reader turns a bound that is reached into a reason of its own
//! ([`Reason`](crate::reason::Reason)), and the gate refuses the request. A request of a caller
//! without a restriction is not read, so no bound can affect it.

/// Levels of JSON nesting. serde_json stops at 128 and CPython near 1,000; real requests stay under
/// 30.
pub const JSON_DEPTH: usize = 512;
const _: () = assert!(JSON_DEPTH == portcullis_scan::json::DEPTH, "the reader has this bound");

/// Bytes of one model id after unescaping. The longest real ids are ARNs: Bedrock's service model
/// allows 2,048.
pub const MODEL_ID_BYTES: usize = 2_048;

/// Bytes of an object key that is compared with the wanted keys, after folding. All wanted keys are
/// far shorter.
pub const KEY_BYTES: usize = 64;

/// Wanted keys of one JSON object. The scanner keeps one bit for each, to detect duplicates.
pub const KEYS_PER_OBJECT: usize = 64;

/// Rounds of percent-decoding of one id or path. Stacked proxies cause two; only an attack needs
/// four.
pub const PERCENT_ROUNDS: usize = 3;

/// Mentions kept for the verdict and its record. Later ones are judged but not listed.
pub const MENTIONS_KEPT: usize = 64;

/// Ids whose patterns a remembered head keeps, and the bytes of the longest. A deployment serves a
/// few models to most of its clients.
pub const IDS_REMEMBERED: usize = 16;
/// See [`IDS_REMEMBERED`].
pub const ID_REMEMBERED_BYTES: usize = 128;

/// Heads that the edge module remembers. Beyond that, all are forgotten.
pub const HEADS_REMEMBERED: usize = 64;
/// Characters of all headers of a head that is remembered. Larger heads are read one by one.
pub const REMEMBERED_HEADER_CHARACTERS: usize = 16_384;
/// Denied sets that the edge module remembers. Beyond that, all are forgotten.
pub const DENIED_SETS_REMEMBERED: usize = 1_024;

/// Mentions judged in one request. A batch file holds 50,000 requests (OpenAI's limit) of a few
/// mentions each.
pub const MENTIONS_JUDGED: usize = 1_000_000;

/// Bytes of a request target (path and query). Cloudflare's own limit for a URL is 16 KB.
pub const TARGET_BYTES: usize = 16_384;

/// Path segments that are routed. No operation in the reference table has more than 14.
pub const PATH_SEGMENTS: usize = 64;

/// Guarded dialects of a bundle: a set of them is one word of 32 bits. There are fewer than 16
/// dialects.
pub const DIALECTS: usize = 32;

/// Parameters of a query, or fields of a form, that are read.
pub const PARAMETERS: usize = 1_024;

/// Bytes of all header names and values that are read. Cloudflare's own limit is 128 KB in all.
pub const HEADER_BYTES: usize = 131_072;

/// Body bytes between the points at which parallel readers merge their findings. A denial found by
/// any reader but the first takes effect at the next such point, which is less than one read away.
pub const MERGE_BYTES: usize = 1_024;

/// Bytes of one client message on a WebSocket. Workers take 32 MiB at most (Cloudflare, 2025).
/// OpenAI's longest event, 15 MiB of audio in Base64, takes 20 MiB.
pub const MESSAGE_BYTES: usize = 32 << 20;

/// Parts of a multipart body. Image edits carry up to 16 files; form parsers commonly stop at
/// 1,000.
pub const MULTIPART_PARTS: usize = 1_024;

/// Bytes of the header block of one multipart part. busboy and undici stop at 16 KB.
pub const MULTIPART_HEADER_BYTES: usize = 8_192;

/// Bytes of request line and headers of a request inside a part: a target of full length and as
/// much again.
pub const NESTED_HEAD_BYTES: usize = 32_768;

/// Bytes of a multipart boundary: RFC 2046, section 5.1.1.
pub const MULTIPART_BOUNDARY_BYTES: usize = 70;

/// Bytes of the name of one form field.
pub const FIELD_BYTES: usize = 8_192;

/// Names in all tables of deployments of a policy together. With names of 80 bytes (ARNs) a bundle
/// could hold twice as many.
pub const DEPLOYMENTS: usize = 125_000;

/// Models that one deployment name may resolve to. A router chooses among some tens.
pub const DEPLOYMENT_TARGETS: usize = 64;

/// Bytes of a file of deployment names: the longest table, with names and targets of 200 bytes.
pub const DEPLOYMENT_FILE_BYTES: usize = 25 << 20;

/// Candidates that are stored without an allocation. A caller with more of them counts as stale
/// (docs/design.md, "More than eight credentials").
pub const CANDIDATES: usize = 8;

/// Bytes of a bundle that is read. A KV value holds at most 25 MiB.
pub const BUNDLE_BYTES: usize = 25 << 20;

/// Conjunctions in the disjunctive form of one condition (docs/design.md, "Conditions and the
/// index").
pub const CONJUNCTIONS: usize = 4_096;

/// Elements of a list fact that are read. A fact with more is unknown.
pub const LIST_ELEMENTS: usize = 256;

/// Bytes of a response that are held until it has named its model. Embeddings name it last, after
/// megabytes of numbers.
pub const RESPONSE_HELD_BYTES: usize = 4 << 20;

/// Bytes of one AWS event stream frame: 16 MB of payload and 128 KB of headers (Smithy, "Event
/// stream specification").
pub const RESPONSE_FRAME_BYTES: usize = (16 << 20) + (128 << 10) + 16;

/// Bytes of one entry of a model list, and bytes of a response that are held until it is known to
/// be a list. OpenRouter's longest entries have 8 KB.
pub const LIST_ROW_BYTES: usize = 256 << 10;

/// Seconds for which the access header is valid: longer than any origin queues the head of a
/// request, too short for a useful replay.
pub const ACCESS_SECONDS: u64 = 60;

/// Seconds by which the clocks of gate and origin may differ. Under NTP they differ by far less
/// than one.
pub const CLOCK_SKEW_SECONDS: u64 = 10;

/// Bytes of an access header that an origin reads. Servers take 8 to 64 KB of headers.
pub const ACCESS_HEADER_BYTES: usize = 65_536;

/// Stacked content codings. Two occur where a proxy compresses again; no client needs three.
pub const CODINGS: usize = 3;

/// Decoded bytes of one coded body. The largest uploads of the guarded APIs are batch files of 256
/// MB; Cloudflare's own limit is 500 MB.
pub const DECODED_BYTES: u64 = 512 << 20;

/// Decoded bytes for each coded byte, for each coding of a stack. Chats reach 20 and tables of
/// numbers 50; deflate itself allows 1,032.
pub const DECODED_RATIO: u64 = 200;

/// Decoded bytes allowed beyond that ratio, so that a short body may be very repetitive (silence in
/// an audio upload).
pub const DECODED_FREE: u64 = 4 << 20;

/// Bytes of a zstd window: the limit that RFC 9659 sets for senders.
pub const ZSTD_WINDOW_BYTES: usize = 8 << 20;

/// Bytes of a br window: the maximum of RFC 7932.
pub const BROTLI_WINDOW_BYTES: usize = 16 << 20;

/// Bytes of the optional fields of one gzip header, such as a file name or a comment.
pub const GZIP_HEADER_BYTES: usize = 8_192;

/// Members of a gzip body, or frames of a zstd body. Parallel compressors write one for each 64 KB
/// or more.
pub const CODED_MEMBERS: usize = 8_192;

/// Bytes of a coded body that is held because a signature covers it.
pub const SIGNED_CODED_BYTES: u64 = 1 << 20;

/// Bytes of all decoders of an isolate, which has 128 MB. A body that does not fit is refused and
/// may be sent again.
pub const DECODERS_MEMORY: usize = 64 << 20;

/// Bytes that a decoder of gzip or deflate takes: its window, its tables, one piece of input and
/// one of output.
pub const INFLATE_MEMORY: usize = 256 << 10;

/// Bytes that a decoder of br takes without its window: mostly tables, at worst 256 of each of
/// three kinds.
pub const BROTLI_MEMORY: usize = 4 << 20;

/// Bytes that a decoder of zstd takes without its window: sequences and literals of one block,
/// tables.
pub const ZSTD_MEMORY: usize = 3 << 20;
