//! Explains one request: the known facts, the models that are closed because of them, the models
//! that the request names, and the rules that decided.
//!
//! Input: a policy and a request line. Output: an [`Explanation`], as text or as JSON with the same
//! content. The verdict is the gate's own, from a bundle compiled from the policy. The reasons come
//! from the [reference evaluator](crate::analysis::reference::Reference), which walks the
//! conditions as written. If the two disagree, the explanation says so.

mod text;
mod trace;
pub(crate) mod words;

use alloc::collections::BTreeMap;

use serde::Serialize;

use self::trace::{ClauseTrace, trace};
use super::decide::Decider;
use super::line::{LineError, RequestLine, SaidPlace};
use super::reference::{Known, ReadAs, Reference, ReferenceDeniedSet, Setting, Subject, Truth};
use crate::bundle::layout as l;
use crate::bundle::layout::section;
use crate::bundle::view::{Bundle, OwnedBundle};
use crate::compile::CompileError;
use crate::facts::place::{Place, read_place};
use crate::facts::value::OwnedValue;
use crate::gate::Inspection;
use crate::http::head::Head;
use crate::mention::findings::Carrier;
use crate::policy;
use crate::policy::diagnostic::suggestion;
use crate::policy::model::{FactRef, Family, Models, Policy, Restriction, RuleState};
use crate::reason::Reason;
use crate::verdict::{Verdict, VerdictKind};

/// Up to this number of rules, the explanation describes even those that decide nothing.
const FEW_RULES: usize = 12;

