//! All codes that a diagnostic may have: the meaning of each and what to do about it.
//!
//! Codes are stable: no code changes its meaning, and no retired code is used again. The letter
//! gives the severity: `E` keeps the policy from compiling, `W` is a warning, `N` a note. The
//! hundreds give the area: 1 the document, 2 names, 3 models, 4 lists, 5 conditions, 6 properties
//! of a sound policy that may be unintended.

/// Severity of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// The policy compiles, but it may not mean what the author intended.
    Warning,
    /// The policy does not compile.
    Error,
}

impl Severity {
    /// Returns `error`, `warning` or `note`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A code and its meaning.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// The code as problems show it: `E0102`.
    pub id: &'static str,
    /// The text of `check --explain`, in one paragraph.
    pub explanation: &'static str,
}

impl Code {
    /// Returns the severity that the first letter of the id gives.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self.id.as_bytes().first() {
            Some(b'N') => Severity::Note,
            Some(b'W') => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// Finds the code with this id, in upper or lower case.
    ///
    /// ```
    /// # use portcullis::policy::Code;
    /// assert!(Code::of("e0101").is_some_and(|code| code.explanation.contains("TOML")));
    /// assert_eq!(Code::of("E9999"), None);
    /// ```
    #[must_use]
    pub fn of(id: &str) -> Option<&'static Self> {
        Self::ALL.iter().copied().find(|code| code.id.eq_ignore_ascii_case(id))
    }
}

macro_rules! codes {
    ($($name:ident $id:literal $explanation:literal)*) => {
        $(pub(crate) const $name: &Code = &Code { id: $id, explanation: $explanation };)*
        impl Code {
            /// All codes, ordered by number.
            pub const ALL: &'static [&'static Self] = &[$($name),*];
        }
    };
}

