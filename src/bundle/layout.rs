//! The layout of a bundle. Every offset is defined in this file; [`write`](super::write) and
//! [`view`](super::view) take their offsets from it.
//!
//! ```text
//! 0    magic            8   89 50 43 42 0d 0a 1a 0a: converted line ends change it
//! 8    format           u16 FORMAT
//! 10   section count    u16
//! 12   total length     u32 header, sections and signature block
//! 16   digest           32  SHA-256 of the bytes from 48 up to the signature block
//! 48   policy version   u64
//! 56   expires          i64 ms since the Unix epoch; i64::MAX: never
//! 64   signature offset u32
//! 68   signature length u32
//! 72   policy id        Str
//! 80   flags            u32 bits 0-1 unlisted, bit 2 late_bound (see `flags`)
//! 84   reserved         u32 zero
//! 88   sections         12 each: id u16, zero u16, offset u32, length u32; ids ascend,
//!                       offsets are 8-aligned
//! ...  section bytes    in table order, padded with zeros to 8
//! end  signature block  threshold u16, count u16, zero u32, then count x (public key 32,
//!                       signature 64)
//! ```
//!
//! All numbers are little-endian. A section is an array of one fixed-size record, or plain bytes. A
//! `Str` is an offset and a length in the `STRINGS` section, a `Span` a first index and a count in
//! another section's array.

/// First bytes of every bundle.
pub(crate) const MAGIC: [u8; 8] = [0x89, b'P', b'C', b'B', 0x0d, 0x0a, 0x1a, 0x0a];
/// Version of this layout. A reader accepts only its own version.
pub(crate) const FORMAT: u16 = 1;
/// Offsets of the header's fields.
pub(crate) const AT_FORMAT: usize = 8;
pub(crate) const AT_COUNT: usize = 10;
pub(crate) const AT_TOTAL: usize = 12;
pub(crate) const AT_DIGEST: usize = 16;
pub(crate) const AT_VERSION: usize = 48;
pub(crate) const AT_EXPIRES: usize = 56;
/// Offset of the field that holds the signature block's offset. The block's length follows.
pub(crate) const AT_SIGNATURE: usize = 64;
pub(crate) const AT_POLICY_ID: usize = 72;
/// Offset of the flags. Four zero bytes follow.
pub(crate) const AT_FLAGS: usize = 80;
/// Offset at which the digested bytes begin.
pub(crate) const DIGEST_FROM: usize = 48;
/// Length of the fixed header, up to the section table.
pub(crate) const HEADER: usize = 88;
/// Length of one entry of the section table.
pub(crate) const SECTION_ROW: usize = 12;
/// Length of the signature block's head, and of one signature.
pub(crate) const SIGNATURE_HEAD: usize = 8;
pub(crate) const SIGNATURE_ROW: usize = 96;
/// No index.
pub(crate) const NONE: u32 = u32::MAX;
/// No index, in 16 bits.
pub(crate) const NONE16: u16 = u16::MAX;

/// Bits of the header's `flags`.
pub(crate) mod flags {
    /// Mask of the policy's `unlisted`: one of the three values that follow.
    pub(crate) const UNLISTED: u32 = 0b11;
    /// `unlisted = "defer"`.
    pub(crate) const UNLISTED_DEFER: u32 = 0;
    /// `unlisted = "pass"`.
    pub(crate) const UNLISTED_PASS: u32 = 1;
    /// `unlisted = "deny"`.
    pub(crate) const UNLISTED_DENY: u32 = 2;
    /// `late_bound = "deny"`.
    pub(crate) const LATE_BOUND_DENY: u32 = 0b100;
}

/// A value with a fixed size in a section.
pub(crate) trait Record: Copy + Sized {
    /// Bytes of one record.
    const SIZE: usize;
    /// Decodes a record from the first [`Record::SIZE`] bytes. Returns `None` if there are fewer.
    fn read(bytes: &[u8]) -> Option<Self>;
    /// Appends the record's bytes.
    #[cfg(any(feature = "author", fuzzing))]
    fn write(&self, to: &mut Vec<u8>);
}

