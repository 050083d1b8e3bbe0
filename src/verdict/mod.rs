//! Denied set x mentions -> verdict. The first line that applies decides.
//!
//! ```text
//! path unguarded, denied set empty, preflight     pass
//! a denied mention                                deny, even if part of the request could not be
//!                                                 read
//! everything is denied, and the operation runs    deny, without reading the body
//!   or reveals a model, or is unknown with a
//!   body or an upgrade
//! something could not be read                     refuse
//! no model named where one must be, while         deny
//!   unlisted ids are denied
//! an unlisted id, or no model named where one     as the policy says: deny, defer, or continue
//!   must be                                       with the lines below
//! a stored object, or the messages of a           as the policy says: deny or defer
//!   WebSocket, decide what runs
//! a key of unknown meaning, an unknown operation  defer
//!   with a body
//! a list of models                                pass, with the response filtered
//! else                                            pass
//! ```
//!
//! If an unlisted id defers and a later line denies, the request is denied. A `DELETE` that would
//! be deferred is denied if its response would not name the model that ran.
//!
//! Input: the findings of the [`request`](crate::request) readers, and the [`DeniedSet`]. Output:
//! an [`Outcome`] in bits, and from it a [`Verdict`] in words. [`refusal`](crate::refusal) words
//! the response.

pub(crate) mod egress;

use alloc::string::String;
use alloc::vec::Vec;

use self::egress::ResponseCheck;
use crate::bundle::layout as l;
use crate::bundle::layout::{flags, operation, section};
use crate::bundle::view::Bundle;
use crate::compact::{json, sort};
use crate::denied::{DeniedSet, Grounds};
use crate::mention::findings::Findings;
use crate::reason::Reason;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerdictKind {
    /// It is forwarded.
    Pass,
    /// A restriction denies it to this caller: 403 or 451.
    Deny,
    /// It cannot be read with certainty (400, 413, 415), the origin's response cannot be used
    /// (502), or the gate cannot decide it now (503).
    Refuse,
    /// It is forwarded with the denied set, because only the origin decides which model runs.
    Defer,
}

impl VerdictKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Pass, Self::Deny, Self::Refuse, Self::Defer];

    /// Returns `pass`, `deny`, `refuse` or `defer`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Deny => "deny",
            Self::Refuse => "refuse",
            Self::Defer => "defer",
        }
    }
}

/// The state of a request: everything that the verdict depends on besides the findings.
#[derive(Clone, Copy)]
pub(crate) struct RequestState {
    pub(crate) guarded: bool,
    /// The denied set denies everything.
    pub(crate) everything: bool,
    /// Flags of all operations that the request may be.
    pub(crate) flags: u32,
    /// The request may be an unknown operation.
    pub(crate) unsure: bool,
    pub(crate) upgrade: bool,
    /// A CORS preflight, as long as no body arrives.
    pub(crate) preflight: bool,
    /// A body has arrived.
    pub(crate) body: bool,
    /// Why the request cannot be read.
    pub(crate) trouble: Option<Reason>,
    /// How a refusal is worded.
    pub(crate) error_format: u8,
    /// The upgrade has passed, and `body` is a client message on the WebSocket.
    pub(crate) message: bool,
    /// The head or an earlier client message named a model.
    pub(crate) named_before: bool,
    /// The method is DELETE, which nothing later can undo.
    pub(crate) deletes: bool,
}

impl RequestState {
    pub(crate) fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// Returns whether nothing that may follow can change the verdict to the caller's advantage.
    pub(crate) fn settled(&self, findings: &Findings, denied: &[u64]) -> bool {
        if !self.guarded || denied.iter().all(|word| *word == 0) {
            return true;
        }
        !self.preflight
            && (self.trouble.is_some() || findings.ended_by(denied) || self.is_all_denied())
    }

    /// Returns whether the request is denied because the denied set is everything, whatever the
    /// request mentions.
    fn is_all_denied(&self) -> bool {
        self.everything
            && (self.has(operation::BEARS) || self.unsure && (self.body || self.upgrade))
    }
}

