//! Decides with a loaded bundle: combines facts, denied set, request and verdict.
//!
//! ```text
//! caller + method + url -> begin -> denied set empty, or path not guarded: pass, nothing is read
//!                                -> else: Inspection (headers, body chunk by chunk) -> Verdict
//! ```
//!
//! Input: a checked bundle, the facts of a caller, a request in pieces. Output: a [`Verdict`]. This
//! module fetches nothing and has neither a clock nor a platform: the binding passes in facts and
//! time.

pub(crate) mod model;

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use crate::bundle::layout;
use crate::bundle::layout::{list, section};
use crate::bundle::view::{Bundle, OwnedBundle};
use crate::compact::json;
use crate::denied::{Candidate, DeniedSet, Evaluator, Grounds, SwitchState};
use crate::facts::account::Account;
use crate::facts::class::place_class;
use crate::facts::digest::list_key_check;
use crate::facts::network::Network;
use crate::facts::place::Place;
use crate::facts::value::{OwnedValue, Value};
use crate::http::head::Head;
use crate::limits;
use crate::mention::alias::Scope;
use crate::mention::findings::Findings;
use crate::mention::header::{HeaderBearing, bearing};
use crate::reason::Reason;
use crate::request::reader::RequestReader;
use crate::request::reader::kept_head::KeptHead;
use crate::request::route;
use crate::request::route::Route;
use crate::response::Response;
use crate::verdict::egress::ResponseCheck;
use crate::verdict::{Decision, Outcome, Verdict, VerdictKind, denied_ids};

/// Why a sound bundle cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GateError {
    /// The bundle was compiled with another list key.
    ListKey,
}

impl GateError {
    /// Returns the stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::ListKey => "list_key_wrong",
        }
    }
}

impl core::fmt::Display for GateError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::ListKey => {
                f.write_str("the list key is not the one that the bundle was compiled with")
            }
        }
    }
}

impl core::error::Error for GateError {}

/// The facts known of a caller before the body is read. Every combination of a place and an account
/// is a candidate.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// Candidate places. An empty list counts as one unknown place.
    pub places: Vec<Place>,
    /// Kinds of network.
    pub network: Network,
    /// Autonomous system number (ASN).
    pub asn: Option<u32>,
    /// The caller's IP address.
    pub ip: Option<IpAddr>,
    /// Candidate accounts, one for each credential. An empty list counts as one unknown account.
    pub accounts: Vec<Rc<Account>>,
    /// The bundle or the facts are past their freshness. Then the caller also counts as one with
    /// unknown place and account. So licences lift nothing, and every restriction that an unknown
    /// caller meets applies.
    pub stale: bool,
}

/// A bundle that is ready to decide.
pub struct Gate {
    bundle: OwnedBundle,
    list_key: Option<Vec<u8>>,
    evaluator: Evaluator,
    unknown_account: Rc<Account>,
}

/// The result of [`Gate::begin`]: what the facts alone decide.
#[derive(Debug)]
pub enum Begun {
    /// The request passes unread.
    Pass(PassedRequest),
    /// The caller has a denied set. The headers must be read, and also the body if
    /// [`Inspection::wants_body`] says so.
    Inspect(UnreadRequest),
}

/// A request that passes unread.
#[derive(Debug)]
pub struct PassedRequest {
    reason: Reason,
    route: Route,
    now: i64,
    stale: bool,
}

/// A request whose denied set is known, before anything of it is read.
#[derive(Debug)]
pub struct UnreadRequest {
    caller: Caller,
    route: Route,
    denied_set: DeniedSet,
    /// A licence lifts something for this caller.
    licensed: bool,
    now: i64,
}

/// A request that is being read. In JavaScript it is a `Screening`.
pub struct Inspection {
    unread: UnreadRequest,
    reader: RequestReader,
}

