//! The edge module: a minimal binding between a worker and the evaluator.
//!
//! Numbers cross the boundary, and few texts, as late as possible. A request whose body is at hand
//! takes the short way, see [`memory`]. Any other takes the long way, which remembers nothing:
//!
//! ```text
//! also(account)* access(account, line, now)
//!   -> without READ: pass
//!   -> READ: read(headers) -> Reader -> feed(chunk)* -> finish() -> verdict(), refusal()
//! for each client message on a WebSocket:
//! also(account)* access(account, line, now)
//!   -> READ: message(Reader) -> feed(chunk)* -> finish() -> verdict(), socket()
//! ```

mod memory;

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use wasm_bindgen::prelude::*;

use crate::bundle::view::OwnedBundle;
use crate::compact::json;
use crate::compact::split::{cut, pieces};
use crate::denied::SwitchState;
use crate::facts::address::read_ip;
use crate::facts::network::Network;
use crate::facts::place::read_place;
use crate::facts::value::Value;
use crate::gate;
use crate::gate::{Begun, Caller};
use crate::http::head::Head;
use crate::http::method::all_methods;
use crate::origin::sign;
use crate::reason::Reason;
use crate::refusal::{Refusal, Socket};
use crate::response::{Response, ResponseStage};
use crate::verdict::Verdict;
use crate::verdict::egress::ResponseCheck;
use portcullis_scan::bytes::find;

#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

