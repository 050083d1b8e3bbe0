//! The edge module: the smallest bridge between a worker and the evaluator.
//!
//! A decision takes one call where the caller has no denied set. Texts cross the boundary as few and as late as possible: method, address and
//! facts as one line, the headers only of a request that must be read, words only for a refusal.
//!
//! ```text
//! begin() candidate(account)* access(line, headers, now) -> 0: pass
//!                                                       -> READ: read(headers) -> Reader -> feed(chunk)* -> finish() -> verdict(), refusal()
//! on a WebSocket, for each client message:
//! begin() candidate(account)* access(line, headers, now) -> READ: message(Reader) -> feed(chunk)* -> finish() -> verdict(), socket()
//! ```

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use js_sys::{Array, Object, Reflect};
use wasm_bindgen::prelude::*;

use crate::bundle::view::OwnedBundle;
use crate::compact::json;
use crate::compact::split::{cut, pieces};
use crate::denied::SwitchState;
use crate::facts::address::read_ip;
use crate::facts::network::Network;
use crate::facts::place::read_place;
use crate::facts::value::OwnedValue;
use crate::gate;
use crate::gate::{Begun, Caller};
use crate::http::head::Head;
use crate::http::method::all_methods;
use crate::mention::bytes::find;
use crate::origin::sign;
use crate::reason::Reason;
use crate::refusal::{Refusal, Socket};
use crate::response::{Response, ResponseStage};
use crate::verdict::Verdict;
use crate::verdict::egress::ResponseCheck;

#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