/// A decision in numbers alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What becomes of the request.
    pub kind: VerdictKind,
    /// The reason.
    pub reason: Reason,
    /// How the response must be checked.
    pub check: ResponseCheck,
    /// How a refusal is worded: a number in the table of [`Refusal`](crate::refusal::Refusal). 0 if
    /// no API is known.
    pub error_format: u8,
}

/// A decision with what it rests on, in bits. [`Verdict::new`] puts it into words.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What becomes of the request.
    pub kind: VerdictKind,
    /// The reason.
    pub reason: Reason,
    /// The mentioned ids as they were written, sorted; the first
    /// [`limits::MENTIONS_KEPT`](crate::limits::MENTIONS_KEPT) of them.
    pub mentions: Vec<String>,
    /// The denied ids among the mentions.
    pub denied_ids: Vec<String>,
    /// The patterns on which the verdict rests: those mentioned, or all of them if nothing was
    /// read. Input to [`Evaluator::grounds`](crate::denied::Evaluator::grounds).
    pub patterns: Vec<u64>,
    /// The denied patterns among these.
    pub denied: Vec<u64>,
    /// How a refusal is worded: a number in the table of [`Refusal`](crate::refusal::Refusal). 0 if
    /// no API is known.
    pub error_format: u8,
    /// How the response must be checked.
    pub check: ResponseCheck,
}

/// Compares the findings with the denied set.
pub(crate) fn decide(
    bundle: Bundle<'_>,
    state: &RequestState,
    findings: &Findings,
    denied_set: &DeniedSet,
) -> Decision {
    let (mut kind, reason) = judge(bundle, state, findings, denied_set);
    let check = if denied_set.is_empty() {
        ResponseCheck::Nothing
    } else {
        check(bundle, kind, state, findings)
    };
    if check == ResponseCheck::Acknowledged && state.deletes {
        // A deletion is done before its response could be withheld.
        kind = VerdictKind::Deny;
    }
    Decision { kind, reason, check, error_format: state.error_format }
}

/// Returns a decision together with what it rests on.
pub(crate) fn outcome(
    bundle: Bundle<'_>,
    state: &RequestState,
    findings: &Findings,
    denied_set: &DeniedSet,
    decision: Decision,
) -> Outcome {
    let Decision { kind, reason, check, error_format } = decision;
    let mut patterns: Vec<u64> = match reason {
        Reason::NoRestriction | Reason::EverythingRestricted => all(bundle),
        _ => findings.counted(&denied_set.denied),
    };
    if state.names_no_model(findings)
        && let Some(word) = patterns.first_mut()
    {
        *word |= 1;
    }
    let mut denied = Vec::new();
    if kind == VerdictKind::Deny {
        denied.clone_from(&patterns);
        for (word, denied) in denied.iter_mut().zip(&denied_set.denied) {
            *word &= denied;
        }
    }
    let mut mentions = findings.listed(bundle, &denied_set.denied);
    sort::sort(&mut mentions);
    let denied_ids = if kind == VerdictKind::Deny {
        denied_ids(bundle, findings, &mentions, denied_set)
    } else {
        Vec::new()
    };
    Outcome { kind, reason, mentions, denied_ids, patterns, denied, error_format, check }
}

/// Returns those of the mentioned ids in which a denied pattern occurs.
pub(crate) fn denied_ids(
    bundle: Bundle<'_>,
    findings: &Findings,
    mentions: &[String],
    denied_set: &DeniedSet,
) -> Vec<String> {
    let mut denied_ids = Vec::new();
    for id in mentions {
        if findings.holds(bundle, id, &denied_set.denied) {
            denied_ids.push(id.clone());
        }
    }
    denied_ids
}