/// A panic is a trap. Its message would take more bytes than it is worth, and the package replaces
/// a trapped instance.
#[cfg(not(feature = "author"))]
#[panic_handler]
fn trap(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// Bits that `Edge.access` returns. The package has the same numbers in `wasm/wire.ts`; a test
/// compares them.
mod bits {
    /// Some model is denied to the caller. `read` must follow.
    pub(crate) const READ: u32 = 1;
    /// The path is guarded.
    pub(crate) const GUARDED: u32 = 4;
    /// A licence lifts something for the caller.
    pub(crate) const LICENSED: u32 = 16;
    /// A fact of the line is not valid, so nothing was decided.
    pub(crate) const INVALID: u32 = 32;
    /// No guarded dialect has the operation, so nothing was decided.
    pub(crate) const NO_OPERATION: u32 = 64;
}

/// Does nothing. The generated glue calls it in every instance that replaces a trapped one, and
/// fails if it does not exist.
#[wasm_bindgen(start)]
fn start() {}

/// An account's facts, classified once for the bundle that they will be used with.
#[wasm_bindgen]
pub struct Account(Rc<crate::facts::account::Account>);

/// A loaded bundle.
#[wasm_bindgen]
pub struct Edge {
    gate: Rc<core::cell::RefCell<gate::Gate>>,
    caller: Caller,
    /// Further candidate accounts for the next `access`.
    others: Vec<Rc<crate::facts::account::Account>>,
    unread: Option<(gate::UnreadRequest, String, String)>,
    passed: Option<gate::PassedRequest>,
    /// The time of the last `access`.
    now: i64,
    memory: memory::Memory,
}

/// A request that is being read.
#[wasm_bindgen]
pub struct Reader {
    gate: Rc<core::cell::RefCell<gate::Gate>>,
    inspection: gate::Inspection,
    verdict: Option<Verdict>,
    response: Option<Response>,
}

#[wasm_bindgen]
impl Edge {
    /// Loads a bundle. `list_key` is the deployment's secret for lists whose names must not be
    /// guessable. Returns `None` if the bundle cannot be used; [`fault`] tells why.
    pub fn load(bundle: Vec<u8>, list_key: Option<Vec<u8>>) -> Option<Edge> {
        Some(Self {
            gate: Rc::new(open(bundle, list_key).ok()?.into()),
            caller: Caller::default(),
            others: Vec::new(),
            unread: None,
            passed: None,
            now: 0,
            memory: memory::Memory::default(),
        })
    }

    /// Returns the bundle's description as JSON: `{digest, id, title, version, expires, dialects,
    /// facts, secretLists, needs}`.
    pub fn info(&self) -> String {
        held(&self.gate).bundle().to_json()
    }

    /// Classifies the facts of an account. `values` are fields, each as its length in bytes, a
    /// colon and the bytes: the account's subject, then the value of each declared fact.
    ///
    /// A field is empty if there is no such value. Otherwise its first character says which kind of
    /// value follows it: see [`value`].
    pub fn account(&self, values: &str) -> Account {
        let mut fields = fields(values).into_iter();
        let shared =
            !matches!(fields.next(), None | Some("" | "\"person" | "\"all_users_attested"));
        let mut lists = Vec::new();
        for field in fields.clone() {
            lists.push(field.strip_prefix('[').map(self::fields));
        }
        let mut values = Vec::new();
        for (field, list) in fields.zip(&lists) {
            values.push(value(field, list.as_deref()));
        }
        Account(held(&self.gate).classify(shared, &values))
    }

    /// Adds a candidate account to the one of the next `access`.
    pub fn also(&mut self, account: &Account) {
        self.others.push(Rc::clone(&account.0));
    }

    /// First step: finds the route and computes the denied set.
    ///
    /// `line` holds these fields, separated by line feeds: method, URL, autonomous system number,
    /// IP address, network kinds separated by commas, `stale` or nothing, then each candidate place
    /// as country, blank, region. An empty field ends them. Header lines `name: value` may follow.
    /// They are needed only if some rule depends on the operation, since a header may ask for
    /// another method. `now` is in milliseconds since the Unix epoch.
    ///
    /// With an empty method the caller only asks what may be used. Then the id of an operation
    /// stands in place of the URL; the empty id is any operation.
    ///
    /// Returns the sum of [`bits`]. With `INVALID` or `NO_OPERATION` nothing was decided. Without
    /// them and `READ` the request passes.
    pub fn access(&mut self, account: &Account, line: &str, now: f64) -> u32 {
        self.caller.accounts.clear();
        self.caller.accounts.push(Rc::clone(&account.0));
        self.caller.accounts.append(&mut self.others);
        let mut fields = pieces(line, b'\n');
        let mut field = || fields.next().unwrap_or_default();
        let (method, url) = (field(), field());
        let (asn, ip, kinds) = (field(), field(), field());
        self.caller.asn = asn.parse().ok();
        self.caller.ip = read_ip(ip);
        self.caller.network = Network::default();
        let mut invalid = self.caller.asn.is_none() && !asn.is_empty()
            || self.caller.ip.is_none() && !ip.is_empty();
        for kind in pieces(kinds, b',') {
            match Network::of(kind) {
                Some(kind) => self.caller.network = self.caller.network.with(kind),
                None => invalid |= !kinds.is_empty(),
            }
        }
        self.caller.stale = !field().is_empty();
        self.caller.places.clear();
        for place in fields.by_ref() {
            if place.is_empty() {
                break;
            }
            let (country, region) = cut(place, b' ').unwrap_or((place, ""));
            let seen = read_place(country, region);
            self.caller.network = self.caller.network.with(seen.network);
            self.caller.places.extend_from_slice(seen.places());
        }
        // A clock beyond these bounds is broken. The conversion saturates, so the bundle counts as
        // stale or the rule as not yet in force.
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        let now = now as i64;
        self.now = now;
        self.passed = None;
        self.unread = None;
        if invalid {
            return bits::INVALID;
        }
        let mut gate = held(&self.gate);
        let mut headers = Vec::new();
        fields.for_each(|line| headers.extend(header_line(line)));
        let asked;
        let methods = if headers.is_empty() {
            method
        } else {
            asked = all_methods(method, &headers);
            &asked
        };
        let approach = if method.is_empty() {
            match gate.begin_operation(url, &self.caller, now) {
                Some(approach) => approach,
                None => return bits::NO_OPERATION,
            }
        } else {
            gate.begin(methods, url, &self.caller, now)
        };
        let mut found = 0;
        if gate.is_licensed() {
            found |= bits::LICENSED;
        }
        match approach {
            Begun::Pass(passed) if passed.is_guarded() => {
                self.passed = Some(passed);
                found | bits::GUARDED
            }
            Begun::Pass(passed) => {
                self.passed = Some(passed);
                0
            }
            Begun::Inspect(unread) => {
                self.unread = Some((unread, String::from(method), String::from(url)));
                found | bits::GUARDED | bits::READ
            }
        }
    }

    /// Returns the verdict on a request that `access` let pass, as JSON. If `access` did not return
    /// `LICENSED`, it depends on `GUARDED` alone.
    pub fn verdict(&self) -> String {
        let passed =
            self.passed.as_ref().map(|passed| held(&self.gate).passed(passed, &self.caller));
        passed.as_ref().map(Verdict::to_json).unwrap_or_default()
    }

    /// Returns the families that the caller of the last `access` may not use, as JSON: `[{id,
    /// title, message, appeal, restrictions, patterns}]`.
    #[wasm_bindgen(js_name = deniedFamilies)]
    pub fn denied_families(&self) -> String {
        let mut gate = held(&self.gate);
        self.unread
            .as_ref()
            .map_or_else(|| String::from("[]"), |(unread, ..)| gate.families(unread))
    }

    /// Returns the texts of all patterns by their numbers, as a JSON array. Number 0 is `*`.
    #[wasm_bindgen(js_name = patternTexts)]
    pub fn pattern_texts(&self) -> String {
        held(&self.gate).pattern_texts()
    }

    /// Returns what becomes of ids in which no pattern occurs: `pass`, `defer` or `deny`.
    pub fn unlisted(&self) -> String {
        held(&self.gate).unlisted().into()
    }

    /// Returns the first instant at which the answer of the last `access` may change, in
    /// milliseconds since the Unix epoch; infinity: none.
    #[expect(clippy::cast_precision_loss, reason = "instants are below 2^53 or never come")]
    pub fn until(&self) -> f64 {
        match held(&self.gate).until(&self.caller, self.now) {
            i64::MAX => f64::INFINITY,
            until => until as f64,
        }
    }

    /// Second step, after `access` returned `READ`: reads path, query and headers. `headers` are
    /// lines `name: value`. A call in another order traps.
    pub fn read(&mut self, headers: &str) -> Reader {
        let Some((unread, method, url)) = self.unread.take() else {
            core::arch::wasm32::unreachable()
        };
        let lines = header_lines(headers);
        let inspection =
            held(&self.gate).inspect(unread, &Head { method: &method, url: &url, headers: &lines });
        Reader { gate: Rc::clone(&self.gate), inspection, verdict: None, response: None }
    }

    /// Second step for a client message on the WebSocket that the request of `reader` opened, after
    /// `access` returned `READ`. `missed`: messages before it passed unread. `bytes` is its first
    /// piece, `last` its only one. Returns what [`Reader::piece`] returns.
    pub fn message(
        &mut self,
        reader: &mut Reader,
        binary: bool,
        missed: bool,
        bytes: &[u8],
        last: bool,
    ) -> u32 {
        if let Some((unread, ..)) = self.unread.take() {
            held(&self.gate).message(&mut reader.inspection, unread, binary);
            if missed {
                reader.inspection.stop(Reason::SessionUnread);
            }
        }
        reader.piece(bytes, last)
    }

    /// Switches a rule to a state: `on`, `off` or `shadow`. Returns `false` if there is no such
    /// rule or state, or if a licence would be in shadow.
    pub fn switch(&mut self, rule: &str, state: &str) -> bool {
        SwitchState::of(state).is_some_and(|state| held(&self.gate).switch(rule, state))
    }
}

#[wasm_bindgen]
impl Reader {
    /// Returns whether the body must be read. If not, `finish` may follow at once.
    #[wasm_bindgen(js_name = wantsBody)]
    pub fn wants_body(&self) -> bool {
        self.inspection.wants_body()
    }

    /// Returns the codings of the body, separated by commas; empty if there are none. `feed` takes
    /// the decoded body.
    pub fn codings(&self) -> String {
        self.inspection.codings().into()
    }

    /// Returns whether the coded body must be forwarded unchanged.
    pub fn signed(&self) -> bool {
        self.inspection.is_signed()
    }

    /// Returns `dialect operation` of the request for a log, as in `openai createChatCompletion`;
    /// empty if no dialect knows it.
    pub fn operation(&self) -> String {
        self.inspection.operation(held(&self.gate).bundle())
    }

    /// Declares the result of decoding. 0: the body is decoded before it is fed. Otherwise decoding
    /// failed, for the reason with the number from the decoding module.
    pub fn decoded(&mut self, trouble: usize) {
        match trouble.checked_sub(1) {
            None => self.inspection.decoded(),
            Some(at) => self
                .inspection
                .unreadable(Reason::CODING.get(at).copied().unwrap_or(Reason::ContentCoding)),
        }
    }

    /// Reads a piece of the body. Returns `true` once the verdict is settled, so that later bytes
    /// cannot change it.
    pub fn feed(&mut self, bytes: &[u8]) -> bool {
        held(&self.gate).feed(&mut self.inspection, bytes)
    }

    /// Returns the ids of the families that the caller may not use, each in quotes, separated by
    /// blanks. `*` is the id for models of no family.
    #[wasm_bindgen(js_name = deniedIds)]
    pub fn denied_ids(&self) -> String {
        held(&self.gate).denied_ids(self.inspection.denied_set())
    }

    /// Makes the verdict, after everything was read or the verdict is settled. Returns its kind in
    /// two bits, and above them how the origin's response must be checked: 0 not; 1 filter it as a
    /// list; 2 it may not name a denied model; 3 it must name a model that may be used; 4 the
    /// origin must acknowledge the access header.
    pub fn finish(&mut self) -> u32 {
        let verdict = held(&self.gate).finish(&mut self.inspection);
        let decision = verdict.kind as u32 | (verdict.check as u32) << 2;
        self.verdict = Some(verdict);
        decision
    }

    /// Reads a further piece of a client message. Returns what `finish` returns, or the largest
    /// number while the verdict is open.
    pub fn piece(&mut self, bytes: &[u8], last: bool) -> u32 {
        if self.feed(bytes) || last { self.finish() } else { u32::MAX }
    }

    /// Returns the verdict as JSON: `{verdict, status, mentions, families, restrictions, licences,
    /// reason}`.
    pub fn verdict(&self) -> String {
        self.verdict.as_ref().map(Verdict::to_json).unwrap_or_default()
    }

    /// Returns the response to a denied or refused request, as JSON: `{status, headers: [[name,
    /// value]], body}`.
    pub fn refusal(&self, case_id: &str) -> String {
        self.verdict
            .as_ref()
            .map(|verdict| Refusal::new(verdict, case_id).to_json())
            .unwrap_or_default()
    }

    /// Reads a piece of a WebSocket message from the origin. After the last piece, 1: it may go to
    /// the client, after those held before it. 0: it must be held. 2: it ends the session, and the
    /// verdict is available.
    #[wasm_bindgen(js_name = feedOrigin)]
    pub fn feed_origin(&mut self, bytes: &[u8], last: bool) -> u32 {
        held(&self.gate).feed_origin(&mut self.inspection, bytes);
        if !last {
            return 0;
        }
        let may = held(&self.gate).may_release(&mut self.inspection);
        if may.is_none() {
            self.finish();
        }
        may.map_or(2, u32::from)
    }

    /// Ends the session because the origin does not say which model runs and no more can be held.
    /// Makes the verdict.
    #[wasm_bindgen(js_name = giveUp)]
    pub fn give_up(&mut self) {
        self.inspection.stop(Reason::AnswerUnnamed);
        self.finish();
    }

    /// Returns the refusal on a WebSocket, as JSON: `{event, code, reason}`. An empty event is not
    /// sent.
    pub fn socket(&self, case_id: &str) -> String {
        let Some(verdict) = &self.verdict else { return String::new() };
        let refusal = Socket::new(verdict, case_id);
        let mut to = String::from("{");
        json::member(&mut to, "event");
        json::string(&mut to, &refusal.event);
        json::member(&mut to, "code");
        json::number(&mut to, u64::from(refusal.code));
        json::member(&mut to, "reason");
        json::string(&mut to, &refusal.reason);
        to.push('}');
        to
    }
}

#[wasm_bindgen]
impl Reader {
    /// Begins to read the origin's response. `headers` as in `read`. `unread`: the response is
    /// forwarded unread, and only its format is needed.
    #[wasm_bindgen(js_name = beginResponse)]
    pub fn begin_response(&mut self, status: u16, headers: &str, unread: bool) {
        let check = match &self.verdict {
            Some(verdict) if !unread => verdict.check,
            _ => ResponseCheck::Nothing,
        };
        let lines = header_lines(headers);
        self.response = Some(held(&self.gate).response(&self.inspection, check, status, &lines));
    }

    /// Reads a piece of the response. Returns how many of the held bytes may go, times two, and one
    /// more if nothing after them may.
    #[wasm_bindgen(js_name = feedResponse)]
    pub fn feed_response(&mut self, bytes: &[u8]) -> usize {
        let gate = held(&self.gate);
        let free = self.response.as_mut().map_or(0, |response| response.feed(gate.bundle(), bytes));
        drop(gate);
        free * 2 + usize::from(self.cut().is_some())
    }

    /// Ends the response. Returns what `feed_response` returns.
    #[wasm_bindgen(js_name = endResponse)]
    pub fn end_response(&mut self) -> usize {
        let gate = held(&self.gate);
        let free = self.response.as_mut().map_or(0, |response| response.finish(gate.bundle()));
        drop(gate);
        free * 2 + usize::from(self.cut().is_some())
    }

    /// Takes the bytes of a filtered list that may go.
    pub fn rows(&mut self) -> Vec<u8> {
        self.response.as_mut().map(Response::take).unwrap_or_default()
    }

    /// Returns the cursor for the next page of a list that has no entry left.
    pub fn cursor(&self, forward: bool) -> String {
        let (first, last) = self.response.as_ref().and_then(Response::cursors).unwrap_or_default();
        core::str::from_utf8(if forward { last } else { first }).unwrap_or_default().into()
    }

    /// Turns the verdict into a denial or refusal. 0: for the reason that the response's reader
    /// found. 1: no response would show which model ran. 2: it has lasted too long. 3: too many
    /// bytes are held.
    pub fn withhold(&mut self, why: u32) {
        let Some(verdict) = &self.verdict else { return };
        let reason = match why {
            0 => self.cut().unwrap_or(Reason::AnswerUnreadable),
            1 => verdict.reason,
            2 => Reason::AnswerTooLong,
            _ => Reason::Exhausted,
        };
        let verdict =
            held(&self.gate).withheld(&self.inspection, verdict, reason, self.response.as_ref());
        self.verdict = Some(verdict);
    }

    /// Returns the refusal in the format of a response that has already begun; empty if this format
    /// has none.
    #[wasm_bindgen(js_name = lastWords)]
    pub fn last_words(&self, case_id: &str) -> Vec<u8> {
        let (Some(response), Some(verdict)) = (&self.response, &self.verdict) else {
            return Vec::new();
        };
        response.last_words(&Refusal::new(verdict, case_id))
    }
}

impl Reader {
    fn cut(&self) -> Option<Reason> {
        match self.response.as_ref()?.stage() {
            ResponseStage::Cut(reason) => Some(reason),
            _ => None,
        }
    }
}

/// Returns the code of what keeps a bundle from being loaded, or an empty text.
#[wasm_bindgen]
pub fn fault(bundle: Vec<u8>, list_key: Option<Vec<u8>>) -> String {
    open(bundle, list_key).err().unwrap_or_default().into()
}

fn open(bundle: Vec<u8>, list_key: Option<Vec<u8>>) -> Result<gate::Gate, &'static str> {
    let bundle = OwnedBundle::new(bundle).map_err(|fault| fault.code())?;
    gate::Gate::new(bundle, list_key.as_deref()).map_err(|fault| fault.code())
}

