//! Finds the known word nearest to an unknown one, for "did you mean".

/// Returns the nearest known word if at most a third of the letters differ, so that a slip is
/// likely. Case is ignored, and `-` equals `_`.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Names are short, so a longer text is no slip. The comparison takes quadratic time.
    if word.len() > 128 {
        return None;
    }
    let folded = word.to_lowercase().replace('-', "_");
    let longest = word.chars().count();
    known
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&folded, &candidate.to_lowercase().replace('-', "_")),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance * 3 <= longest.max(candidate.chars().count()))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Maximum number of known words that a help lists if none is near. There are 13 dialects.
const TOLD: usize = 16;

/// Help for an unknown word.
#[derive(Clone, Debug, Default)]
pub(crate) struct Suggestion {
    pub(crate) help: Option<String>,
    /// The word to write instead.
    pub(crate) word: Option<String>,
}

impl Suggestion {
    /// Returns "did you mean `x`?", or an empty suggestion.
    pub(crate) fn near(word: Option<&str>) -> Self {
        Self {
            help: word.map(|word| format!("did you mean `{word}`?")),
            word: word.map(str::to_owned),
        }
    }

    /// Returns this suggestion, with the given help if it has none.
    pub(crate) fn or(self, help: impl FnOnce() -> String) -> Self {
        Self { help: self.help.or_else(|| Some(help())), ..self }
    }
}

/// Suggests the nearest known word. If none is near, lists all known words, unless there are more
/// than [`TOLD`].
pub(crate) fn help<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> Suggestion {
    if let Some(near) = nearest(word, known.clone()) {
        return Suggestion::near(Some(near));
    }
    let all: Vec<_> = known.into_iter().take(TOLD + 1).map(|name| format!("`{name}`")).collect();
    let help = matches!(all.len(), 1..=TOLD).then(|| format!("known: {}", all.join(", ")));
    Suggestion { help, word: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_a_stranger_does_not() {
        let known = ["restrictions", "licences", "models", "facts"];
        assert_eq!(nearest("restriction", known), Some("restrictions"));
        assert_eq!(nearest("licenses", known), Some("licences"));
        assert_eq!(nearest("Models", known), Some("models"));
        assert_eq!(nearest("budget", known), None);
        assert_eq!(nearest(&"m".repeat(100_000), known), None);
    }
}