/// Returns how the response to a forwarded request must be checked.
fn check(
    bundle: Bundle<'_>,
    kind: VerdictKind,
    state: &RequestState,
    findings: &Findings,
) -> ResponseCheck {
    let response_names = state.has(operation::RESPONSE_NAMES);
    match kind {
        _ if !state.guarded || state.preflight => ResponseCheck::Nothing,
        VerdictKind::Pass | VerdictKind::Defer if state.has(operation::LISTS) => {
            ResponseCheck::Filter
        }
        VerdictKind::Defer if response_names => ResponseCheck::Strict,
        VerdictKind::Defer => ResponseCheck::Acknowledged,
        VerdictKind::Pass if response_names && findings.moves(bundle) => ResponseCheck::Lenient,
        _ => ResponseCheck::Nothing,
    }
}

/// Applies the table at the head of this module.
pub(crate) fn judge(
    bundle: Bundle<'_>,
    state: &RequestState,
    findings: &Findings,
    denied_set: &DeniedSet,
) -> (VerdictKind, Reason) {
    if !state.guarded {
        return (VerdictKind::Pass, Reason::Unguarded);
    }
    if denied_set.is_empty() {
        return (VerdictKind::Pass, Reason::NoRestriction);
    }
    if state.preflight {
        return (VerdictKind::Pass, Reason::Preflight);
    }
    if findings.any_of(&denied_set.denied) {
        return (VerdictKind::Deny, Reason::ModelRestricted);
    }
    if state.is_all_denied() {
        return (VerdictKind::Deny, Reason::EverythingRestricted);
    }
    if state.trouble.is_none() && state.names_no_model(findings) && denied_set.denies(0) {
        return (VerdictKind::Deny, Reason::ModelRestricted);
    }
    judge_open(bundle, state, findings)
}

/// Applies the rest of the table: the lines that do not ask which patterns are denied.
pub(crate) fn judge_open(
    bundle: Bundle<'_>,
    state: &RequestState,
    findings: &Findings,
) -> (VerdictKind, Reason) {
    if let Some(reason) = state.trouble {
        return (VerdictKind::Refuse, reason);
    }
    let mut verdict = None;
    if findings.unlisted() || state.names_no_model(findings) {
        match bundle.flags() & flags::UNLISTED {
            flags::UNLISTED_DEFER => verdict = Some((VerdictKind::Defer, Reason::Unlisted)),
            flags::UNLISTED_PASS => {}
            _ => return (VerdictKind::Deny, Reason::Unlisted),
        }
    }
    if state.late_bound(findings) {
        if bundle.flags() & flags::LATE_BOUND_DENY != 0 && state.denied_if_late_bound(findings) {
            return (VerdictKind::Deny, Reason::LateBound);
        }
        verdict = verdict.or(Some((VerdictKind::Defer, Reason::LateBound)));
    }
    if findings.suspect() || state.unsure && (state.body || state.upgrade) {
        verdict = verdict.or(Some((VerdictKind::Defer, Reason::UnknownOperation)));
    }
    verdict.unwrap_or((
        VerdictKind::Pass,
        if state.has(operation::LISTS) { Reason::Filtered } else { Reason::Allowed },
    ))
}

impl RequestState {
    /// Returns whether an object stored at the origin, or what follows on the connection, decides
    /// what runs.
    fn late_bound(&self, findings: &Findings) -> bool {
        self.has(operation::LATE_BOUND | operation::WEBSOCKET)
            || self.upgrade
            || findings.binds()
            || self.has(operation::LATE_BOUND_UNNAMED) && !findings.names_a_model()
    }

    /// Returns whether a policy that denies late-bound requests denies this one. A known WebSocket
    /// counts only once a message leaves the model open.
    fn denied_if_late_bound(&self, findings: &Findings) -> bool {
        let named = self.named_before || findings.names_a_model();
        self.has(operation::LATE_BOUND)
            || findings.binds()
            || self.has(operation::LATE_BOUND_UNNAMED) && !named
            || self.upgrade && !self.has(operation::WEBSOCKET)
            || self.message && self.body && !named
    }

    /// Returns whether the request runs a model but neither names one nor leaves the choice to a
    /// stored object or to messages on the connection.
    pub(crate) fn names_no_model(&self, findings: &Findings) -> bool {
        self.guarded
            && self.has(operation::RUNS)
            && !findings.names_a_model()
            && !self.late_bound(findings)
    }
}