impl Gate {
    /// Takes a checked bundle. `list_key` is the deployment's secret for lists whose names must not
    /// be guessable. Without it, conditions on such a list are unknown.
    ///
    /// # Errors
    /// [`GateError::ListKey`] if the bundle was compiled with another key.
    pub fn new(bundle: OwnedBundle, list_key: Option<&[u8]>) -> Result<Self, GateError> {
        let view = bundle.view();
        if let Some(key) = list_key {
            let mut lists = view.table::<layout::List>(section::LISTS).iter();
            if lists.any(|list| {
                list.kind == list::TEXT && list.secret != 0 && list.salt != list_key_check(key)
            }) {
                return Err(GateError::ListKey);
            }
        }
        let evaluator = Evaluator::new(view);
        let unknown_account = Rc::new(Account::unknown(view));
        Ok(Self { list_key: list_key.map(<[u8]>::to_vec), evaluator, unknown_account, bundle })
    }

    /// Returns a view of the bundle.
    #[must_use]
    pub fn bundle(&self) -> Bundle<'_> {
        self.bundle.view()
    }

    /// Classifies the facts of an account. `get` receives the name and the claim of each declared
    /// fact and returns the fact's value.
    ///
    /// `shared` means that the account record belongs to an entity and that not all users of it are
    /// attested. Facts about a person are then unknown.
    pub fn account(
        &self,
        shared: bool,
        mut get: impl FnMut(&str, &str) -> Option<OwnedValue>,
    ) -> Rc<Account> {
        let bundle = self.bundle();
        let facts = bundle.table::<layout::Fact>(section::FACTS);
        let owned: Vec<Option<OwnedValue>> =
            facts.iter().map(|fact| get(bundle.text(fact.name), bundle.text(fact.claim))).collect();
        let lists: Vec<Vec<&str>> = owned.iter().map(texts).collect();
        let values: Vec<Option<Value<'_>>> = owned
            .iter()
            .zip(&lists)
            .map(|(value, list)| value.as_ref().map(|value| value.borrow(list)))
            .collect();
        self.classify(shared, &values)
    }

    /// Does the same for the values of all declared facts, in their order.
    pub(crate) fn classify(&self, shared: bool, values: &[Option<Value<'_>>]) -> Rc<Account> {
        let bundle = self.bundle();
        let facts = bundle.table::<layout::Fact>(section::FACTS);
        Rc::new(Account::classify(bundle, self.list_key.as_deref(), |index| {
            let withheld = shared && facts.get(u32::from(index))?.about == layout::about::PERSON;
            values.get(usize::from(index)).copied().flatten().filter(|_| !withheld)
        }))
    }

    /// Switches a rule to a state that overrides the bundle's. Returns `false` if there is no rule
    /// of that id, or if the rule is a licence and the state is shadow.
    pub fn switch(&mut self, rule: &str, state: SwitchState) -> bool {
        self.evaluator.switch(self.bundle.view(), rule, state)
    }

    /// Removes every switch.
    pub fn unswitch(&mut self) {
        self.evaluator.unswitch();
    }

    /// First step: finds the route and computes the denied set. `now` is in milliseconds since the
    /// Unix epoch.
    pub fn begin(&mut self, method: &str, url: &str, caller: &Caller, now: i64) -> Begun {
        self.begin_on(route::route(self.bundle(), method, url), caller, now)
    }

    /// Computes what a caller may not use with an operation, named by its id in the dialects; with
    /// the empty id, with any operation. `None` if no guarded dialect has the operation.
    pub fn begin_operation(&mut self, id: &str, caller: &Caller, now: i64) -> Option<Begun> {
        let route = Route::over(self.bundle(), id)?;
        Some(self.begin_on(route, caller, now))
    }

    fn begin_on(&mut self, route: Route, caller: &Caller, now: i64) -> Begun {
        let view = self.bundle.view();
        let stale = caller.stale;
        if !route.guarded {
            return Begun::Pass(PassedRequest { reason: Reason::Unguarded, route, now, stale });
        }
        let candidates = Candidates::new(caller, &self.unknown_account);
        let denied_set = self.evaluator.denied_set(
            view,
            candidates.all(),
            route.operation_matches(view, &mut Vec::new()),
            now,
            stale,
        );
        if denied_set.is_empty() {
            return Begun::Pass(PassedRequest { reason: Reason::NoRestriction, route, now, stale });
        }
        let denied_set = denied_set.clone();
        Begun::Inspect(UnreadRequest {
            caller: caller.clone(),
            route,
            denied_set,
            licensed: self.evaluator.is_licensed(),
            now,
        })
    }

    /// Returns whether the last `begin` found a licence that lifts something for its caller.
    #[must_use]
    pub fn is_licensed(&self) -> bool {
        self.evaluator.is_licensed()
    }

    /// Returns the verdict on a request that passed unread. `caller` must be the one given to
    /// `begin`.
    pub fn passed(&mut self, passed: &PassedRequest, caller: &Caller) -> Verdict {
        if passed.reason == Reason::Unguarded {
            return Verdict::pass(passed.reason);
        }
        let view = self.bundle.view();
        let candidates = Candidates::new(caller, &self.unknown_account);
        let mut room = Vec::new();
        let operation_matches = passed.route.operation_matches(view, &mut room);
        let grounds = self.evaluator.grounds(
            view,
            candidates.all(),
            operation_matches,
            passed.now,
            passed.stale,
            &[],
        );
        Verdict::pass_under(view, &grounds.licences)
    }

    /// Returns the families that a caller may not use, as JSON: `[{id, title, message, appeal,
    /// restrictions, patterns}]`. A family is listed if at least one of its patterns is denied.
    /// `*` is the id for models of no family, and also the pattern for ids in which none occurs.
    /// Message and appeal (a URL, or null) are those of the first restriction that has one.
    pub fn families(&mut self, unread: &UnreadRequest) -> String {
        let mut to = String::from("[");
        let families = self.bundle().table::<layout::Family>(section::FAMILIES).len();
        for family in (0..families).filter_map(|at| u16::try_from(at).ok()) {
            self.push_family(&mut to, unread, family);
        }
        self.push_family(&mut to, unread, layout::NONE16);
        to.push(']');
        to
    }

    /// Returns the texts of all patterns by their numbers, as a JSON array. Number 0 is `*`.
    #[must_use]
    pub fn pattern_texts(&self) -> String {
        let bundle = self.bundle();
        let mut to = String::new();
        let patterns = bundle.table::<layout::Pattern>(section::PATTERNS);
        json::strings(&mut to, patterns.iter().map(|pattern| pattern_text(bundle, &pattern)));
        to
    }

    /// Returns what becomes of ids in which no pattern occurs, for a caller with a denied set that
    /// does not deny them: `pass`, `defer` or `deny`. A name that only a table of deployments can
    /// resolve defers at best.
    #[must_use]
    pub fn unlisted(&self) -> &'static str {
        let bundle = self.bundle();
        match bundle.flags() & layout::flags::UNLISTED {
            layout::flags::UNLISTED_PASS
                if bundle.table::<layout::Deployment>(section::DEPLOYMENTS).len() == 0 =>
            {
                "pass"
            }
            layout::flags::UNLISTED_DENY => "deny",
            _ => "defer",
        }
    }

    /// Returns the first instant after `now` at which the last denied set of this caller may
    /// change, as long as no switch changes.
    #[must_use]
    pub fn until(&self, caller: &Caller, now: i64) -> i64 {
        let accounts = caller.accounts.iter().map(|account| account.period(now).1);
        accounts.fold(self.period(now).1, i64::min)
    }

    /// Returns the ids of the families with a denied model, each in quotes, separated by
    /// blanks. `*` is the id for models of no family.
    #[must_use]
    pub fn denied_ids(&self, denied_set: &DeniedSet) -> String {
        let bundle = self.bundle();
        let families = bundle.table::<layout::Family>(section::FAMILIES);
        let patterns = bundle.table::<layout::Pattern>(section::PATTERNS);
        let mut is_denied = alloc::vec![false; families.len() + 1];
        for (base, word) in (0..).step_by(64).zip(&denied_set.denied) {
            let mut left = *word;
            while left != 0 {
                let family = patterns
                    .get(base + left.trailing_zeros())
                    .map_or(layout::NONE16, |pattern| pattern.family);
                let at = usize::from(family).min(families.len());
                if let Some(flag) = is_denied.get_mut(at) {
                    *flag = true;
                }
                left &= left - 1;
            }
        }
        let mut to = String::new();
        for (family, is_denied) in (0..).zip(&is_denied) {
            if *is_denied {
                if !to.is_empty() {
                    to.push(' ');
                }
                json::string(
                    &mut to,
                    families.get(family).map_or("*", |family| bundle.text(family.id)),
                );
            }
        }
        to
    }

    /// Appends the entry of a family, unless nothing of it is denied. `NONE16`: models of no family.
    fn push_family(&mut self, to: &mut String, unread: &UnreadRequest, family: u16) {
        let denied_set = &unread.denied_set;
        let mut mask = alloc::vec![0u64; denied_set.denied.len()];
        let patterns = self.bundle().table::<layout::Pattern>(section::PATTERNS);
        for (bit, pattern) in (0..).zip(patterns.iter()) {
            if pattern.family == family
                && denied_set.denies(bit)
                && let Some(word) = mask.get_mut(bit as usize / 64)
            {
                *word |= 1 << (bit % 64);
            }
        }
        if mask.iter().all(|word| *word == 0) {
            return;
        }
        let grounds = self.grounds(unread, &mask);
        let bundle = self.bundle();
        let table = bundle.table::<layout::Restriction>(section::RESTRICTIONS);
        let authorities = bundle.table::<layout::Authority>(section::AUTHORITIES);
        let (mut message, mut appeal, mut ids) = ("", "", Vec::new());
        for rule in grounds.restrictions.iter().filter_map(|index| table.get(u32::from(*index))) {
            ids.push(bundle.text(rule.id));
            if message.is_empty() {
                message = bundle.text(rule.message);
            }
            if appeal.is_empty()
                && let Some(authority) = authorities.get(u32::from(rule.authority))
            {
                appeal = bundle.text(authority.appeal);
            }
        }
        let record = bundle.table::<layout::Family>(section::FAMILIES).get(u32::from(family));
        let (id, title) = record.map_or(("*", "Models of no family"), |record| {
            (bundle.text(record.id), bundle.text(record.title))
        });
        json::separate(to);
        to.push('{');
        json::member(to, "id");
        json::string(to, id);
        json::member(to, "title");
        json::string(to, title);
        json::member(to, "message");
        json::string(to, message);
        json::member(to, "appeal");
        if appeal.is_empty() {
            to.push_str("null");
        } else {
            json::string(to, appeal);
        }
        json::member(to, "restrictions");
        json::strings(to, ids.iter().copied());
        json::member(to, "patterns");
        let denied = (0..).zip(bundle.table::<layout::Pattern>(section::PATTERNS).iter());
        json::strings(
            to,
            denied
                .filter(|(bit, pattern)| pattern.family == family && denied_set.denies(*bit))
                .map(|(_, pattern)| pattern_text(bundle, &pattern)),
        );
        to.push('}');
    }

    fn grounds(&mut self, unread: &UnreadRequest, patterns: &[u64]) -> Grounds {
        let UnreadRequest { caller, route, now, .. } = unread;
        let candidates = Candidates::new(caller, &self.unknown_account);
        let (view, mut room) = (self.bundle.view(), Vec::new());
        self.evaluator.grounds(
            view,
            candidates.all(),
            route.operation_matches(view, &mut room),
            *now,
            caller.stale,
            patterns,
        )
    }

    /// Second step: reads path, query and headers.
    pub fn inspect(&self, unread: UnreadRequest, head: &Head<'_>) -> Inspection {
        let reader = self.reader(&unread, head);
        Inspection { unread, reader }
    }

    fn reader(&self, unread: &UnreadRequest, head: &Head<'_>) -> RequestReader {
        RequestReader::new(
            self.bundle(),
            &unread.route,
            head,
            &unread.denied_set,
            crate::request::batch::open,
        )
    }

    /// Keeps a head, so that its bodies are judged one after the other by [`Self::judge`] without
    /// reading it again. `None` if such requests must be read one by one: their bodies are not
    /// plain JSON, or the head settles the verdict, or a header asks for another method.
    #[must_use]
    pub fn keep(&self, unread: &UnreadRequest, head: &Head<'_>) -> Option<KeptHead> {
        if unread.route.lacks_method(head.headers) {
            return None;
        }
        KeptHead::new(self.reader(unread, head))
    }

    /// Returns the number of patterns of the policy.
    #[must_use]
    pub fn pattern_count(&self) -> usize {
        self.bundle().table::<layout::Pattern>(section::PATTERNS).len()
    }

    /// Returns whether some restriction asks for another status than 403.
    #[must_use]
    pub fn has_statuses(&self) -> bool {
        let mut rules = self.bundle().table::<layout::Restriction>(section::RESTRICTIONS).iter();
        rules.any(|rule| rule.status > 403)
    }

    /// Returns what a header of this name can bear on in a request whose head is [kept](Self::keep).
    #[must_use]
    pub fn bearing(&self, name: &str) -> HeaderBearing {
        bearing(self.bundle(), name)
    }

    /// Judges a whole body under a kept head and a denied set that is not empty. Nothing is
    /// allocated once the buffers have the size that usual bodies take.
    #[must_use]
    pub fn judge(&self, head: &mut KeptHead, denied_set: &DeniedSet, body: &[u8]) -> Decision {
        let bundle = self.bundle();
        head.begin(bundle, denied_set);
        head.feed(bundle, body);
        head.decide(bundle, denied_set)
    }

    /// Computes what a caller may not use, whatever the operation. The result is right for every
    /// request if no rule of the policy depends on the operation. Nothing is allocated for up to
    /// [`limits::CANDIDATES`] candidates.
    pub fn denied_set(&mut self, caller: &Caller, now: i64) -> &DeniedSet {
        let candidates = Candidates::new(caller, &self.unknown_account);
        let view = self.bundle.view();
        self.evaluator.denied_set(view, candidates.all(), &[], now, caller.stale)
    }

    /// Returns the class of a place in every column that tests places. Places with the same classes
    /// are the same place to every rule.
    #[must_use]
    pub fn place_classes(&self, place: Place) -> Vec<u32> {
        let bundle = self.bundle();
        let mut classes = Vec::new();
        for column in bundle.table::<layout::Column>(section::COLUMNS).iter() {
            if column.fact == layout::fact::B_PLACE {
                classes.push(place_class(bundle, &column, place));
            }
        }
        classes
    }

    /// Returns the interval around `now` in which the last denied set stays the same, as long as
    /// no switch changes and each account stays in [its classes](Account::period): from the first
    /// instant up to, not including, the second.
    #[must_use]
    pub fn period(&self, now: i64) -> (i64, i64) {
        let (from, until) = self.evaluator.period();
        let expires = self.bundle().expires();
        if expires <= now { (from.max(expires), until) } else { (from, until.min(expires)) }
    }

    /// Begins another client message on the WebSocket that a passed request has opened. `unread` is
    /// from a new `begin` for the same request and caller. `feed` and `finish` follow, as for a
    /// body. To check an open connection against a new denied set, call `finish` without `feed`.
    pub fn message(&self, inspection: &mut Inspection, unread: UnreadRequest, binary: bool) {
        inspection.reader.message(self.bundle(), &unread.denied_set, binary);
        inspection.unread = unread;
    }

    /// Reads a piece of a message that the origin sends on such a WebSocket.
    pub fn feed_origin(&self, inspection: &mut Inspection, bytes: &[u8]) {
        inspection.reader.feed_origin(self.bundle(), bytes);
    }

    /// Ends a message of the origin, if there was one, and says whether it may go to the client.
    /// `Some(true)`: this message and those held before it may go. `Some(false)`: it must be held.
    /// `None`: the connection is settled, for example by a denied name; `finish` returns the
    /// verdict.
    pub fn may_release(&self, inspection: &mut Inspection) -> Option<bool> {
        let may = inspection.reader.may_release(self.bundle());
        (!inspection.reader.settled()).then_some(may)
    }

    /// Reads a piece of the body or of a client message. Returns `true` once the verdict is
    /// settled, so that later bytes cannot change it.
    pub fn feed(&self, inspection: &mut Inspection, bytes: &[u8]) -> bool {
        inspection.reader.feed(self.bundle(), bytes);
        inspection.reader.settled()
    }

    /// Last step: returns the verdict over everything that was read.
    pub fn finish(&mut self, inspection: &mut Inspection) -> Verdict {
        let Inspection { unread, reader } = inspection;
        let outcome = reader.finish(self.bundle.view(), &unread.denied_set);
        // Finding the grounds scans every rule, so it is skipped where no grounds can exist.
        let may_have_grounds = outcome.kind == VerdictKind::Deny || unread.licensed;
        let grounds = if may_have_grounds {
            self.grounds(unread, &outcome.denied)
        } else {
            Grounds::default()
        };
        Verdict::new(self.bundle(), outcome, &grounds)
    }
}