macro_rules! number {
    ($($t:ty)*) => {$(
        impl Record for $t {
            const SIZE: usize = size_of::<$t>();
            #[inline(always)]
            fn read(bytes: &[u8]) -> Option<Self> { bytes.first_chunk().map(|b| <$t>::from_le_bytes(*b)) }
            #[cfg(any(feature = "author", fuzzing))]
            fn write(&self, to: &mut Vec<u8>) { to.extend_from_slice(&self.to_le_bytes()); }
        }
    )*};
}
number!(u8 u16 u32 u64 i64 u128);

impl<const N: usize> Record for [u8; N] {
    const SIZE: usize = N;
    #[inline(always)]
    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().copied()
    }
    #[cfg(any(feature = "author", fuzzing))]
    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self);
    }
}

/// The position of a field in its record: first byte and number of bytes.
#[derive(Clone, Copy)]
pub(crate) struct Field {
    pub(crate) at: u8,
    pub(crate) width: u8,
}

impl Field {
    pub(crate) const fn new(at: usize, width: usize) -> Self {
        Self { at: short(at), width: short(width) }
    }
}

/// A size within a record, as a byte. All of them are below 256.
pub(crate) const fn short(size: usize) -> u8 {
    let [low, ..] = size.to_le_bytes();
    low
}

/// Declares a constant for each field, with the field's name: its position.
macro_rules! locations {
    ($before:expr;) => {};
    ($before:expr; $field:ident : $t:ty, $($rest:tt)*) => {
        pub(crate) const $field: Field = Field::new($before, <$t as Record>::SIZE);
        locations!($before + <$t as Record>::SIZE; $($rest)*);
    };
}