/// The reasons for a request's verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    id: serde_json::Value,
    verdict: VerdictPart,
    request: RequestPart,
    callers: Vec<CallerPart>,
    access: AccessPart,
    mentions: MentionsPart,
    rules: Vec<RulePart>,
    /// Ids of restrictions in force that do not apply and are not described.
    silent: Vec<String>,
    /// Rules that are not in force, with the reason.
    dormant: Vec<DormantPart>,
    /// Set if the gate and the reference evaluator computed different denied sets.
    #[serde(skip_serializing_if = "Option::is_none")]
    disagreement: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct VerdictPart {
    verdict: &'static str,
    status: u16,
    reason: &'static str,
    message: String,
    families: Vec<String>,
    restrictions: Vec<String>,
    licences: Vec<String>,
    why: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct RequestPart {
    method: String,
    url: String,
    guarded: bool,
    /// Methods that a header or the query requests instead of the request's own method.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    asked: Vec<String>,
    readings: Vec<OperationPart>,
    now: String,
    now_from: &'static str,
    policy: String,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    stale: Option<String>,
    switched: Vec<String>,
}

/// An operation that the request may be. The texts are empty if it is unknown.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct OperationPart {
    operation: String,
    dialect: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct CallerPart {
    facts: Vec<FactPart>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct FactPart {
    name: String,
    /// `None`: unknown.
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<String>,
    source: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct AccessPart {
    everything: bool,
    closed: Vec<ClosedPart>,
    opened: Vec<OpenedPart>,
    shadow: Vec<ClosedPart>,
}

/// Patterns of a family that the same restrictions close.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct ClosedPart {
    /// Empty: the patterns belong to no family.
    family: String,
    title: String,
    /// An empty text means ids in which no pattern occurs.
    patterns: Vec<String>,
    restrictions: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct OpenedPart {
    licence: String,
    patterns: Vec<String>,
    lifts: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct MentionsPart {
    /// How much of the request was read.
    read: &'static str,
    found: Vec<MentionPart>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct MentionPart {
    text: String,
    location: String,
    /// The targets of the name in the policy's tables of deployments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resolves: Vec<ResolvedPart>,
    patterns: Vec<String>,
    denied: bool,
    /// Whether only a denied name counts at this location.
    hint: bool,
}

/// A table of deployments that has the name, and its targets there.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct ResolvedPart {
    table: String,
    to: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct RulePart {
    kind: &'static str,
    id: String,
    shadow: bool,
    /// Whether the rule applies to some candidate, or lifts for one.
    holds: bool,
    models: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lifts: Vec<String>,
    authority: String,
    message: String,
    traces: Vec<TracePart>,
}

/// The results of a rule's conditions, and the candidates that have these results.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct TracePart {
    callers: Vec<String>,
    holds: bool,
    conclusion: &'static str,
    clauses: Vec<ClauseTrace>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct DormantPart {
    kind: &'static str,
    id: String,
    why: String,
}

/// Returns an error if one of a line's switches names a rule that the policy does not have.
#[must_use]
pub fn strange_switch(policy: &Policy, line: &RequestLine) -> Option<LineError> {
    let licences = || policy.licences.iter().map(|licence| licence.id.as_str());
    let known = |(rule, state): &&(String, crate::denied::SwitchState)| {
        policy.restrictions.iter().any(|restriction| restriction.id == *rule)
            || licences().any(|id| id == rule) && *state != crate::denied::SwitchState::Shadow
    };
    let (rule, _) = line.switch.iter().find(|switch| !known(switch))?;
    let ids =
        policy.restrictions.iter().map(|restriction| restriction.id.as_str()).chain(licences());
    let near = suggestion::nearest(rule, ids).map(str::to_owned);
    Some(LineError::Switch { rule: rule.clone(), near })
}

/// Explains one request. `clock` is the time in milliseconds since the epoch, for a line without
/// `now`.
///
/// # Errors
///
/// Every reason why the policy cannot be compiled.
pub fn explain(
    policy: &Policy,
    line: &RequestLine,
    clock: i64,
) -> Result<Explanation, Vec<CompileError>> {
    // The bundle is compiled and used only here, so any key works.
    let key = b"explain";
    let bytes = crate::compile::compile(policy, Some(key))?;
    let unreadable = |error| vec![CompileError::Unreadable { error }];
    let bundle = OwnedBundle::new(bytes).map_err(unreadable)?;
    let Ok(mut decider) = Decider::new(bundle, Some(key)) else {
        return Ok(Explanation::nothing(policy, line, clock));
    };

    let now = line.now.unwrap_or(clock);
    let switched = decider.switched(line);
    let setting = Setting {
        now,
        stale: false,
        switches: switched.iter().map(|(rule, state)| (*rule, model_state(*state))).collect(),
    };
    let (verdict, inspection) = decider.look(line, now);

    let reference = Reference::new(policy);
    let accounts = accounts(policy, line);
    let lists: Vec<Vec<Vec<&str>>> = accounts
        .iter()
        .map(|(record, _)| record.iter().map(|(_, value)| texts(value)).collect())
        .collect();
    let known = candidates(&accounts, &lists, line, now);
    let headers: Vec<(&str, &str)> =
        line.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let methods = crate::http::method::all_methods(&line.method, &headers);
    let route = crate::request::route::route(decider.bundle(), &methods, &line.url);
    let operations = operation_parts(decider.bundle(), &route.operation_matches);
    let read_as: Vec<ReadAs<'_>> = operations
        .iter()
        .map(|part| ReadAs { operation: &part.operation, dialect: &part.dialect })
        .collect();
    let mut room = Vec::new();
    let reached =
        operation_parts(decider.bundle(), route.operation_matches(decider.bundle(), &mut room));
    let reached: Vec<ReadAs<'_>> = reached
        .iter()
        .map(|part| ReadAs { operation: &part.operation, dialect: &part.dialect })
        .collect();
    let denied_set = if route.guarded {
        reference.denied_set(&known, &reached, &setting)
    } else {
        ReferenceDeniedSet::default()
    };
    let views = views(&reference, &known, &read_as, &setting);
    let disagreement = disagreement(&reference, &denied_set, inspection.as_ref());

    let mut explanation = Explanation::nothing(policy, line, clock);
    explanation.request.guarded = route.guarded;
    explanation.request.readings = operations.clone();
    explanation.request.asked = asked(&methods, &line.method, &line.url);
    explanation.request.stale = stale(policy, &reference, known.len(), &setting);
    explanation.request.switched = switched
        .iter()
        .map(|(rule, state)| format!("{rule} is switched {}", state_text(model_state(*state))))
        .collect();
    explanation.callers = known.iter().map(|known| caller(&reference, known)).collect();
    explanation.access = access_part(&reference, &denied_set);
    explanation.mentions = mentions(
        &reference,
        &denied_set,
        decider.bundle(),
        line,
        &verdict,
        inspection.as_ref(),
        &operations,
    );
    if route.guarded {
        explanation.rules(&reference, &views, &setting);
    }
    explanation.verdict = verdict_part(policy, &verdict, &explanation.mentions);
    explanation.disagreement = disagreement;
    Ok(explanation)
}

impl Explanation {
    /// Returns the explained verdict: `deny` for example.
    #[must_use]
    pub fn verdict(&self) -> &str {
        self.verdict.verdict
    }

    /// Returns the explanation as one JSON object.
    #[must_use]
    pub fn to_json(&self) -> String {
        // INVARIANT: the parts are texts, numbers, lists and structs of these, which serde_json
        // always serializes.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Returns the explanation as readable text. Every line ends with a line feed.
    #[must_use]
    pub fn to_text(&self) -> String {
        text::write(self)
    }

    fn nothing(policy: &Policy, line: &RequestLine, clock: i64) -> Self {
        Self {
            id: line.id.clone(),
            verdict: verdict_part(
                policy,
                &Verdict::plain(VerdictKind::Refuse, Reason::NoBundle),
                &MentionsPart { read: "", found: Vec::new() },
            ),
            request: RequestPart {
                method: line.method.clone(),
                url: line.url.clone(),
                guarded: false,
                asked: Vec::new(),
                readings: Vec::new(),
                now: words::instant(line.now.unwrap_or(clock)),
                now_from: if line.now.is_some() { "the request line" } else { "the clock" },
                policy: policy.id.clone(),
                version: policy.version,
                stale: None,
                switched: Vec::new(),
            },
            callers: Vec::new(),
            access: AccessPart {
                everything: false,
                closed: Vec::new(),
                opened: Vec::new(),
                shadow: Vec::new(),
            },
            mentions: MentionsPart { read: "", found: Vec::new() },
            rules: Vec::new(),
            silent: Vec::new(),
            dormant: Vec::new(),
            disagreement: None,
        }
    }

    /// Describes the restrictions in force, those that apply first, and the licences that lift one
    /// that applies.
    fn rules(&mut self, reference: &Reference<'_>, views: &[View<'_>], setting: &Setting<'_>) {
        let policy = reference.policy();
        let mut applying = Vec::new();
        let mut others = Vec::new();
        let mut touched = Vec::new();
        for (index, restriction) in policy.restrictions.iter().enumerate() {
            let state = reference.restriction_state(restriction, setting);
            if state == RuleState::Off {
                let shipped = setting
                    .switches
                    .get(restriction.id.as_str())
                    .copied()
                    .unwrap_or(restriction.state);
                self.dormant.push(dormant(
                    "restriction",
                    &restriction.id,
                    shipped,
                    restriction.from,
                    restriction.until,
                    setting.now,
                ));
                continue;
            }
            let part = restriction_part(reference, restriction, state, views);
            if part.holds {
                touched.push(index);
                applying.push(part);
            } else {
                others.push(part);
            }
        }
        for (index, licence) in policy.licences.iter().enumerate() {
            if !licence.lifts.iter().any(|lifted| touched.contains(lifted)) {
                continue;
            }
            let state = setting.switches.get(licence.id.as_str()).copied().unwrap_or(licence.state);
            let in_time = licence.from.is_none_or(|from| setting.now >= from)
                && licence.until.is_none_or(|until| setting.now < until);
            if state == RuleState::On && in_time {
                applying.push(licence_part(reference, index, setting, views));
            } else {
                self.dormant.push(dormant(
                    "licence",
                    &licence.id,
                    state,
                    licence.from,
                    licence.until,
                    setting.now,
                ));
            }
        }
        if applying.len() + others.len() <= FEW_RULES {
            applying.append(&mut others);
        }
        self.rules = applying;
        self.silent = others.into_iter().map(|part| part.id).collect();
    }
}

/// A candidate together with one operation match, as the rules see it.
struct View<'k> {
    label: String,
    known: Known<'k>,
    /// Account and place count as unknown, since the caller is stale.
    aside: bool,
}

fn views<'k>(
    reference: &Reference<'_>,
    callers: &[Known<'k>],
    read_as: &[ReadAs<'k>],
    setting: &Setting<'_>,
) -> Vec<View<'k>> {
    let unread = [ReadAs::default()];
    let read_as = if read_as.is_empty() { &unread } else { read_as };
    let mut views = Vec::new();
    for (number, caller) in (1..).zip(callers) {
        for one in read_as {
            let mut label = if callers.len() > 1 {
                format!("caller {number}")
            } else {
                "the caller".to_owned()
            };
            if read_as.len() > 1 {
                let operation =
                    if one.operation.is_empty() { "an unknown operation" } else { one.operation };
                label.push_str(&format!(", read as {operation} of {}", one.dialect));
            }
            let known = Known {
                operation: one.operation,
                dialect: one.dialect,
                now: setting.now,
                ..caller.clone()
            };
            if reference.is_stale(callers.len(), setting) {
                let known =
                    Known { place: Place::UNKNOWN, account: BTreeMap::new(), ..known.clone() };
                views.push(View {
                    label: format!("{label}, with account and place set aside"),
                    known,
                    aside: true,
                });
            }
            views.push(View { label, known, aside: false });
        }
    }
    views
}

/// The values that an account has for declared facts.
type Record = Vec<(String, OwnedValue)>;

fn accounts(policy: &Policy, line: &RequestLine) -> Vec<(Record, Subject)> {
    let record = |account: &super::line::AccountFacts| {
        let values = policy
            .facts
            .iter()
            .filter_map(|fact| Some((fact.name.clone(), account.value(&fact.name)?)))
            .collect();
        (values, if account.is_shared() { Subject::Entity } else { Subject::Person })
    };
    line.accounts.iter().map(record).collect()
}

fn texts(value: &OwnedValue) -> Vec<&str> {
    match value {
        OwnedValue::List(texts) => texts.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Combines every place with every account, as the gate does.
fn candidates<'a>(
    accounts: &'a [(Record, Subject)],
    lists: &'a [Vec<Vec<&'a str>>],
    line: &'a RequestLine,
    now: i64,
) -> Vec<Known<'a>> {
    let mut candidates = Vec::new();
    for place in &line.places {
        let unread = |said: &&SaidPlace| {
            !said.country.is_empty() && read_place(&said.country, &said.region).places() == [*place]
        };
        let said = line.said_places.iter().find(unread).filter(|_| place.country.is_none());
        let said = said.map_or("", |said| said.country.as_str());
        for ((record, subject), lists) in accounts.iter().zip(lists) {
            let values = record
                .iter()
                .zip(lists)
                .map(|((name, value), list)| (name.as_str(), value.borrow(list)));
            candidates.push(Known {
                place: *place,
                said,
                network: line.network,
                asn: line.asn,
                ip: line.ip,
                account: values.collect(),
                subject: *subject,
                now,
                ..Known::default()
            });
        }
    }
    candidates
}

fn operation_parts(
    bundle: Bundle<'_>,
    operation_matches: &[crate::bundle::operation::OperationMatch],
) -> Vec<OperationPart> {
    let part = |found: &crate::bundle::operation::OperationMatch| {
        let operation = bundle.table::<l::Operation>(section::OPERATIONS).get(found.operation);
        let dialect = bundle.table::<l::Dialect>(section::DIALECTS).get(u32::from(found.dialect));
        OperationPart {
            operation: operation
                .map_or(String::new(), |operation| bundle.text(operation.id).to_owned()),
            dialect: dialect.map_or(String::new(), |dialect| bundle.text(dialect.id).to_owned()),
        }
    };
    operation_matches.iter().map(part).collect()
}

/// Returns the methods that are requested besides the request's own, each once.
fn asked(methods: &str, own: &str, url: &str) -> Vec<String> {
    let mut asked: Vec<String> = Vec::new();
    let mut add = |method: &str| {
        let method = method.trim().to_ascii_uppercase();
        if !method.is_empty() && !method.eq_ignore_ascii_case(own) && !asked.contains(&method) {
            asked.push(method);
        }
    };
    methods.split(',').for_each(&mut add);
    let query =
        url.split_once('?').map_or("", |(_, query)| query.split('#').next().unwrap_or_default());
    crate::http::method::query_methods(query.as_bytes(), &mut add);
    asked
}

fn stale(
    policy: &Policy,
    reference: &Reference<'_>,
    candidates: usize,
    setting: &Setting<'_>,
) -> Option<String> {
    if !reference.is_stale(candidates, setting) {
        return None;
    }
    Some(match policy.expires {
        Some(expires) if setting.now >= expires => {
            format!("the policy expired at {}", words::instant(expires))
        }
        _ => format!("there are {candidates} candidate callers, more than are decided one by one"),
    })
}

fn disagreement(
    reference: &Reference<'_>,
    denied_set: &ReferenceDeniedSet,
    inspection: Option<&Inspection>,
) -> Option<String> {
    let bits = inspection.map_or(&[][..], |inspection| inspection.denied_set().denied.as_slice());
    let texts = |denied: &dyn Fn(usize) -> bool| {
        let keys = reference.patterns().iter().enumerate().filter(|(bit, _)| denied(*bit));
        keys.map(|(_, key)| pattern_text(&key.text)).collect::<Vec<_>>().join(", ")
    };
    let gate = |bit: usize| bits.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1);
    let same = (0..reference.patterns().len())
        .all(|bit| gate(bit) == denied_set.denied.contains_key(&bit));
    (!same).then(|| {
        let meant = |bit: usize| denied_set.denied.contains_key(&bit);
        format!(
            "the gate closes [{}], by the policy it should be [{}]; this is a fault, please report it",
            texts(&gate),
            texts(&meant)
        )
    })
}

fn caller(reference: &Reference<'_>, known: &Known<'_>) -> CallerPart {
    let policy = reference.policy();
    let built_in = [FactRef::Place, FactRef::Network, FactRef::Asn, FactRef::Ip];
    let declared = (0..policy.facts.len()).map(FactRef::Declared);
    let part = |fact| {
        let (value, unknown) = match words::value(reference, fact, known, false) {
            Ok(value) if fact == FactRef::Place && known.place.region.is_none() => {
                (Some(format!("{value}, region unknown")), None)
            }
            Ok(value) => (Some(value), None),
            Err(why) => (None, Some(why)),
        };
        FactPart {
            name: words::name(policy, fact).to_owned(),
            value,
            unknown,
            source: words::source(policy, fact),
        }
    };
    CallerPart { facts: built_in.into_iter().chain(declared).map(part).collect() }
}

fn access_part(reference: &Reference<'_>, denied_set: &ReferenceDeniedSet) -> AccessPart {
    let policy = reference.policy();
    let closed = |denied: &BTreeMap<usize, alloc::collections::BTreeSet<usize>>| {
        // Patterns without a family come last.
        let mut groups: BTreeMap<(usize, Vec<usize>), Vec<String>> = BTreeMap::new();
        for (pattern, restrictions) in denied {
            let Some(key) = reference.patterns().get(*pattern) else { continue };
            let group = (key.family.unwrap_or(usize::MAX), restrictions.iter().copied().collect());
            groups.entry(group).or_default().push(key.text.clone());
        }
        let part = |((family, restrictions), patterns): ((usize, Vec<usize>), Vec<String>)| {
            let (family, title) = policy
                .families
                .get(family)
                .map_or(("", ""), |Family { id, title, .. }| (id.as_str(), title.as_str()));
            ClosedPart {
                family: family.to_owned(),
                title: title.to_owned(),
                patterns,
                restrictions: restriction_ids(policy, &restrictions),
            }
        };
        groups.into_iter().map(part).collect::<Vec<_>>()
    };
    let opened = denied_set.lifted.iter().filter_map(|(index, patterns)| {
        let licence = policy.licences.get(*index)?;
        let texts = patterns
            .iter()
            .filter_map(|pattern| reference.patterns().get(*pattern))
            .map(|key| key.text.clone());
        Some(OpenedPart {
            licence: licence.id.clone(),
            patterns: texts.collect(),
            lifts: restriction_ids(policy, &licence.lifts),
        })
    });
    AccessPart {
        everything: denied_set.denied.len() == reference.patterns().len(),
        closed: closed(&denied_set.denied),
        opened: opened.collect(),
        shadow: closed(&denied_set.shadow),
    }
}

fn restriction_ids(policy: &Policy, indices: &[usize]) -> Vec<String> {
    indices
        .iter()
        .filter_map(|index| policy.restrictions.get(*index))
        .map(|restriction| restriction.id.clone())
        .collect()
}

/// Returns a pattern's text, or words for the ids in which none occurs.
fn pattern_text(text: &str) -> &str {
    if text.is_empty() { "ids that no pattern knows" } else { text }
}

fn mentions(
    reference: &Reference<'_>,
    denied_set: &ReferenceDeniedSet,
    bundle: Bundle<'_>,
    line: &RequestLine,
    verdict: &Verdict,
    inspection: Option<&Inspection>,
    operations: &[OperationPart],
) -> MentionsPart {
    let Some(inspection) = inspection else {
        let read = if verdict.is_guarded() {
            "nothing of the request was read, for no restriction closes anything to this caller"
        } else {
            "nothing of the request was read, for its path is not guarded"
        };
        return MentionsPart { read, found: Vec::new() };
    };
    let read = match (verdict.kind, verdict.reason, &line.body) {
        (_, Reason::EverythingRestricted, _) => {
            "the body was not read, for every model is closed to this caller"
        }
        (VerdictKind::Deny, Reason::ModelRestricted, _) => {
            "the request was read up to the first denied mention"
        }
        (VerdictKind::Refuse, ..) => {
            "the request was read up to what cannot be read with certainty"
        }
        (.., None) if !line.frames.is_empty() => {
            "path, query, headers and client messages were read"
        }
        (.., None) => "path, query and headers were read; there is no body",
        _ if !inspection.wants_body() => {
            "path, query and headers were read; nothing in the body of this operation bears on models"
        }
        _ => "path, query, headers and body were read to the end",
    };
    let words = reference.patterns().len().div_ceil(64);
    let found = inspection.mentions().iter().filter_map(|mention| {
        let holds = |bit: usize| {
            let mask: Vec<u64> =
                (0..words).map(|word| if word == bit / 64 { 1 << (bit % 64) } else { 0 }).collect();
            inspection.holds(bundle, &mention.text, &mask)
        };
        let bits: Vec<usize> = (0..reference.patterns().len()).filter(|bit| holds(*bit)).collect();
        let denied = bits
            .iter()
            .any(|bit| denied_set.denied.contains_key(bit) && (*bit != 0 || !mention.hint));
        let patterns = bits
            .iter()
            .filter_map(|bit| reference.patterns().get(*bit))
            .map(|key| key.text.clone());
        let location = match mention.carrier {
            Carrier::Path => "path".to_owned(),
            Carrier::Query => "query".to_owned(),
            Carrier::Header => "header".to_owned(),
            Carrier::Body => "body".to_owned(),
            Carrier::Message(number) => format!("client message {number}"),
        };
        // At a location where only a denied name counts, any other name is no mention.
        (denied || !mention.hint).then(|| MentionPart {
            text: mention.text.clone(),
            location,
            resolves: resolved(reference.policy(), operations, line, &mention.text),
            patterns: patterns.filter(|text| !text.is_empty()).collect(),
            denied,
            hint: mention.hint,
        })
    });
    MentionsPart { read, found: found.collect() }
}

/// Returns `, which resolves to ...`, or an empty text.
fn stands_for(mention: &MentionPart) -> String {
    let said =
        mention.resolves.iter().map(|part| format!("{} (`{}`)", part.to.join(", "), part.table));
    let said: Vec<String> = said.collect();
    if said.is_empty() {
        String::new()
    } else {
        format!(", which resolves to {}", said.join(" and "))
    }
}

/// Returns the targets of a name in the tables that count for the request.
fn resolved(
    policy: &Policy,
    operations: &[OperationPart],
    line: &RequestLine,
    name: &str,
) -> Vec<ResolvedPart> {
    let folded = name.to_ascii_lowercase();
    let headers: Vec<(&str, &str)> =
        line.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let host =
        crate::http::head::host(&Head { method: &line.method, url: &line.url, headers: &headers });
    let host = String::from_utf8_lossy(&host).into_owned();
    let holds = |table: &&policy::Deployments| {
        let spoken =
            |dialects: &Vec<String>| operations.iter().any(|part| dialects.contains(&part.dialect));
        table.dialects.as_ref().is_none_or(spoken)
            && (table.hosts.is_empty() || table.hosts.contains(&host))
    };
    let mut found = Vec::new();
    for table in policy.deployments.iter().filter(holds) {
        if let Ok(at) = table.entries.binary_search_by(|entry| entry.name.as_str().cmp(&folded))
            && let Some(entry) = table.entries.get(at)
        {
            found.push(ResolvedPart { table: table.name.clone(), to: entry.targets.clone() });
        }
    }
    found
}

fn verdict_part(policy: &Policy, verdict: &Verdict, mentions: &MentionsPart) -> VerdictPart {
    let closed: Vec<String> = mentions
        .found
        .iter()
        .filter(|mention| mention.denied)
        .map(|mention| match mention.patterns.as_slice() {
            [] => format!(
                "`{}` {} is known to no pattern",
                mention.text,
                words::within(&mention.location)
            ),
            patterns => {
                let resolves = stands_for(mention);
                let comma = if resolves.is_empty() { "" } else { "," };
                let location = words::within(&mention.location);
                format!(
                    "`{}` {location}{resolves}{comma} holds {}",
                    mention.text,
                    patterns.join(", ")
                )
            }
        })
        .collect();
    let by = match verdict.restrictions.as_slice() {
        [] => String::new(),
        ids => format!("closed to this caller by {}", ids.join(", ")),
    };
    let why = match verdict.reason {
        Reason::ModelRestricted if !closed.is_empty() => format!("{}, {by}", closed.join("; ")),
        Reason::EverythingRestricted => format!("every model is {by}"),
        reason => reason.message().to_owned(),
    };
    let told = policy
        .restrictions
        .iter()
        .filter(|rule| verdict.restrictions.contains(&rule.id))
        .map(|rule| rule.message.as_str());
    let message = match verdict.kind {
        VerdictKind::Pass | VerdictKind::Defer => String::new(),
        VerdictKind::Deny | VerdictKind::Refuse => {
            let own: Vec<&str> = told.filter(|message| !message.is_empty()).collect();
            if own.is_empty() { verdict.reason.message().to_owned() } else { own.join(" ") }
        }
    };
    VerdictPart {
        verdict: verdict.kind.name(),
        status: verdict.status,
        reason: verdict.reason.code(),
        message,
        families: verdict.families.clone(),
        restrictions: verdict.restrictions.clone(),
        licences: verdict.licences.clone(),
        why,
    }
}

fn restriction_part(
    reference: &Reference<'_>,
    restriction: &Restriction,
    state: RuleState,
    views: &[View<'_>],
) -> RulePart {
    let mut traces = Vec::new();
    for view in views {
        let mut clauses = Vec::new();
        let mut truth = Truth::True;
        if let Some(clause) = &restriction.when {
            truth = reference.truth(&clause.condition, &view.known);
            clauses.push(trace(reference, "when", clause, &view.known, view.aside));
        }
        if let Some(clause) = &restriction.unless {
            truth = truth.and(!reference.truth(&clause.condition, &view.known));
            clauses.push(trace(reference, "unless", clause, &view.known, view.aside));
        }
        let conclusion = match truth {
            _ if clauses.is_empty() => "it applies to everyone",
            Truth::True => "it certainly applies",
            Truth::Unknown if restriction.doubt_pass => {
                "that it applies is not certain, and its `doubt = \"pass\"` asks for certainty, so it does not"
            }
            Truth::Unknown => "a restriction applies unless it certainly does not, so it does",
            Truth::False => "it certainly does not apply",
        };
        add_trace(
            &mut traces,
            &view.label,
            reference.applies(restriction, &view.known),
            conclusion,
            clauses,
        );
    }
    RulePart {
        kind: "restriction",
        id: restriction.id.clone(),
        shadow: state == RuleState::Shadow,
        holds: traces.iter().any(|trace| trace.holds),
        models: models_text(reference.policy(), &restriction.models),
        lifts: Vec::new(),
        authority: authority_text(reference.policy(), restriction.authority, ""),
        message: restriction.message.clone(),
        traces,
    }
}

fn licence_part(
    reference: &Reference<'_>,
    index: usize,
    setting: &Setting<'_>,
    views: &[View<'_>],
) -> RulePart {
    let policy = reference.policy();
    let mut part = RulePart {
        kind: "licence",
        id: String::new(),
        shadow: false,
        holds: false,
        models: Vec::new(),
        lifts: Vec::new(),
        authority: String::new(),
        message: String::new(),
        traces: Vec::new(),
    };
    let Some(licence) = policy.licences.get(index) else { return part };
    for view in views {
        let truth = licence
            .when
            .as_ref()
            .map_or(Truth::True, |clause| reference.truth(&clause.condition, &view.known));
        let clauses: Vec<ClauseTrace> = licence
            .when
            .iter()
            .map(|clause| trace(reference, "when", clause, &view.known, view.aside))
            .collect();
        let conclusion = match truth {
            _ if clauses.is_empty() => "it lifts for everyone",
            Truth::True => "it certainly holds, so it lifts",
            Truth::Unknown => "a licence lifts only if it certainly holds, so it does not",
            Truth::False => "it certainly does not hold",
        };
        add_trace(
            &mut part.traces,
            &view.label,
            reference.lifts(licence, &view.known, setting),
            conclusion,
            clauses,
        );
    }
    part.id = licence.id.clone();
    part.holds = part.traces.iter().any(|trace| trace.holds);
    part.models = licence
        .models
        .as_ref()
        .map_or_else(|| vec!["all that it lifts".to_owned()], |models| models_text(policy, models));
    part.lifts = restriction_ids(policy, &licence.lifts);
    part.authority = authority_text(policy, licence.authority, &licence.reference);
    part
}

/// Adds a candidate's results. Candidates with equal results share one entry.
fn add_trace(
    traces: &mut Vec<TracePart>,
    label: &str,
    holds: bool,
    conclusion: &'static str,
    clauses: Vec<ClauseTrace>,
) {
    let same = traces.iter_mut().find(|trace| {
        trace.conclusion == conclusion && trace.holds == holds && trace.clauses == clauses
    });
    match same {
        Some(trace) => trace.callers.push(label.to_owned()),
        None => {
            traces.push(TracePart { callers: vec![label.to_owned()], holds, conclusion, clauses })
        }
    }
}

fn models_text(policy: &Policy, models: &Models) -> Vec<String> {
    let text = |item: &policy::ModelRef| match item {
        policy::ModelRef::Everything => "every model".to_owned(),
        policy::ModelRef::Family(index) => {
            policy.families.get(*index).map_or(String::new(), |family| family.id.clone())
        }
        policy::ModelRef::Pattern(pattern) => pattern.text.clone(),
    };
    models.items.iter().map(text).collect()
}

fn authority_text(policy: &Policy, authority: Option<usize>, reference: &str) -> String {
    let Some(authority) = authority.and_then(|index| policy.authorities.get(index)) else {
        return reference.to_owned();
    };
    let mut text = authority.title.clone();
    for more in [reference, authority.url.as_str()] {
        if !more.is_empty() {
            text.push_str(", ");
            text.push_str(more);
        }
    }
    text
}

fn dormant(
    kind: &'static str,
    id: &str,
    state: RuleState,
    from: Option<i64>,
    until: Option<i64>,
    now: i64,
) -> DormantPart {
    let why = match (state, from, until) {
        (_, Some(from), _) if now < from => format!("begins at {}", words::instant(from)),
        (_, _, Some(until)) if now >= until => format!("ended at {}", words::instant(until)),
        (state, ..) => format!("is {}", state_text(state)),
    };
    DormantPart { kind, id: id.to_owned(), why }
}

fn state_text(state: RuleState) -> &'static str {
    match state {
        RuleState::On => "on",
        RuleState::Off => "off",
        RuleState::Shadow => "to shadow",
    }
}

fn model_state(state: crate::denied::SwitchState) -> RuleState {
    match state {
        crate::denied::SwitchState::On => RuleState::On,
        crate::denied::SwitchState::Off => RuleState::Off,
        crate::denied::SwitchState::Shadow => RuleState::Shadow,
    }
}