impl Gate {
    /// Returns a reader for the origin's response to a request that was forwarded. `check` is
    /// [`Verdict::check`].
    #[must_use]
    pub fn response(
        &self,
        inspection: &Inspection,
        check: ResponseCheck,
        status: u16,
        headers: &[(&str, &str)],
    ) -> Response {
        let flag = if check == ResponseCheck::Filter {
            layout::operation::LISTS
        } else {
            layout::operation::RESPONSE_NAMES
        };
        let states = inspection.reader.response_states(flag);
        let bundle = self.bundle();
        Response::new(
            bundle,
            inspection.reader.fresh_findings(bundle),
            check,
            &states,
            &inspection.unread.denied_set,
            status,
            headers,
        )
    }

    /// Returns the verdict on a request whose response is withheld, or that may not be deferred
    /// since no response would show which model ran. `verdict` is the one under which the request
    /// was sent, or would have been. If the response named a denied model, the grounds are those of
    /// the models it named. Otherwise they are the grounds of the whole denied set.
    pub fn withheld(
        &mut self,
        inspection: &Inspection,
        verdict: &Verdict,
        reason: Reason,
        response: Option<&Response>,
    ) -> Verdict {
        let kind = if matches!(reason.status(), 502 | 503) {
            VerdictKind::Refuse
        } else {
            VerdictKind::Deny
        };
        let denied = match response.filter(|_| reason == Reason::ModelRestricted) {
            Some(response) => response.named(),
            None => inspection.unread.denied_set.denied.clone(),
        };
        let grounds = if kind == VerdictKind::Deny {
            self.grounds(&inspection.unread, &denied)
        } else {
            Grounds::default()
        };
        let bundle = self.bundle();
        let outcome = Outcome {
            kind,
            reason,
            mentions: verdict.mentions.clone(),
            denied_ids: Vec::new(),
            patterns: Vec::new(),
            denied,
            error_format: verdict.error_format,
            check: ResponseCheck::Nothing,
        };
        let mut withheld = Verdict::new(bundle, outcome, &grounds);
        if withheld.restrictions.is_empty() {
            withheld.restrict(bundle, &grounds.restrictions);
        }
        withheld
    }
}