/// Returns the bits of all patterns.
fn all(bundle: Bundle<'_>) -> Vec<u64> {
    let words = bundle.meta().map_or(1, |meta| meta.mask_words as usize);
    let patterns = bundle.table::<l::Pattern>(section::PATTERNS).len();
    let mut bits = alloc::vec![u64::MAX; words];
    for (word, bits) in bits.iter_mut().enumerate() {
        let left = patterns.saturating_sub(word * 64);
        if left < 64 {
            *bits = (1 << left) - 1;
        }
    }
    bits
}

/// The legal text on which a restriction rests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ground {
    /// The restriction's own message. May be empty.
    pub message: String,
    /// The title of the authority's text. Empty if the policy declares no authority.
    pub title: String,
    /// Where the text is published. Empty if the policy gives no address.
    pub url: String,
    /// Where a caller can appeal. Empty if the policy gives no address.
    pub appeal: String,
}

/// A verdict in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What becomes of the request.
    pub kind: VerdictKind,
    /// 200 for pass and defer, 403 or 451 for deny, 400, 413, 415, 502 or 503 for refuse.
    pub status: u16,
    /// The reason.
    pub reason: Reason,
    /// The mentioned ids as they were written, sorted.
    pub mentions: Vec<String>,
    /// The denied ids among the mentions. Empty unless the verdict denies.
    pub denied_ids: Vec<String>,
    /// Ids of the denied families that are mentioned, in the policy's order. Empty unless the
    /// verdict denies.
    pub families: Vec<String>,
    /// Ids of the restrictions that deny, in the policy's order. Empty unless the verdict denies.
    pub restrictions: Vec<String>,
    /// Ids of the licences that lifted something, in the policy's order.
    pub licences: Vec<String>,
    /// The texts on which the denial rests, without duplicates.
    pub grounds: Vec<Ground>,
    /// The sentence that the bundle holds for the reason, shown to the person if no restriction has
    /// a message of its own.
    pub sentence: String,
    /// How a refusal is worded: a number in the table of [`Refusal`](crate::refusal::Refusal). 0 if
    /// no API is known.
    pub error_format: u8,
    /// How the response must be checked.
    pub check: ResponseCheck,
}

impl Verdict {
    /// Returns a verdict without mentions and grounds, for a request of which nothing was or could
    /// be read.
    #[must_use]
    pub fn plain(kind: VerdictKind, reason: Reason) -> Self {
        Self {
            kind,
            status: reason.status(),
            reason,
            mentions: Vec::new(),
            denied_ids: Vec::new(),
            families: Vec::new(),
            restrictions: Vec::new(),
            licences: Vec::new(),
            grounds: Vec::new(),
            sentence: String::new(),
            error_format: 0,
            check: ResponseCheck::Nothing,
        }
    }

    /// Returns a pass for a request of which nothing was read.
    #[must_use]
    pub fn pass(reason: Reason) -> Self {
        Self::plain(VerdictKind::Pass, reason)
    }

    /// Returns a pass for a request of which nothing was read, because these licences lift every
    /// restriction that applies.
    #[must_use]
    pub fn pass_under(bundle: Bundle<'_>, licences: &[u16]) -> Self {
        Self { licences: licence_ids(bundle, licences), ..Self::pass(Reason::NoRestriction) }
    }

    /// Puts an outcome into words.
    #[must_use]
    pub fn new(bundle: Bundle<'_>, outcome: Outcome, grounds: &Grounds) -> Self {
        let mut verdict = Self::plain(outcome.kind, outcome.reason);
        verdict.mentions = outcome.mentions;
        verdict.denied_ids = outcome.denied_ids;
        verdict.error_format = outcome.error_format;
        verdict.check = outcome.check;
        verdict.licences = licence_ids(bundle, &grounds.licences);
        if !verdict.passes() {
            verdict.sentence = sentence(bundle, outcome.reason);
        }
        if outcome.kind != VerdictKind::Deny {
            return verdict;
        }
        verdict.status = 403;
        if outcome.reason == Reason::ModelRestricted {
            verdict.families = families(bundle, &outcome.denied);
        }
        if matches!(outcome.reason, Reason::ModelRestricted | Reason::EverythingRestricted) {
            verdict.restrict(bundle, &grounds.restrictions);
        }
        verdict
    }

