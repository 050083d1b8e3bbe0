//! Every bound on untrusted input: its unit, why it stands where it stands, and where the figure is from.
//!
//! What happens at a bound is never a side effect: each reader turns it into its own reason
//! ([`Reason`](crate::reason::Reason)), and the gate refuses the request. For a caller under no restriction nothing
//! is read, so no bound can touch such a request.

/// Levels of JSON nesting. serde_json stops at 128, CPython near 1,000; real requests stay under 30.
pub const JSON_DEPTH: usize = 512;

/// Bytes of one model id after unescaping. The longest real ones are ARNs: Bedrock's service model allows 2,048.
pub const MODEL_ID_BYTES: usize = 2_048;

/// Bytes of an object key that is compared with the wanted keys, after folding. No wanted key comes near.
pub const KEY_BYTES: usize = 64;

/// Wanted keys of one JSON object: the scanner keeps one bit for each, to see a key that comes twice.
pub const KEYS_PER_OBJECT: usize = 64;

/// Rounds of percent-decoding of one id or path. Two happen where proxies are stacked; a fourth only in an attack.
pub const PERCENT_ROUNDS: usize = 3;

/// Mentions kept for the verdict and its record. All are judged; beyond this they are not listed.
pub const MENTIONS_KEPT: usize = 64;

/// Mentions judged in one request. A batch file holds 50,000 requests (OpenAI's limit) of a few mentions each.
pub const MENTIONS_JUDGED: usize = 1_000_000;

/// Bytes of a request target (path and query). Cloudflare's own limit for a URL is 16 KB.
pub const TARGET_BYTES: usize = 16_384;

/// Path segments that are routed. No operation in the reference table has more than 14.
pub const PATH_SEGMENTS: usize = 64;

/// Guarded dialects of a bundle: a set of them is one word of 32 bits. There are fewer than half as many.
pub const DIALECTS: usize = 32;

/// Parameters of a query or fields of a form that are read.
pub const PARAMETERS: usize = 1_024;

/// Bytes of all header names and values that are read. Cloudflare's own limit is 128 KB in all.
pub const HEADER_BYTES: usize = 131_072;

/// Bytes of a body between the places where its readings are held against each other. A denial in any but the first waits so long, less than
/// one read.
pub const MEETING_BYTES: usize = 1_024;

/// Bytes of one client message on a WebSocket. Workers take 32 MiB at most (Cloudflare, 2025); OpenAI's longest event, 15 MiB of audio in base64,
/// has 20.
pub const MESSAGE_BYTES: usize = 32 << 20;

/// Parts of a multipart body. Image edits carry up to 16 files; form parsers commonly stop at 1,000.
pub const MULTIPART_PARTS: usize = 1_024;

/// Bytes of the header block of one multipart part. busboy and undici stop at 16 KB.
pub const MULTIPART_HEADER_BYTES: usize = 8_192;

/// Bytes of request line and headers of a request inside a part. A target of full length and as much again.
pub const NESTED_HEAD_BYTES: usize = 32_768;

/// Bytes of a multipart boundary, RFC 2046 section 5.1.1.
pub const MULTIPART_BOUNDARY_BYTES: usize = 70;

/// Bytes of one form value that is not a model id but must be held whole (a `purpose`, a nested name).
pub const FIELD_BYTES: usize = 8_192;

/// Names in a policy's tables of deployments, all together. With names of 80 bytes (ARNs) twice as many fill a bundle.
pub const DEPLOYMENTS: usize = 125_000;

/// Models that one such name may resolve to. A router chooses among some tens.
pub const DEPLOYMENT_TARGETS: usize = 64;

/// Bytes of a file of such names: those of the longest table with names and targets of 200 bytes.
pub const DEPLOYMENT_FILE_BYTES: usize = 25 << 20;

/// Candidate callers decided one by one; above this the caller counts as stale (design, section 3).
pub const CANDIDATES: usize = 8;

/// Bytes of a bundle that is read. A KV value holds at most 25 MiB.
pub const BUNDLE_BYTES: usize = 25 << 20;

/// Conjunctions in the disjunctive form of one condition (design, section 4).
pub const CONJUNCTIONS: usize = 4_096;

/// Elements of a list fact that are looked at: above this the fact is unknown.
pub const LIST_ELEMENTS: usize = 256;

/// Bytes of an answer that are held until it has named its model. Embeddings name it last, behind megabytes of numbers.
pub const ANSWER_HELD_BYTES: usize = 4 << 20;

/// Bytes of one frame of an event stream: 16 MB of payload and 128 KB of headers (Smithy, "Event stream specification").
pub const ANSWER_FRAME_BYTES: usize = (16 << 20) + (128 << 10) + 16;

/// Bytes of one row of a list of models, and bytes of a list that are held until it is known to be one. OpenRouter's longest rows have 8 KB.
pub const LIST_ROW_BYTES: usize = 256 << 10;

/// Seconds that the mark on a forwarded request is good for: longer than any origin queues a request's head, shorter than a replay is useful.
pub const MARK_SECONDS: u64 = 60;

/// Seconds by which the clocks of gate and origin may differ. Machines under NTP differ by far less than one.
pub const CLOCK_SKEW_SECONDS: u64 = 10;

/// Bytes of a mark that an origin reads. Servers take 8 to 64 KB of header.
pub const MARK_BYTES: usize = 65_536;

/// Content codings one over the other. Two are seen where a proxy compresses again; nobody needs three.
pub const CODINGS: usize = 3;

/// Bytes that one coded body may hold. The largest uploads of the guarded APIs are batch files of 256 MB; Cloudflare's own limit is 500 MB.
pub const DECODED_BYTES: u64 = 512 << 20;

/// Decoded bytes for each coded one, of each coding of a stack. Chats reach 20, tables of numbers 50; deflate's own bound is 1,032.
pub const DECODED_RATIO: u64 = 200;

/// Decoded bytes beyond that ratio: a short body may repeat itself as it likes, silence in an audio upload for one.
pub const DECODED_FREE: u64 = 4 << 20;

/// Bytes of a zstd window: RFC 9659 has senders keep to it.
pub const ZSTD_WINDOW_BYTES: usize = 8 << 20;

/// Bytes of a br window, the most that RFC 7932 has.
pub const BROTLI_WINDOW_BYTES: usize = 16 << 20;

/// Bytes of the optional fields of one gzip header: a file name, a comment.
pub const GZIP_HEADER_BYTES: usize = 8_192;

/// Members of a gzip body, frames of a zstd body. Parallel compressors write one for each 64 KB or more.
pub const CODED_MEMBERS: usize = 8_192;

/// Bytes of a coded body that is held because a signature covers it.
pub const SIGNED_CODED_BYTES: u64 = 1 << 20;

/// Bytes of all decoders of an isolate, which has 128 MB; what does not fit is refused and may be tried again.
pub const DECODERS_MEMORY: usize = 64 << 20;

/// Bytes that a decoder of gzip or deflate takes: its window, its tables, a piece in and one out.
pub const INFLATE_MEMORY: usize = 256 << 10;

/// Bytes that a decoder of br takes without its window: mostly tables, 256 of each of three kinds in the worst case.
pub const BROTLI_MEMORY: usize = 4 << 20;

/// Bytes that a decoder of zstd takes without its window: sequences and literals of one block, tables.
pub const ZSTD_MEMORY: usize = 3 << 20;