impl Gate {
    /// Returns the verdict that a decision under a kept head stands for. `unread` is from a
    /// [`Self::begin`] with the same facts, at the same time and under the same switches. `mentions`
    /// are the ids mentioned and `denied` the denied patterns among them, as [`Outcome`] has them.
    pub fn worded(
        &mut self,
        unread: &UnreadRequest,
        head: &Head<'_>,
        decision: Decision,
        mentions: Vec<String>,
        denied: Vec<u64>,
    ) -> Verdict {
        let denies = decision.kind == VerdictKind::Deny;
        let grounds = if denies || unread.licensed {
            self.grounds(unread, &denied)
        } else {
            Grounds::default()
        };
        let bundle = self.bundle();
        let denied_ids = if denies {
            let scope = Scope::of(bundle, &unread.route.operation_matches, head);
            let findings = Findings::new(bundle).in_scope(scope, None);
            denied_ids(bundle, &findings, &mentions, &unread.denied_set)
        } else {
            Vec::new()
        };
        let Decision { kind, reason, check, error_format } = decision;
        let patterns = Vec::new();
        let outcome =
            Outcome { kind, reason, mentions, denied_ids, patterns, denied, error_format, check };
        Verdict::new(bundle, outcome, &grounds)
    }
}

impl PassedRequest {
    /// Returns whether the path is guarded.
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        self.reason != Reason::Unguarded
    }
}

