//! The console module: the author's tools in the browser. Nothing leaves the page.
//!
//! Values cross the boundary as JavaScript objects. The module is loaded once for each page, so its
//! size matters less than convenience.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;

use crate::analysis::decide::Decider;
use crate::bundle::view::OwnedBundle;
use crate::policy;
use crate::policy::Source;

/// Sends the text of a panic to the browser's console. Called once, when the module starts.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
}

#[derive(Deserialize)]
struct File {
    name: String,
    text: String,
}

/// Loads the policy files `[{name, text}]` and the list files that they name, `{name: text}`.
fn load(files: JsValue, lists: JsValue, now: Option<f64>) -> Result<policy::Loaded, JsValue> {
    let files: Vec<File> = serde_wasm_bindgen::from_value(files)?;
    let lists: BTreeMap<String, String> = serde_wasm_bindgen::from_value(lists).unwrap_or_default();
    let read = move |_: &str, name: &str| match lists.get(name) {
        Some(text) => Ok(policy::File { name: name.into(), text: text.clone() }),
        None => Err(String::from("no such file was given")),
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a clock in milliseconds; beyond its bounds it saturates"
    )]
    let mut options = policy::Options {
        now: now.map(|now| now as i64),
        read: Some(Box::new(read)),
        ..Default::default()
    };
    Ok(policy::load(
        files.into_iter().map(|file| Source::new(file.name, file.text)).collect(),
        &mut options,
    ))
}

fn object(value: &impl Serialize) -> Result<JsValue, JsValue> {
    Ok(value.serialize(&serde_wasm_bindgen::Serializer::json_compatible())?)
}

/// Returns the JSON Schema of a policy document.
#[wasm_bindgen]
pub fn schema() -> Result<JsValue, JsValue> {
    object(&policy::schema())
}

/// Returns every problem of a policy: `[{code, severity, file, line, column, end_line, end_column,
/// message, help, fix, at}]`. `now` is in milliseconds since the Unix epoch. Without it no date
/// counts as past.
#[wasm_bindgen]
pub fn check(files: JsValue, lists: JsValue, now: Option<f64>) -> Result<JsValue, JsValue> {
    let mut loaded = load(files, lists, now)?;
    let uncompiled = loaded.policy.as_ref().map(crate::compile::problems).unwrap_or_default();
    loaded.problems.extend(uncompiled);
    object(
        &loaded.problems.iter().map(|problem| problem.to_json(&loaded.files)).collect::<Vec<_>>(),
    )
}

/// Compiles a policy to a bundle.
///
/// Throws the problems, in the format of `check`, if the policy has errors.
#[wasm_bindgen]
pub fn compile(
    files: JsValue,
    lists: JsValue,
    list_key: Option<Vec<u8>>,
) -> Result<Vec<u8>, JsValue> {
    let loaded = load(files, lists, None)?;
    let compiled = match &loaded.policy {
        Some(policy) => crate::compile::compile(policy, list_key.as_deref())
            .map_err(|errors| errors.iter().map(|error| error.problem(policy)).collect::<Vec<_>>()),
        None => Err(loaded.problems.clone()),
    };
    compiled.map_err(|problems| {
        object(&problems.iter().map(|problem| problem.to_json(&loaded.files)).collect::<Vec<_>>())
            .unwrap_or_else(|error| error)
    })
}

/// A bundle that decides requests given as lines of JSON, as `portcullis decide` does.
#[wasm_bindgen]
pub struct Console(Decider);

#[wasm_bindgen]
impl Console {
    /// Takes a bundle.
    #[wasm_bindgen(constructor)]
    pub fn new(bundle: Vec<u8>, list_key: Option<Vec<u8>>) -> Result<Console, JsError> {
        let bundle = OwnedBundle::new(bundle)?;
        if let (None, Some(list)) = (&list_key, bundle.view().secret_list()) {
            return Err(JsError::new(&alloc::format!(
                "the list `{list}` is secret: without the list key no name would count as listed"
            )));
        }
        Ok(Self(Decider::new(bundle, list_key.as_deref())?))
    }

    /// Returns the verdict on one request, as a line. `now` is in milliseconds since the Unix
    /// epoch.
    pub fn decide(&mut self, line: &str, now: f64) -> Result<String, JsError> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a clock in milliseconds; beyond its bounds it saturates"
        )]
        let now = now as i64;
        Ok(self.0.decide(line, now)?)
    }
}