/// Returns whether a request with this method and this `Upgrade` header asks for a WebSocket. Any
/// other request is an ordinary one and is forwarded without the header.
#[wasm_bindgen(js_name = isUpgrade)]
pub fn is_upgrade(method: &str, upgrade: &str) -> bool {
    crate::request::reader::is_upgrade(&Head { method, url: "", headers: &[("upgrade", upgrade)] })
}

/// Splits lines `name: value`.
fn header_lines(text: &str) -> Vec<(&str, &str)> {
    let mut lines = Vec::new();
    pieces(text, b'\n').for_each(|line| lines.extend(header_line(line)));
    lines
}

fn header_line(line: &str) -> Option<(&str, &str)> {
    // A name has at least one character, and HTTP/2 pseudo-header names begin with a colon.
    let end = find(b':', line.as_bytes().get(1..).unwrap_or_default())?;
    let (name, value) = (line.get(..=end)?, line.get(end + 2..)?);
    Some((name, value.strip_prefix(' ').unwrap_or(value)))
}

/// Borrows the gate. No call comes back into the module, so the borrow succeeds.
/// `RefCell::borrow_mut` would add the bytes of its panic message.
fn held(gate: &core::cell::RefCell<gate::Gate>) -> core::cell::RefMut<'_, gate::Gate> {
    match gate.try_borrow_mut() {
        Ok(gate) => gate,
        Err(_) => core::arch::wasm32::unreachable(),
    }
}