/// Declares a record: its fields in the order of their bytes, without gaps.
macro_rules! record {
    ($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident : $t:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(any(feature = "author", fuzzing), derive(Default))]
        pub(crate) struct $name { $($(#[$fdoc])* pub(crate) $field: $t),* }
        #[allow(non_upper_case_globals, dead_code, reason = "named as the fields are; the check wants most of them")]
        impl $name { locations!(0; $($field : $t,)*); }
        impl Record for $name {
            const SIZE: usize = 0 $(+ <$t as Record>::SIZE)*;
            #[inline(always)]
            fn read(bytes: &[u8]) -> Option<Self> {
                let mut rest = bytes;
                $(let $field = <$t as Record>::read(rest)?; rest = rest.get(<$t as Record>::SIZE..)?;)*
                let _ = rest;
                Some(Self { $($field),* })
            }
            #[cfg(any(feature = "author", fuzzing))]
            fn write(&self, to: &mut Vec<u8>) { $(self.$field.write(to);)* }
        }
    };
}

record! {
    /// A text: bytes `at .. at + len` of `STRINGS`.
    Str { at: u32, len: u32 }
}
record! {
    /// A run of records: indices `at .. at + len` of another section.
    Span { at: u32, len: u32 }
}

/// Section ids, in the order of the section table.
pub(crate) mod section {
    pub(crate) const STRINGS: u16 = 1;
    pub(crate) const META: u16 = 2;
    pub(crate) const AUTHORITIES: u16 = 3;
    pub(crate) const FAMILIES: u16 = 4;
    pub(crate) const PATTERNS: u16 = 5;
    pub(crate) const TRIE_NODES: u16 = 6;
    pub(crate) const TRIE_EDGES: u16 = 7;
    pub(crate) const EXACT: u16 = 8;
    pub(crate) const RESTRICTIONS: u16 = 9;
    pub(crate) const LICENCES: u16 = 10;
    pub(crate) const MASKS: u16 = 11;
    pub(crate) const INDICES: u16 = 12;
    pub(crate) const FACTS: u16 = 13;
    pub(crate) const COLUMNS: u16 = 14;
    pub(crate) const KEYS: u16 = 15;
    pub(crate) const CLASSES: u16 = 16;
    pub(crate) const VECTORS: u16 = 17;
    pub(crate) const SUMMARIES: u16 = 18;
    pub(crate) const DIFFS: u16 = 19;
    /// `u32` each: the restriction of every row of the `when` region, then the licence of every row
    /// of the licence region; `NONE` is padding. All rows of a restriction's slot belong to that
    /// restriction.
    pub(crate) const ROW_OWNERS: u16 = 20;
    pub(crate) const LISTS: u16 = 21;
    pub(crate) const DIGESTS: u16 = 22;
    pub(crate) const CIDR4: u16 = 23;
    pub(crate) const CIDR6: u16 = 24;
    pub(crate) const PROGRAMS: u16 = 25;
    pub(crate) const SCOPES: u16 = 26;
    pub(crate) const DEPLOYMENTS: u16 = 27;
    /// `u32` each: patterns.
    pub(crate) const TARGETS: u16 = 28;
    pub(crate) const DIALECTS: u16 = 32;
    pub(crate) const ROUTE_NODES: u16 = 33;
    pub(crate) const ROUTE_EDGES: u16 = 34;
    pub(crate) const OPERATIONS: u16 = 35;
    pub(crate) const LOCATIONS: u16 = 36;
    pub(crate) const STATES: u16 = 37;
    pub(crate) const STATE_KEYS: u16 = 38;
    pub(crate) const SENTENCES: u16 = 39;
}

record! {
    /// The one record of `META`.
    Meta {
        title: Str,
        /// Words (of 64 rows) of the three regions, in this order, in every vector.
        when_words: u32, unless_words: u32, licence_words: u32,
        /// Words of one pattern mask. Bit 0 is for ids in which no pattern occurs; patterns count
        /// from 1.
        mask_words: u32,
        /// Start state of the body of an unknown operation.
        unknown_state: u32,
        reserved: u32,
        /// Headers that name models in any operation: folded names, sorted, roles MENTION or HINT.
        headers: Span,
        /// The bundle's description, as the members of a JSON object and its closing brace.
        info: Str,
    }
}
record! {
    /// The legal text behind a rule.
    Authority { id: Str, title: Str, url: Str, appeal: Str, retain_days: u32, reserved: u32 }
}
record! {
    /// A family of models.
    Family { id: Str, title: Str }
}
record! {
    /// One bit of the denied set. `PATTERNS[0]` is the pseudo pattern "no pattern occurs". `family`
    /// is `NONE16` for a pattern of no family.
    Pattern { text: Str, family: u16, exact: u16, reserved: u32 }
}
record! {
    /// A state of the token trie. `edges` are sorted by token and searched; `prefixes` (`mytho*`)
    /// are tried one by one.
    TrieNode { edges: Span, prefixes: Span, pattern: u32, reserved: u32 }
}
record! {
    /// A step of the token trie.
    TrieEdge { token: Str, target: u32, reserved: u32 }
}
record! {
    /// An alias or `=id`, folded. Sorted by text.
    Exact { text: Str, pattern: u32, reserved: u32 }
}

record! {
    /// Where a table of deployments applies: on the host of this folded name (empty: on all hosts),
    /// and in the dialects whose bits are set. Sorted by host. `names` is a span of `DEPLOYMENTS`,
    /// sorted by name.
    Scope { host: Str, names: Span, dialects: u32, reserved: u32 }
}
record! {
    /// A folded name that the origin resolves, and the patterns (a span of `TARGETS`) that occur in
    /// the models it resolves to. Pattern 0 among them means that no pattern occurs in some of
    /// these models.
    Deployment { name: Str, targets: Span }
}

/// Values of a rule's `state`.
pub(crate) mod state {
    pub(crate) const OFF: u8 = 0;
    pub(crate) const ON: u8 = 1;
    pub(crate) const SHADOW: u8 = 2;
}

record! {
    /// A restriction. It applies if a `when` row survives and no `unless` row does. `when` is a
    /// span of rows in the first region of the vectors, `unless` in the second.
    ///
    /// If both spans have at most 64 rows, they begin at the same row number, and their *slot*, the
    /// longer of the two, lies within one word. Then one addition finds for all slots of a word
    /// whether any row survives. If either span has more, each span begins at a word of its own and
    /// is padded to whole words.
    Restriction {
        id: Str, message: Str,
        /// Milliseconds since the Unix epoch: `from` inclusive, `until` exclusive.
        from: i64, until: i64,
        when: Span, unless: Span,
        /// Index of its mask in `MASKS`, counted in masks.
        mask: u32,
        /// `NONE16` if the policy declares no authority.
        authority: u16,
        /// 403 or 451.
        status: u16,
        state: u8, doubt_pass: u8, reserved: u16, reserved2: u32,
    }
}
record! {
    /// A licence. It lifts the restrictions whose indices (`u32`) are the span `lifts` of
    /// `INDICES`, for the patterns of `mask`. Two spans of `lifts` are equal or disjoint.
    Licence {
        id: Str, reference: Str,
        from: i64, until: i64,
        rows: Span, lifts: Span,
        /// `NONE`: everything that the restriction closes.
        mask: u32,
        authority: u16,
        /// 0 licence, 1 exception, 2 exclusion.
        kind: u8,
        state: u8,
    }
}

/// Types of declared facts, and the built-in facts.
pub(crate) mod fact {
    pub(crate) const BOOL: u8 = 0;
    pub(crate) const ENUM: u8 = 1;
    pub(crate) const TEXT: u8 = 2;
    pub(crate) const PLACE: u8 = 3;
    pub(crate) const TIME: u8 = 4;
    pub(crate) const LIST: u8 = 5;
    pub(crate) const NUMBER: u8 = 6;

    /// Values of `Column::fact` for the built-in facts. Declared facts are indices of `FACTS`, all
    /// below `BUILT_IN`.
    pub(crate) const BUILT_IN: u16 = 0xff00;
    pub(crate) const B_PLACE: u16 = 0xff00;
    pub(crate) const B_NETWORK: u16 = 0xff01;
    pub(crate) const B_ASN: u16 = 0xff02;
    pub(crate) const B_IP: u16 = 0xff03;
    pub(crate) const B_OPERATION: u16 = 0xff04;
    pub(crate) const B_DIALECT: u16 = 0xff05;
    pub(crate) const B_NOW: u16 = 0xff06;
}

/// What a fact describes.
pub(crate) mod about {
    pub(crate) const PERSON: u8 = 0;
}

record! {
    /// A declared fact. `about`: 0 a person, 1 the account. `claim` is an RFC 6901 pointer into the
    /// account record. `values` (for an enum) is a span of `Str`s in `KEYS`: byte offset and count.
    Fact { name: Str, claim: Str, values: Span, kind: u8, about: u8, reserved2: u16, reserved3: u32 }
}

/// Kinds of network, in the order of their bits. The fact `network` holds a set of them.
pub(crate) const NETWORK_KINDS: [&str; 6] =
    ["tor", "vpn", "proxy", "hosting", "relay", "satellite"];

/// How a column turns a value into a class. Class 0 is always "unknown".
pub(crate) mod column {
    /// Classes: unknown, false, true. No keys.
    pub(crate) const BOOL: u8 = 0;
    /// Keys: `TextKey`s sorted by text, a prefix after an equal text. Classes: unknown, other, then
    /// one for each key. A value takes the class of the key without `prefix` that it equals; else
    /// of the longest key with `prefix` that it starts with; else "other". For enum, text,
    /// operation and dialect facts.
    pub(crate) const TEXT: u8 = 1;
    /// Keys: `PlaceKey`s sorted by (country, region). Classes: unknown, other, then one for each
    /// key.
    pub(crate) const PLACE: u8 = 2;
    /// Keys: ordered `i64`s t0 < t1 < ... Classes: unknown, then below t0, at t0, between, at t1,
    /// ... above the last. Times are in milliseconds. Numbers are mapped from f64 to ordered
    /// integers by their bits.
    pub(crate) const ORDER: u8 = 3;
    /// Classes: unknown, before `now`, at `now`, after `now`. For time facts.
    pub(crate) const VERSUS_NOW: u8 = 4;
    /// Classes: unknown, not listed, listed. `aux` is the list (text, CIDR or number).
    pub(crate) const LISTED: u8 = 5;
    /// Classes: unknown, absent, present. `aux` is the network kind's bit number.
    pub(crate) const NETWORK: u8 = 6;
    /// Classes: unknown, false, true. `aux` is the first byte of a program in `PROGRAMS` (an
    /// `exists` or `all`).
    pub(crate) const PROGRAM: u8 = 7;
}

record! {
    /// One view of one fact. Class `c` of the column is `CLASSES[classes.at + c]`. The last record
    /// of `classes` is the don't-care vector: the rows that survive in every class, since they do
    /// not test this column.
    Column {
        fact: u16, kind: u8, reserved: u8, aux: u32,
        /// Bytes of `KEYS`: `at` is a byte offset, `len` counts keys.
        keys: Span,
        classes: Span,
    }
}
record! {
    /// A key of a text column. `parent` is the class of the longest other prefix key that is a
    /// prefix of this one; 1: there is none.
    TextKey { text: Str, parent: u32, prefix: u32 }
}
record! {
    /// A key of a place column: two bytes of country, then a region code of up to 3 bytes, zero
    /// padded. `[0; 3]`: region unknown. `*\0\0`: any region that no other key of this country
    /// names.
    PlaceKey { country: [u8; 2], region: [u8; 3], reserved: [u8; 3] }
}
record! {
    /// The rows that survive for one class: vector `base` of `VECTORS` (`base` counts vectors),
    /// with the words of `diffs` in place of its own. Bits 0, 1, 2 of `full` say that every row of
    /// the `when`, `unless`, licence region survives.
    ///
    /// Vector 0 has every row. For each vector, each region and each block of 64 words, `SUMMARIES`
    /// holds two words. Bit w of the first says that word w has a row; bit w of the second says
    /// that it differs from the same word of vector 0.
    Class { base: u32, diffs: Span, full: u32 }
}
record! {
    /// A word that replaces a word of the base vector, as a whole. Sorted by `word`.
    Diff { word: u32, reserved: u32, bits: u64 }
}

/// Kinds of list.
pub(crate) mod list {
    pub(crate) const PLACE: u8 = 0;
    pub(crate) const TEXT: u8 = 1;
    pub(crate) const CIDR: u8 = 2;
    pub(crate) const NUMBER: u8 = 3;
}

record! {
    /// A declared list.
    ///
    /// - Text: `items` are entries of `DIGESTS`, the HMAC-SHA256 of each entry cut to 16 bytes. The
    ///   key is `salt` if the list is not secret, else the deployment's list key, and `salt` is
    ///   that key's check value.
    /// - CIDR: `items` of `CIDR4` and `items6` of `CIDR6`, merged and sorted.
    /// - Place, for lists that a program uses: `items` are sorted `PlaceKey`s in `KEYS` (byte
    ///   offset and count). A whole country has region zero.
    /// - Number: `items` are sorted `i64`s in `KEYS`, mapped as in an ORDER column.
    List { name: Str, kind: u8, secret: u8, reserved: u16, reserved2: u32, items: Span, items6: Span, as_of: i64, review_by: i64, salt: [u8; 16] }
}
record! {
    /// First and last address of a range.
    Cidr4 { first: u32, last: u32 }
}
record! {
    /// First and last address of a range.
    Cidr6 { first: u128, last: u128 }
}

/// Bytes of a program over one element `e` of a list fact. Its values are three-valued.
pub(crate) mod program {
    /// First byte: the quantifier.
    pub(crate) const EXISTS: u8 = 1;
    pub(crate) const ALL: u8 = 2;
    /// Operators follow in postfix order, up to END.
    pub(crate) const END: u8 = 0;
    /// Operand `Str`: pushes `e == text`.
    pub(crate) const EQUALS: u8 = 16;
    /// Operand `Str`: pushes `e.startsWith(text)`.
    pub(crate) const STARTS_WITH: u8 = 17;
    /// Operand u32, a place or text list: pushes `e in list`.
    pub(crate) const LISTED: u8 = 18;
    /// Operand u8: pushes 0 false or 1 true.
    pub(crate) const CONSTANT: u8 = 19;
    pub(crate) const NOT: u8 = 32;
    pub(crate) const AND: u8 = 33;
    pub(crate) const OR: u8 = 34;
}

/// Error formats: how a dialect words its errors.
pub(crate) mod error_format {
    pub(crate) const OPENAI: u8 = 1;
    pub(crate) const ANTHROPIC: u8 = 2;
    pub(crate) const GOOGLE: u8 = 3;
    pub(crate) const BEDROCK: u8 = 4;
    pub(crate) const MISTRAL: u8 = 5;
    pub(crate) const COHERE: u8 = 6;
    pub(crate) const OPENROUTER: u8 = 7;
    pub(crate) const OLLAMA: u8 = 8;
    pub(crate) const CLOUDFLARE: u8 = 9;
    pub(crate) const WATSONX: u8 = 10;
    /// Workers AI, where the body names the model.
    pub(crate) const CLOUDFLARE_RUN: u8 = 11;
}

record! {
    /// A guarded API. `hints` are `Location`s: headers whose presence shows that the client uses
    /// this API. `credentials` are `Location`s where it takes a credential, with role
    /// HEADER_BEARER, HEADER_PLAIN, QUERY_CREDENTIAL or PROTOCOL_CREDENTIAL.
    Dialect { id: Str, prefix: Str, hints: Span, credentials: Span, error_format: u8, reserved: u8, reserved2: u16, reserved3: u32 }
}
record! {
    /// A node of the route trie. `edges` are literal segments, folded and sorted. `params` are
    /// captures, tried in order, longest suffix first. `tail` takes all remaining segments (one or
    /// more) as one capture. `operations` end here.
    RouteNode { edges: Span, params: Span, operations: Span, tail: u32, reserved: u32 }
}
record! {
    /// A literal segment; or, among `params`, a capture whose segment ends with the text
    /// (`:generateContent`). An empty text captures any segment.
    RouteEdge { text: Str, target: u32, reserved: u32 }
}

/// Bits of `Operation::flags`.
pub(crate) mod operation {
    /// It can run a model. If the request names none, this counts as mentioning an unlisted id.
    pub(crate) const RUNS: u32 = 1;
    /// It can reveal the metadata of one model.
    pub(crate) const REVEALS: u32 = 1 << 1;
    /// A stored object chooses the model, whatever the request names.
    pub(crate) const LATE_BOUND: u32 = 1 << 2;
    /// Its response is a list of models.
    pub(crate) const LISTS: u32 = 1 << 3;
    /// Client messages on a WebSocket name models. Their start state is `message_state`.
    pub(crate) const WEBSOCKET: u32 = 1 << 4;
    /// Its responses name the model that ran. Without this, a deferral cannot be checked at egress.
    pub(crate) const RESPONSE_NAMES: u32 = 1 << 5;
    /// The lines of a file count only if a selector field says `batch`, or if there is no selector
    /// field.
    pub(crate) const BATCH_FILE: u32 = 1 << 6;
    /// Set on a copy of an operation that matches the path without its version segment. Only
    /// operations that run, reveal or lead to a model have such copies.
    pub(crate) const UNVERSIONED: u32 = 1 << 7;
    /// A stored object that the path names chooses the model, unless a PRIMARY names one.
    pub(crate) const LATE_BOUND_UNNAMED: u32 = 1 << 8;
    /// It neither names nor runs a model, whatever its body says, so the body need not be read.
    pub(crate) const QUIET: u32 = 1 << 9;

    /// Weak: it matches any path that a provider serves, so it counts only where no operation knows
    /// the path better.
    pub(crate) const WEAK: u32 = 1 << 10;

    /// Its body holds requests of any operation. Until the body is read, the caller may not use
    /// whatever any of these operations closes.
    pub(crate) const CONTAINER: u32 = 1 << 11;

    /// Loose: known by the beginning of its path alone. The path ends with a tail that can be
    /// anything but is not the model, and the dialect wants nothing in the body.
    pub(crate) const LOOSE: u32 = 1 << 12;

    /// Its body may be media in raw form: a recording, a picture. The path says which model takes
    /// it.
    pub(crate) const MEDIA: u32 = 1 << 13;

    /// Runs or reveals a model, or leads to one that does.
    pub(crate) const BEARS: u32 =
        RUNS | REVEALS | LISTS | LATE_BOUND | LATE_BOUND_UNNAMED | WEBSOCKET;

    /// Bits of `Operation::methods`.
    pub(crate) const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];
}

record! {
    /// An operation of a dialect.
    ///
    /// - `path_roles`: bit i is set if capture i (parameters and tail, from the left) is a mention,
    ///   which counts as PRIMARY. `path_opaque`: the captures among them that are opaque (a
    ///   DEPLOYMENT).
    /// - `body_state`: start state of a JSON document and of form fields, `NONE` if nothing in a
    ///   body is wanted. Operations that end at one node and share a method share one `body_state`,
    ///   with all their locations together.
    /// - `response_state`: the same for responses, where they name the model that ran, or a list's
    ///   entries.
    Operation {
        id: Str, dialect: u16, methods: u16, flags: u32,
        path_roles: u16, path_opaque: u16,
        body_state: u32, message_state: u32,
        query: Span,
        class: u8,
        /// The format of its errors. A mounted operation uses the format of its own API.
        error_format: u8,
        reserved2: u16, response_state: u32,
    }
}

/// What a location in a request means. Used by `Location::role` and `State::role`.
pub(crate) mod role {
    /// Nothing: keep walking.
    pub(crate) const NOTHING: u8 = 0;
    /// A model that this request runs or reveals: primary, fallback, secondary, base model.
    pub(crate) const MENTION: u8 = 1;
    /// A mention whose name says nothing of the model (a deployment).
    pub(crate) const OPAQUE: u8 = 2;
    /// A reference to a stored object that chooses the model even if another location names one.
    pub(crate) const BINDS: u8 = 3;
    /// A reference to a stored object that chooses the model unless a PRIMARY names one.
    pub(crate) const BINDS_IF_UNNAMED: u8 = 4;
    /// A MENTION that also says which model runs, so that the operation names one.
    pub(crate) const PRIMARY: u8 = 5;
    /// A field that selects how the rest is read (`purpose` of a file upload).
    pub(crate) const SELECTOR: u8 = 6;
    /// A location that counts only if a denied pattern occurs in it (headers and path segments of
    /// unknown gateways).
    pub(crate) const HINT: u8 = 7;
    /// A `model`-like key with an unknown meaning. The operation defers.
    pub(crate) const SUSPECT: u8 = 8;
    /// Text that holds a JSON document of its own. `State::element` is its start state.
    pub(crate) const NESTED_JSON: u8 = 9;
    /// Content that is JSON Lines. `State::element` is the start state of each line.
    pub(crate) const LINES: u8 = 10;
    /// An object that may have to name a model (a tool). If a text in it with role `MUST_NAME_TYPE`
    /// says that it is of a kind that runs one, and it has no mention inside, the origin chooses
    /// the model.
    pub(crate) const MUST_NAME: u8 = 11;
    /// The kind of a `MUST_NAME` object. The kind runs a model if the text starts as the state
    /// says.
    pub(crate) const MUST_NAME_TYPE: u8 = 12;
    /// In a response: a list entry that is left out if it names a denied model, or a part of a
    /// stream that is read by itself.
    pub(crate) const ROW: u8 = 13;
    /// In a response with a list: the id of an entry, from which paging may go on.
    pub(crate) const CURSOR: u8 = 14;
    /// As `NESTED_JSON`, in Base64.
    pub(crate) const NESTED_BASE64: u8 = 15;
    /// A setting that leaves the choice to the origin, as BINDS does. It is no reference, so no
    /// table of deployments resolves it.
    pub(crate) const DELEGATES: u8 = 16;
    /// An OPAQUE that also says which model runs.
    pub(crate) const DEPLOYMENT: u8 = 17;
    /// An object that is one request of a batch. Without a name at a PRIMARY or DEPLOYMENT location
    /// inside it, its model is unknown.
    pub(crate) const REQUEST: u8 = 18;
    /// The last of the roles that a state can have.
    pub(crate) const LAST: u8 = REQUEST;
    /// Credentials, in `Dialect::credentials`.
    pub(crate) const HEADER_BEARER: u8 = 32;
    pub(crate) const HEADER_PLAIN: u8 = 33;
    pub(crate) const QUERY_CREDENTIAL: u8 = 34;
    /// An item of `Sec-WebSocket-Protocol` that starts with the name. The credential is the rest.
    pub(crate) const PROTOCOL_CREDENTIAL: u8 = 35;

    /// Returns whether a model is named there.
    pub(crate) fn is_mention(role: u8) -> bool {
        matches!(role, MENTION | OPAQUE | PRIMARY | DEPLOYMENT)
    }

    /// Returns whether a name there says nothing of the model.
    pub(crate) fn is_opaque(role: u8) -> bool {
        matches!(role, OPAQUE | DEPLOYMENT)
    }
}

record! {
    /// A named location outside the body. A query parameter is folded as a key is. A header is
    /// folded to lower case, with `-` for `_`. A span of locations is sorted by name, except for
    /// credentials. `state` is the start state of a text that holds JSON (role NESTED_JSON), else
    /// `NONE`.
    Location { name: Str, role: u8, reserved: u8, reserved2: u16, state: u32 }
}
record! {
    /// A state of the pointer automaton: what is wanted at and below one value.
    ///
    /// `keys` are sorted by folded name. `other` is the state of any other key, `element` of an
    /// array's elements (or of nested text); both may be `NONE`.
    ///
    /// The role of a state that has steps holds for a text. An object or array there is walked into
    /// and does not have the role itself. A state with neither role nor steps is for locations
    /// where deeper values are allowed and mean nothing.
    ///
    /// `prefix_at` and `prefix_len` are a text in `STRINGS`. If it is not empty, the role (one of
    /// `BINDS`, `BINDS_IF_UNNAMED`, `MUST_NAME_TYPE`) holds only for a text that starts with it,
    /// ignoring ASCII case. Blanks in it separate the prefix from endings with which the role does
    /// not hold.
    State { keys: Span, other: u32, element: u32, role: u8, reserved: u8, prefix_len: u16, prefix_at: u32 }
}
impl State {
    /// Returns whether nothing is wanted at this value or below it, for example in the user's own
    /// data.
    pub(crate) fn is_inert(&self) -> bool {
        self.role == role::NOTHING
            && self.keys.len == 0
            && self.other == NONE
            && self.element == NONE
    }
}

record! {
    /// A wanted key. `name` is exact, `folded` is without case and `_`. A key that is equal only
    /// when folded is ambiguous. Several names with one folded form (`modelId`, `model_id`) are
    /// adjacent and have one target, and each of them is exact.
    StateKey { name: Str, folded: Str, target: u32, reserved: u32 }
}
record! {
    /// The sentence for a person about the reason with this code.
    Sentence { code: Str, text: Str }
}
