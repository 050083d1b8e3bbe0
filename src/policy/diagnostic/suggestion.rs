//! "Did you mean": the known word nearest to one that is not known.

/// The nearest of the known words, if it is near enough to be a slip: at most a third of the letters differ.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Names are short; a text longer than any of them is no slip, and the comparison would take quadratic time.
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

/// Known words that are told where none is near: there are 13 dialects.
const TOLD: usize = 16;

/// What to say of a word that is not known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Suggestion {
    pub(crate) help: Option<String>,
    /// The word to write instead.
    pub(crate) word: Option<String>,
}

impl Suggestion {
    /// `did you mean `x`?`, or nothing.
    pub(crate) fn near(word: Option<&str>) -> Self {
        Self {
            help: word.map(|word| format!("did you mean `{word}`?")),
            word: word.map(str::to_owned),
        }
    }

    /// The same, or else this help.
    pub(crate) fn or(self, help: impl FnOnce() -> String) -> Self {
        Self { help: self.help.or_else(|| Some(help())), ..self }
    }
}

/// `did you mean `x`?`, or what is known if nothing is near and it is not too much.
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