codes! {
    SYNTAX "E0101"
    "The file is not well-formed TOML (or JSON, if it begins with `{` or its name ends in `.json`). JSON is read strictly: no comments, no comma \
     after the last entry, no key twice. The rest of the file is still checked where the mistake leaves no doubt about where it ends."
    UNKNOWN_KEY "E0102"
    "The table has no such key. Keys are spelled exactly as the schema has them (`portcullis schema` prints it, and editors complete from it). A key \
     that the gate ignored would be a rule that it does not enforce, so it is an error."
    MISSING_KEY "E0103"
    "A key without which the table says nothing is not there. A file must say `format` if it has `[policy]`; further files may leave it out."
    WRONG_TYPE "E0104"
    "The value is of another type than this key takes: a text where a list belongs, a number in quotes. Nothing is converted."
    NOT_A_CHOICE "E0105"
    "The key takes one of a few words, and this is none of them. They are spelled exactly as the message lists them."
    OUT_OF_RANGE "E0106"
    "The value is of the right type but empty, too small or too large."
    FORMAT "E0107"
    "The file says another `format` than this version of portcullis reads. Nothing else of the file is checked, since its keys may mean something else."
    ONE_POLICY "E0108"
    "Several files make one policy, and exactly one of them holds the table `[policy]` with its id and version."
    NAME "E0109"
    "A name that cannot be used. Ids of rules, families and authorities are made of ASCII letters, digits, `-`, `_` and `.`, since they travel in headers; \
     names of facts and lists are made of letters, digits and `_`, begin with no digit, and are not words of CEL nor built-in facts, \
     since conditions name them."
    DECLARED_TWICE "E0110"
    "The same name is declared in two places. Ids are unique across all files of a policy: restrictions and licences share one set of names (a switch names \
     either), and so do facts and lists (a condition names either)."
    UNREADABLE_FILE "E0111"
    "The file that a list or a table of deployments names cannot be read. Its path is relative to the file that names it."
    TIME "E0112"
    "Not a point in time. Instants are RFC 3339 with an offset, `2026-06-12T21:21:00Z`, so that no local time decides; days (`as_of`, `review_by`) are \
     `2026-07-08`."
    CLAIM "E0113"
    "A `claim` is a JSON Pointer (RFC 6901) into the account record: `/export/us_person_ear`. In it `~` is written `~0` and `/` inside a name `~1`."
    URL "E0114"
    "An address that is shown to callers, in a `Link` header among others, must be an absolute `https://` or `http://` URL in plain ASCII without blanks."
    PREFIX "E0115"
    "The prefix of a dialect precedes the vendor's own paths: it begins with `/`, ends with none, and has no empty, `.` or `..` segment, \
     query or escape. Leave it out if the API is served under the vendor's own paths."
    DURATION "E0116"
    "A length of time is a whole number and a unit: `90d`, `18m` or `10y`. Months count 31 days and years 366, so that a record is never dropped early."
    NO_AUTHORITY "E0201"
    "The rule does not say on which authority it rests. As soon as a policy declares one authority, every restriction and every licence must name one; a policy \
     that declares none need not."
    UNKNOWN_AUTHORITY "E0202"
    "The rule names an authority that no file declares under `[authorities]`."
    UNKNOWN_RESTRICTION "E0203"
    "A licence lifts restrictions by their `id`, and no file has a restriction of this one. A licence cannot lift another licence."
    UNKNOWN_DIALECT "E0204"
    "No dialect (kind of API) of this name is known. The message lists those that are, or the nearest."
    UNKNOWN_NAME "E0205"
    "The condition uses a name that is neither a declared fact nor a declared list nor a built-in fact (`place`, `country`, `region`, `network`, `asn`, `ip`, \
     `operation`, `dialect`, `now`)."
    WINDOW "E0206"
    "`from` is not before `until`, so the rule is never in force. `from` is inclusive, `until` exclusive."
    ALLOW "E0207"
    "An entry of `[[allow]]` names the code of a warning or a note and, under `at`, what it is about: a rule, a list, a table. `check --json` prints both. Errors cannot be allowed."
    PATTERN "E0301"
    "A pattern is a run of tokens of ASCII letters and digits with anything between them (`mythos-5`); `*` may end a token (`mytho*`) or stand for a whole \
     one; `=` in front takes the rest as one exact id. Commas and blanks cannot occur in an id that is judged, nor can anything outside printable ASCII."
    PATTERN_TWICE "E0302"
    "The same pattern is in two families, so it would be unclear to which of them a model belongs. Patterns are the same if their tokens are: `mythos-5` \
     and `Mythos.5` are."
    ALIAS "E0303"
    "An alias is an exact id that the origin resolves to the family. It may not be an alias of another family too, nor be just what a pattern of another family says."
    NO_FAMILY "E0304"
    "The entry is no family, no declared pattern, and so close to the name of a family that it looks like a slip: read as a pattern it would \
     close nothing. If it is meant as a pattern, declare it in a family under `[models]`."
    DEPLOYMENTS "E0305"
    "A table of deployments has either `names` or a `file`, not both and not neither, and is not empty. Each name resolves to one model or to several: a line of a \
     file that has a name alone says nothing, and so would a table that is too large to be read."
    HOST "E0306"
    "A host is the plain name by which clients reach the gate, `acme.openai.azure.com`: no scheme, no port, no path, no `*`."
    PLACE_CODE "E0401"
    "Places are ISO 3166-1 alpha-2 codes of countries (`US`, and `XK` for Kosovo) or ISO 3166-2 codes of regions with their country (`UA-43`). Withdrawn, \
     reserved and user-assigned codes (`AN`, `SU`, `EU`, `ZZ`) name no place that a database reports."
    CIDR "E0402"
    "Addresses are IPv4 or IPv6 in CIDR notation, `192.0.2.0/24` or `2001:db8::/32`, with no bit set behind the prefix; a single address needs no `/`."
    ENTRY_KIND "E0403"
    "The entry does not fit the list's `kind`: `place`, `text` and `cidr` lists hold texts, `number` lists hold numbers."
    LIST_SOURCE "E0404"
    "A list has either `values` or a `file`, not both and not neither, and is not empty."
    SECRET "E0405"
    "Only lists of kind `text` can be secret: the others are compared by order or by prefix, for which the bundle must hold the entries themselves."
    CONDITION_SYNTAX "E0501"
    "The condition cannot be read as CEL (the Common Expression Language). Logic is written `&&`, `||` and `!`, equality `==`."
    CONSTRUCT "E0502"
    "The condition is CEL, but of a kind that a finite index cannot hold. Allowed are `&& || !`, `== != < <= > >=`, `in` over literals and declared lists, \
     `startsWith`, `timestamp(\"...\")`, `now`, and `exists` and `all` on list facts."
    TYPE "E0503"
    "What is compared does not fit together: each fact has the type it was declared with, and is compared with literals and lists of that type alone."
    ENUM_VALUE "E0504"
    "The fact is an enumeration and never has this value, so the comparison would always be false. Values are spelled exactly as declared."
    LITERAL "E0505"
    "The literal is nothing that a fact can be compared with: a time that is no RFC 3339 instant, a number that cannot be held exactly, an empty text to begin with."
    ELEMENT "E0506"
    "The body of `exists` and `all` speaks of its own variable alone (`citizenships.exists(c, c in embargoed)`): it becomes one yes-or-no fact, read off the \
     account before anything else is known."
    TOO_LARGE "E0507"
    "The condition is too long or nested too deeply. Put what repeats into a list."
    NOT_COMPILED "E0508"
    "The policy says nothing wrong, and yet no bundle can hold it: a condition multiplies out into too many alternatives, there are too many rules, or a secret list has no key to hide \
     its names with."
    PLATFORM "E0509"
    "A rule that is on asks for something that the platform does not report of a caller. A kind of network that no source reports is never there, so the rule would close nothing (or lift \
     for everybody); a place or an address that no source reports is always unknown. `--platform` names the platform; it is `cloudflare` if nothing is said."
    EXPIRED "W0601"
    "The policy is past its `expires`: its bundle counts as stale from the first request on, which closes whatever rests on proof."
    REVIEW "W0602"
    "The list was to be looked at again by this day. Facts about countries, networks and partners age; check it and move `review_by`."
    OVER "W0603"
    "The rule's `until` is past, so it is no longer in force and only takes up room."
    TERRITORIES "W0604"
    "`US` alone leaves out Puerto Rico, Guam, the Virgin Islands, American Samoa, the Northern Marianas and the Minor Outlying Islands, which have codes of their own: \
     a rule that means the United States usually means them too (15 CFR 772.1). List them, or keep a list `us_soil`."
    CODE_ALIAS "W0605"
    "The code is not the one ISO assigns, though its meaning is known: `UK` is `GB`, `EL` is `GR`. It is read so."
    ESCAPE "W0606"
    "With `doubt = \"pass\"` the restriction applies only to callers of whom it certainly holds, and here a caller to whom it applies can become one of whom it is \
     unknown: by coming through Tor, where the place is unknown, or by leaving out the credential to which the account facts belong. Leave `doubt` out, or add what catches them \
     (`|| \"tor\" in network`)."
    ALWAYS_TRUE "W0607"
    "The condition (or the part that is marked) is true for every caller of whom all facts are known, so it makes no difference between callers."
    ALWAYS_FALSE "W0608"
    "The condition (or the part that is marked) is false for every caller of whom all facts are known. A restriction that can never apply closes nothing; a licence that can \
     never apply lifts nothing."
    LIFTS_NOTHING "W0609"
    "No model of the licence's `models` is one that the restriction closes, or contains one, so it lifts nothing of it."
    REDUNDANT "W0610"
    "It is said twice, or something else already says it: perhaps another entry was meant."
    UNGUARDED "W0611"
    "The dialect is known but not guarded by this policy, so no request ever speaks it."
    BLOCKED_BY "W0612"
    "A refusal with 451 names who demands it in a `Link` header (RFC 7725), and the authority has no `url` to name."
    UNLISTED_TARGET "W0613"
    "The name resolves to a model in which no declared pattern occurs, so it is as unknown as if it were not in the table. Declare the model in a family under `[models]`, if \
     only so that the gate knows it; or the name is misspelled."
    NEVER_LOOKED_UP "W0614"
    "Names are looked up as ids are judged: split at commas and blanks, in printable ASCII, with percent escapes undone. No request can ask for this one, so the entry is left out."
    PLATFORM_LATER "W0615"
    "A rule that is off or in shadow asks for something that the platform does not report of a caller. As it is shipped it decides nothing, so the gate runs; in shadow it records \
     nothing, and if a switch turns it on it has no effect there (a kind of network) or takes everybody for unknown (a place or an address)."
    UNUSED_ALLOW "W0616"
    "The entry of `[[allow]]` answers a warning that is not reported, or no longer: what it was written for has been mended, or its `at` names something else. Take it out, so that it hides nothing later."
    ONE_ENTRY "W0617"
    "The entry holds a comma, a semicolon, a tab or quotes around it, so it looks like several, or like a cell of a table: a list file has one entry a line, taken literally, and a list in the policy \
     has each entry in quotes of its own. If names really are written so, say so under `[[allow]]`."
    ALSO_CLOSES "N0701"
    "A restriction on a pattern also closes every declared pattern that contains it and that no family claims. This is how it is meant to be; it is listed so that \
     it is no surprise."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_in_order_none_twice_and_explained() {
        for code in Code::ALL {
            assert!(code.explanation.len() > 60 && code.explanation.ends_with('.'), "{}", code.id);
        }
        assert!(
            Code::ALL.is_sorted_by(|a, b| a.id.get(1..) < b.id.get(1..)),
            "by number, whatever the letter"
        );
    }
}