/// A panic is a trap: the words would weigh more than what they are about, and the package replaces an instance that trapped.
#[cfg(not(feature = "author"))]
#[panic_handler]
fn trap(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// Bits that `Edge.access` returns. The package has the same numbers in `wasm/wire.ts`; a test compares the two.
mod bits {
    /// Some model is closed to the caller: go on with `read`.
    pub(crate) const READ: u32 = 1;
    /// Under a guarded path.
    pub(crate) const GUARDED: u32 = 4;
    /// A licence lifts something for the caller.
    pub(crate) const LICENSED: u32 = 16;
    /// A fact of the line is none: nothing was decided.
    pub(crate) const INVALID: u32 = 32;
}

fn error(code: &str, message: &str) -> JsValue {
    let error = js_sys::Error::new(message);
    // Setting a property of an object just made cannot fail.
    let _ = Reflect::set(&error, &"code".into(), &code.into());
    error.into()
}

/// Nothing to start; but the glue calls it in every instance that replaces one that trapped, and fails if it is not there.
#[wasm_bindgen(start)]
fn start() {}

/// An account's facts, classified once for the bundle they will be used with.
#[wasm_bindgen]
pub struct Account(Rc<crate::facts::account::Account>);

/// A loaded bundle.
#[wasm_bindgen]
pub struct Edge {
    gate: Rc<core::cell::RefCell<gate::Gate>>,
    caller: Caller,
    unread: Option<(gate::UnreadRequest, String, String)>,
    passed: Option<gate::PassedRequest>,
}

/// A request that is being read.
#[wasm_bindgen]
pub struct Reader {
    gate: Rc<core::cell::RefCell<gate::Gate>>,
    pending: gate::Inspection,
    verdict: Option<Verdict>,
    answer: Option<Response>,
}

#[wasm_bindgen]
impl Edge {
    /// Loads a bundle. `list_key` is the deployment's secret for lists whose names must not be guessable.
    #[wasm_bindgen(constructor)]
    pub fn new(bundle: Vec<u8>, list_key: Option<Vec<u8>>) -> Result<Edge, JsValue> {
        let bundle = OwnedBundle::new(bundle)
            .map_err(|fault| error(fault.code(), "the bundle cannot be used"))?;
        let gate = gate::Gate::new(bundle, list_key.as_deref()).map_err(|fault| {
            error(fault.code(), "the list key is not the one that the bundle was compiled with")
        })?;
        let caller = Caller::default();
        Ok(Self { gate: Rc::new(gate.into()), caller, unread: None, passed: None })
    }

    /// What the bundle says of itself, as JSON: `{id, title, version, expires, digest, dialects, facts, secretLists}`.
    pub fn info(&self) -> String {
        held(&self.gate).bundle().to_json()
    }

    /// The facts of an account record, an object: each declared fact is taken from where its claim points.
    pub fn account(&self, record: &JsValue) -> Account {
        self.classify(record, |_, claim| at(record, claim))
    }

    /// The facts of an account given by name, an object `{fact: value}`.
    #[wasm_bindgen(js_name = accountByName)]
    pub fn account_by_name(&self, facts: &JsValue) -> Account {
        self.classify(facts, |name, _| member(facts, name))
    }

    /// Starts over with no candidate callers.
    pub fn begin(&mut self) {
        self.caller.accounts.clear();
    }

    /// Adds a candidate caller.
    pub fn candidate(&mut self, account: &Account) {
        self.caller.accounts.push(Rc::clone(&account.0));
    }

    /// The first step. `line` holds, one a line: method, URL, number of the autonomous system, address, network kinds with commas between,
    /// `stale` or nothing, then each candidate place as country, blank, region. `headers` are lines `name: value`, needed only if some rule
    /// depends on the operation: a header may ask for another method. `now` is in milliseconds since the epoch.
    ///
    /// Returns the sum of [`bits`]. Without `READ` the request passes; but with `INVALID` nothing was decided.
    pub fn access(&mut self, line: &str, headers: &str, now: f64) -> u32 {
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
        for place in fields {
            let (country, region) = cut(place, b' ').unwrap_or((place, ""));
            let seen = read_place(country, region);
            self.caller.network = self.caller.network.with(seen.network);
            self.caller.places.extend_from_slice(seen.places());
        }
        // A clock beyond these bounds is broken; the conversion saturates, and so counts the bundle as stale or the rule as not begun.
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        let now = now as i64;
        self.passed = None;
        self.unread = None;
        if invalid {
            return bits::INVALID;
        }
        let mut gate = held(&self.gate);
        let asked;
        let methods = if headers.is_empty() {
            method
        } else {
            asked = all_methods(method, &header_lines(headers));
            &asked
        };
        let approach = gate.begin(methods, url, &self.caller, now);
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

    /// The verdict on a request that `access` let pass, as JSON. Without `LICENSED` in the result of `access` it is always the same.
    pub fn verdict(&self) -> String {
        let passed =
            self.passed.as_ref().map(|passed| held(&self.gate).passed(passed, &self.caller));
        passed.as_ref().map(Verdict::to_json).unwrap_or_default()
    }

    /// The families that the caller of the last `access` may not use, as JSON: `[{id, title, message, restrictions}]`.
    #[wasm_bindgen(js_name = deniedFamilies)]
    pub fn denied_families(&self) -> String {
        let mut gate = held(&self.gate);
        self.unread
            .as_ref()
            .map_or_else(|| String::from("[]"), |(unread, ..)| gate.families(unread))
    }

    /// The second step, after `access` returned `READ`: reads path, query and headers, given as lines `name: value`.
    pub fn read(&mut self, headers: &str) -> Result<Reader, JsValue> {
        let (unread, method, url) = self
            .unread
            .take()
            .ok_or_else(|| error("usage", "`read` follows an `access` that returned READ, once"))?;
        let lines = header_lines(headers);
        let pending =
            held(&self.gate).inspect(unread, &Head { method: &method, url: &url, headers: &lines });
        Ok(Reader { gate: Rc::clone(&self.gate), pending, verdict: None, answer: None })
    }

    /// The second step of a client message on the WebSocket that the request of `reader` opened, after `access` returned `READ`. `missed`: messages
    /// before it went unread.
    pub fn message(&mut self, reader: &mut Reader, binary: bool, missed: bool) {
        if let Some((unread, ..)) = self.unread.take() {
            held(&self.gate).message(&mut reader.pending, unread, binary);
            if missed {
                reader.pending.stop(Reason::SessionUnread);
            }
        }
    }

    /// Puts a rule into a state, `on`, `off` or `shadow`; `false` if there is no such rule or state.
    pub fn switch(&mut self, rule: &str, state: &str) -> bool {
        SwitchState::of(state).is_some_and(|state| held(&self.gate).switch(rule, state))
    }
}

impl Edge {
    fn classify(&self, record: &JsValue, find: impl Fn(&str, &str) -> JsValue) -> Account {
        let shared = match member(record, "subject").as_string().as_deref() {
            None => !member(record, "subject").is_undefined(),
            Some("person" | "all_users_attested") => false,
            Some(_) => true,
        };
        Account(held(&self.gate).account(shared, |name, claim| owned(&find(name, claim))))
    }
}

#[wasm_bindgen]
impl Reader {
    /// Whether the body must be read; without one, `finish` at once.
    #[wasm_bindgen(js_name = wantsBody)]
    pub fn wants_body(&self) -> bool {
        self.pending.wants_body()
    }

    /// The codings that lie over the body, with commas between; empty if there are none. What is fed must be what they leave.
    pub fn codings(&self) -> String {
        self.pending.codings().into()
    }

    /// Whether the body must go on as it came, coded.
    pub fn signed(&self) -> bool {
        self.pending.is_signed()
    }

    /// What it asks for, for a log: dialect, blank and operation; empty where no dialect knows it.
    pub fn operation(&self) -> String {
        self.pending.operation(held(&self.gate).bundle())
    }

    /// 0: the codings of the body are undone before it is fed. Else: that failed, for the reason that the decoding module gave.
    pub fn decoded(&mut self, trouble: usize) {
        match trouble.checked_sub(1) {
            None => self.pending.decoded(),
            Some(at) => self
                .pending
                .unreadable(Reason::CODING.get(at).copied().unwrap_or(Reason::ContentCoding)),
        }
    }

    /// Reads a piece of the body. `true`: settled, what follows cannot change the verdict.
    pub fn feed(&mut self, bytes: &[u8]) -> bool {
        held(&self.gate).feed(&mut self.pending, bytes)
    }

    /// Ids of the families that the caller may not use, each in quotes, separated by spaces; `*`: models of no family.
    #[wasm_bindgen(js_name = deniedIds)]
    pub fn denied_ids(&self) -> String {
        held(&self.gate).denied(self.pending.denied_set())
    }

    /// Ends the request: all of it was read, or it is settled.
    pub fn finish(&mut self) {
        self.verdict = Some(held(&self.gate).finish(&mut self.pending));
    }

    /// The verdict as JSON: `{verdict, status, mentions, families, restrictions, licences, reason}`.
    pub fn verdict(&self) -> String {
        self.verdict.as_ref().map(Verdict::to_json).unwrap_or_default()
    }

    /// The answer to a request that is denied or refused, as JSON: `{status, headers: [[name, value]], body}`.
    pub fn refusal(&self, case_id: &str) -> String {
        self.verdict
            .as_ref()
            .map(|verdict| Refusal::new(verdict, case_id).to_json())
            .unwrap_or_default()
    }

    /// Reads a piece of a WebSocket message from the origin.
    #[wasm_bindgen(js_name = feedOrigin)]
    pub fn feed_origin(&mut self, bytes: &[u8]) {
        held(&self.gate).feed_origin(&mut self.pending, bytes);
    }

    /// The message from the origin has ended. 1: it may go to the client, after those held before it; 0: it must be held; 2: it ends the session,
    /// and the verdict is available.
    #[wasm_bindgen(js_name = mayRelease)]
    pub fn may_release(&mut self) -> u32 {
        let may = held(&self.gate).may_release(&mut self.pending);
        if may.is_none() {
            self.finish();
        }
        may.map_or(2, u32::from)
    }

    /// The origin does not say which model runs, and no more can be held. Makes the verdict.
    #[wasm_bindgen(js_name = giveUp)]
    pub fn give_up(&mut self) {
        self.pending.stop(Reason::AnswerUnnamed);
        self.finish();
    }

    /// The same for a WebSocket, as JSON: `{event, code, reason}`; an empty event is not sent.
    pub fn socket(&self, case_id: &str) -> String {
        let Some(verdict) = &self.verdict else { return String::new() };
        let told = Socket::new(verdict, case_id);
        let mut to = String::from("{");
        json::member(&mut to, "event");
        json::string(&mut to, &told.event);
        json::member(&mut to, "code");
        json::number(&mut to, u64::from(told.code));
        json::member(&mut to, "reason");
        json::string(&mut to, &told.reason);
        to.push('}');
        to
    }
}

#[wasm_bindgen]
impl Reader {
    /// What the origin's answer must be held against: 0 nothing, 1 a list that is filtered, 2 it may name nothing that is denied, 3 it must
    /// name what may be used, 4 only an acknowledgement would tell.
    pub fn check(&self) -> u32 {
        self.verdict.as_ref().map_or(0, |verdict| verdict.check as u32)
    }

    /// Begins to read the origin's answer; `headers` as in `read`. `unread`: it goes as it is, and only its form is wanted.
    #[wasm_bindgen(js_name = beginResponse)]
    pub fn begin_response(&mut self, status: u16, headers: &str, unread: bool) {
        let check = match &self.verdict {
            Some(verdict) if !unread => verdict.check,
            _ => ResponseCheck::Nothing,
        };
        let lines = header_lines(headers);
        self.answer = Some(held(&self.gate).answer(&self.pending, check, status, &lines));
    }

    /// Reads a piece of the answer; gives how many of the bytes that were read may go.
    #[wasm_bindgen(js_name = feedResponse)]
    pub fn feed_response(&mut self, bytes: &[u8]) -> usize {
        let gate = held(&self.gate);
        self.answer.as_mut().map_or(0, |answer| answer.feed(gate.bundle(), bytes))
    }

    /// The answer has ended; gives the same.
    #[wasm_bindgen(js_name = endResponse)]
    pub fn end_response(&mut self) -> usize {
        let gate = held(&self.gate);
        self.answer.as_mut().map_or(0, |answer| answer.finish(gate.bundle()))
    }

    /// Nothing more of the answer may go.
    #[wasm_bindgen(js_name = isCut)]
    pub fn is_cut(&self) -> bool {
        self.cut().is_some()
    }

    /// What may go of a list.
    pub fn rows(&mut self) -> Vec<u8> {
        self.answer.as_mut().map(Response::take).unwrap_or_default()
    }

    /// Where a list goes on of which no row is left.
    pub fn cursor(&self, forward: bool) -> String {
        let (first, last) = self.answer.as_ref().and_then(Response::cursors).unwrap_or_default();
        core::str::from_utf8(if forward { last } else { first }).unwrap_or_default().into()
    }

    /// Turns the verdict into a denial or refusal: 0 as the answer's reader found, 1 nothing would tell what ran, 2 it has lasted too
    /// long, 3 too much is held.
    pub fn withhold(&mut self, why: u32) {
        let Some(verdict) = &self.verdict else { return };
        let reason = match why {
            0 => self.cut().unwrap_or(Reason::AnswerUnreadable),
            1 => verdict.reason,
            2 => Reason::AnswerTooLong,
            _ => Reason::Exhausted,
        };
        let verdict =
            held(&self.gate).withheld(&self.pending, verdict, reason, self.answer.as_ref());
        self.verdict = Some(verdict);
    }

    /// The refusal in the form of the answer, whose beginning has gone; empty: there is none.
    #[wasm_bindgen(js_name = lastWords)]
    pub fn last_words(&self, case_id: &str) -> Vec<u8> {
        let (Some(answer), Some(verdict)) = (&self.answer, &self.verdict) else {
            return Vec::new();
        };
        answer.last_words(&Refusal::new(verdict, case_id))
    }
}

impl Reader {
    fn cut(&self) -> Option<Reason> {
        match self.answer.as_ref()?.stage() {
            ResponseStage::Cut(reason) => Some(reason),
            _ => None,
        }
    }
}

/// Whether a request of this method asks for a WebSocket by this `Upgrade` header; what does not is an ordinary one, to be sent on without it.
#[wasm_bindgen(js_name = isUpgrade)]
pub fn is_upgrade(method: &str, upgrade: &str) -> bool {
    crate::request::reader::is_upgrade(&Head { method, url: "", headers: &[("upgrade", upgrade)] })
}

/// Lines `name: value`.
fn header_lines(text: &str) -> Vec<(&str, &str)> {
    let mut lines = Vec::new();
    for line in pieces(text, b'\n') {
        // No name is empty, and names of HTTP/2's own begin with the sign that ends all names.
        if let Some(end) = find(b':', line.as_bytes().get(1..).unwrap_or_default())
            && let (Some(name), Some(value)) = (line.get(..=end), line.get(end + 2..))
        {
            lines.push((name, value.strip_prefix(' ').unwrap_or(value)));
        }
    }
    lines
}

/// The gate. It is free unless a getter of an account record calls back, which traps; `RefCell::borrow_mut` would bring its words along.
fn held(gate: &core::cell::RefCell<gate::Gate>) -> core::cell::RefMut<'_, gate::Gate> {
    match gate.try_borrow_mut() {
        Ok(gate) => gate,
        Err(_) => core::arch::wasm32::unreachable(),
    }
}

/// The digest of a text as the mark of a forwarded request carries it.
#[wasm_bindgen]
pub fn digest(text: &str) -> String {
    sign::digest(text.as_bytes())
}

/// The signature of a text under a key, `hmac-sha256`, in base64.
#[wasm_bindgen]
pub fn mac(key: &[u8], text: &str) -> String {
    sign::mac(key, text.as_bytes())
}

/// A value of a JavaScript object in the shapes that facts have.
fn owned(value: &JsValue) -> Option<OwnedValue> {
    if let Some(value) = value.as_bool() {
        return Some(OwnedValue::Bool(value));
    }
    if let Some(value) = value.as_f64() {
        return Some(OwnedValue::Number(value));
    }
    if let Some(value) = value.as_string() {
        return Some(OwnedValue::Text(value));
    }
    if !Array::is_array(value) {
        return None;
    }
    let array = Array::from(value);
    let mut texts = Vec::new();
    for at in 0..array.length() {
        texts.push(array.get(at).as_string()?);
    }
    Some(OwnedValue::List(texts))
}

/// An own member of an object or array; `undefined` where there is none.
fn member(of: &JsValue, name: &str) -> JsValue {
    // Only own members: a record is data, and `__proto__` or `constructor` are not claims.
    match of.dyn_ref::<Object>() {
        Some(object) if Object::has_own(object, &JsValue::from_str(name)) => {
            Reflect::get(object, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
        }
        _ => JsValue::UNDEFINED,
    }
}

/// The value that an RFC 6901 pointer points to; `undefined` where there is none.
fn at(record: &JsValue, pointer: &str) -> JsValue {
    let mut value = record.clone();
    for token in pieces(pointer, b'/').skip(1) {
        value = member(&value, &unescaped(token));
    }
    value
}

/// A token of an RFC 6901 pointer with `~1` and `~0` undone.
fn unescaped(token: &str) -> String {
    let mut text = String::with_capacity(token.len());
    let mut rest = token.chars();
    while let Some(character) = rest.next() {
        text.push(match character {
            '~' => {
                if rest.next() == Some('1') {
                    '/'
                } else {
                    '~'
                }
            }
            other => other,
        });
    }
    text
}