/// Returns the digest of a text as the access header holds it.
#[wasm_bindgen]
pub fn digest(text: &str) -> String {
    sign::digest(text.as_bytes())
}

/// Returns the HMAC-SHA256 of a text under a key, in Base64.
#[wasm_bindgen]
pub fn mac(key: &[u8], text: &str) -> String {
    sign::mac(key, text.as_bytes())
}

/// Splits a text into its fields, up to the first that is not whole.
fn fields(mut text: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    while let Some((length, after)) = cut(text, b':')
        && let Some((field, rest)) = after
            .split_at_checked(length.parse::<u32>().map_or(usize::MAX, |length| length as usize))
    {
        fields.push(field);
        text = rest;
    }
    fields
}

/// Reads the value in a field: `t`, `f`, a number as `#` and the two halves of its bits, a text
/// behind `"`, a `list` as fields behind `[`. Anything else has no type that facts have.
fn value<'a>(field: &'a str, list: Option<&'a [&'a str]>) -> Option<Value<'a>> {
    let (kind, rest) = field.split_at_checked(1)?;
    Some(match kind {
        "t" => Value::Bool(true),
        "f" => Value::Bool(false),
        "#" => {
            let (high, low) = cut(rest, b' ')?;
            let (high, low): (u32, u32) = (high.parse().ok()?, low.parse().ok()?);
            Value::Number(f64::from_bits(u64::from(high) << 32 | u64::from(low)))
        }
        "\"" => Value::Text(rest),
        _ => Value::List(list?),
    })
}