impl Inspection {
    /// Ends the connection: messages passed unread, or the origin does not say which model runs.
    /// The verdict is then a refusal for `reason`, unless it is a denial.
    pub fn stop(&mut self, reason: Reason) {
        self.reader.stop(reason);
    }

    /// Returns whether the body must be read.
    #[must_use]
    pub fn wants_body(&self) -> bool {
        self.reader.wants_body()
    }

    /// Returns `dialect operation` of the request for a log, as in `openai createChatCompletion`.
    /// Of several operations it names the first.
    #[cfg(feature = "edge")]
    pub(crate) fn operation(&self, bundle: Bundle<'_>) -> String {
        let mut to = String::new();
        if let Some(operation) = self.unread.route.operations(bundle).next() {
            let dialect = bundle
                .table::<layout::Dialect>(section::DIALECTS)
                .get(u32::from(operation.dialect));
            to.push_str(dialect.map_or("", |dialect| bundle.text(dialect.id)));
            to.push(' ');
            to.push_str(bundle.text(operation.id));
        }
        to
    }

    /// Returns the codings of the body, as [`RequestReader::codings`].
    #[must_use]
    pub fn codings(&self) -> &str {
        self.reader.codings()
    }

    /// Returns whether the body must reach the origin unchanged, as [`RequestReader::is_signed`].
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.reader.is_signed()
    }

    /// Declares that `feed` will receive the decoded body.
    pub fn decoded(&mut self) {
        self.reader.decoded();
    }

    /// Declares that the body cannot be read further, as [`RequestReader::unreadable`].
    pub fn unreadable(&mut self, reason: Reason) {
        self.reader.unreadable(reason);
    }

    /// Returns the mentions with their locations, for explanations.
    #[cfg(feature = "author")]
    pub(crate) fn mentions(&self) -> &[crate::mention::findings::Mention] {
        self.reader.mentions()
    }

    /// Returns whether one of these patterns occurs in a mention, or in a name that it resolves to.
    #[cfg(feature = "author")]
    pub(crate) fn holds(&self, bundle: Bundle<'_>, mention: &str, patterns: &[u64]) -> bool {
        self.reader.holds(bundle, mention, patterns)
    }

    /// Returns the denied set under which the request is read.
    #[cfg(any(feature = "author", feature = "edge"))]
    pub(crate) fn denied_set(&self) -> &DeniedSet {
        &self.unread.denied_set
    }
}