    /// Returns whether the request is forwarded, deferred or not.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(self.kind, VerdictKind::Pass | VerdictKind::Defer)
    }

    /// Returns whether a guarded prefix holds the request's path.
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        self.reason != Reason::Unguarded
    }

    /// Returns `{"verdict":"deny","status":403,"mentions":[..],"families":[..],"restrictions":[..],
    /// "licences":[..],"reason":"code"}`, without the line break. The command line and the edge
    /// module print this, byte for byte.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut to = String::with_capacity(160);
        to.push('{');
        json::member(&mut to, "verdict");
        json::string(&mut to, self.kind.name());
        json::member(&mut to, "status");
        json::number(&mut to, u64::from(self.status));
        for (name, texts) in [
            ("mentions", &self.mentions),
            ("families", &self.families),
            ("restrictions", &self.restrictions),
            ("licences", &self.licences),
        ] {
            json::member(&mut to, name);
            json::strings(&mut to, texts.iter().map(String::as_str));
        }
        json::member(&mut to, "reason");
        json::string(&mut to, self.reason.code());
        to.push('}');
        to
    }

    /// Adds the restrictions that deny, and the texts on which they rest.
    pub(crate) fn restrict(&mut self, bundle: Bundle<'_>, restrictions: &[u16]) {
        let authorities = bundle.table::<l::Authority>(section::AUTHORITIES);
        let table = bundle.table::<l::Restriction>(section::RESTRICTIONS);
        for restriction in restrictions.iter().filter_map(|index| table.get(u32::from(*index))) {
            self.restrictions.push(bundle.text(restriction.id).into());
            // If one restriction must show its legal ground (451), the whole response does.
            self.status = self.status.max(restriction.status);
            let authority = authorities.get(u32::from(restriction.authority));
            let text = |field: fn(&l::Authority) -> l::Str| {
                authority.as_ref().map_or("", |authority| bundle.text(field(authority))).into()
            };
            let ground = Ground {
                message: bundle.text(restriction.message).into(),
                title: text(|authority| authority.title),
                url: text(|authority| authority.url),
                appeal: text(|authority| authority.appeal),
            };
            if !self.grounds.contains(&ground) {
                self.grounds.push(ground);
            }
        }
    }
}

/// Returns the sentence for a person about this reason. Empty if the bundle is older than the
/// reason.
fn sentence(bundle: Bundle<'_>, reason: Reason) -> String {
    for sentence in bundle.table::<l::Sentence>(section::SENTENCES).iter() {
        if bundle.text(sentence.code) == reason.code() {
            return bundle.text(sentence.text).into();
        }
    }
    String::new()
}

fn licence_ids(bundle: Bundle<'_>, licences: &[u16]) -> Vec<String> {
    let table = bundle.table::<l::Licence>(section::LICENCES);
    let mut ids = Vec::new();
    for index in licences {
        if let Some(licence) = table.get(u32::from(*index)) {
            ids.push(bundle.text(licence.id).into());
        }
    }
    ids
}

/// Returns the families of these patterns, in the policy's order.
fn families(bundle: Bundle<'_>, patterns: &[u64]) -> Vec<String> {
    let families = bundle.table::<l::Family>(section::FAMILIES);
    let mut mentioned = alloc::vec![false; families.len()];
    for (bit, pattern) in (0_usize..).zip(bundle.table::<l::Pattern>(section::PATTERNS).iter()) {
        if patterns.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 != 0)
            && let Some(mentioned) = mentioned.get_mut(usize::from(pattern.family))
        {
            *mentioned = true;
        }
    }
    let mut ids = Vec::new();
    for (family, mentioned) in families.iter().zip(mentioned) {
        if mentioned {
            ids.push(bundle.text(family.id).into());
        }
    }
    ids
}

#[cfg(all(test, feature = "author"))]
mod tests;