impl UnreadRequest {
    /// Returns what the caller may not use.
    #[must_use]
    pub fn denied_set(&self) -> &DeniedSet {
        &self.denied_set
    }
}

/// Returns the text of a pattern; `*` for that of ids in which no pattern occurs.
fn pattern_text<'a>(bundle: Bundle<'a>, pattern: &layout::Pattern) -> &'a str {
    match bundle.text(pattern.text) {
        "" => "*",
        text => text,
    }
}

/// Borrows the texts of a list. Any other value has none.
fn texts(value: &Option<OwnedValue>) -> Vec<&str> {
    let mut lent = Vec::new();
    if let Some(OwnedValue::List(texts)) = value {
        for text in texts {
            lent.push(text.as_str());
        }
    }
    lent
}

/// The candidates of a caller. Up to [`limits::CANDIDATES`] of them need no allocation. Above that
/// bound the caller counts as stale, and each candidate still counts: a candidate that is certainly
/// denied must not hide behind the others.
struct Candidates<'a> {
    few: [Candidate<'a>; limits::CANDIDATES],
    count: usize,
    many: Vec<Candidate<'a>>,
}

impl<'a> Candidates<'a> {
    fn new(caller: &'a Caller, unknown_account: &'a Account) -> Self {
        let blank = Candidate {
            place: Place::UNKNOWN,
            network: caller.network,
            asn: caller.asn,
            ip: caller.ip,
            account: unknown_account,
        };
        let mut candidates = Self { few: [blank; limits::CANDIDATES], count: 0, many: Vec::new() };
        let places: &[Place] =
            if caller.places.is_empty() { &[Place::UNKNOWN] } else { &caller.places };
        for &place in places {
            if caller.accounts.is_empty() {
                candidates.push(Candidate { place, ..blank });
            }
            for account in &caller.accounts {
                candidates.push(Candidate { place, account, ..blank });
            }
        }
        candidates
    }

    fn push(&mut self, candidate: Candidate<'a>) {
        match self.few.get_mut(self.count) {
            Some(free) => *free = candidate,
            None => {
                if self.many.is_empty() {
                    self.many.extend_from_slice(&self.few);
                }
                self.many.push(candidate);
            }
        }
        self.count += 1;
    }

    fn all(&self) -> &[Candidate<'a>] {
        if self.many.is_empty() {
            self.few.get(..self.count).unwrap_or_default()
        } else {
            &self.many
        }
    }
}

#[cfg(all(test, feature = "author"))]
mod tests {
    use super::*;
    use crate::policy;

    #[test]
    fn a_denied_candidate_hides_behind_no_number_of_others() {
        let text = r#"
            format = 1
            [policy]
            id = "embargo"
            version = 1
            dialects = ["openai"]
            [facts]
            billing = { type = "place", claim = "/billing", about = "account" }
            [[restrictions]]
            id = "embargo"
            models = ["*"]
            when = 'billing in ["IR"]'
            doubt = "pass"
        "#;
        let loaded = policy::load(
            vec![policy::Source::new("p.toml", text)],
            &mut policy::Options::default(),
        );
        let bundle = crate::compile::compile(&loaded.policy.unwrap(), None).unwrap();
        let mut gate = Gate::new(OwnedBundle::new(bundle).unwrap(), None).unwrap();
        let billed = |gate: &Gate, code: &str| {
            gate.account(false, |_, _| Some(OwnedValue::Text(code.into())))
        };
        for others in [0, 1, limits::CANDIDATES, 3 * limits::CANDIDATES] {
            let mut accounts: Vec<_> = (0..others).map(|_| billed(&gate, "FR")).collect();
            let harmless = Caller { accounts: accounts.clone(), ..Caller::default() };
            assert!(
                matches!(gate.begin("POST", "/v1/chat/completions", &harmless, 0), Begun::Pass(_)),
                "{others}"
            );
            accounts.push(billed(&gate, "IR"));
            let caller = Caller { accounts, ..Caller::default() };
            assert!(
                matches!(gate.begin("POST", "/v1/chat/completions", &caller, 0), Begun::Inspect(_)),
                "{others}"
            );
        }
    }
}
