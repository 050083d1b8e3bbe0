//! Formats an explanation as text: the verdict first, then the reasons.

use super::trace::ClauseTrace;
use super::{ClosedPart, Explanation, MentionPart, RulePart, TracePart, pattern_text};

/// Columns before the text of a section.
const MARGIN: usize = 11;
/// Columns before the text of a rule's entry.
const INDENT: usize = 14;

pub(crate) fn write(explanation: &Explanation) -> String {
    let mut page = Page::default();
    let Explanation {
        verdict,
        request,
        callers,
        access,
        mentions,
        rules,
        silent,
        dormant,
        disagreement,
        ..
    } = explanation;

    page.section("verdict");
    page.line(&format!(
        "{}, status {}, reason {}",
        verdict.verdict, verdict.status, verdict.reason
    ));
    page.line(&verdict.why);
    if !verdict.message.is_empty() && verdict.message != verdict.why {
        page.line(&format!("message to the caller: {}", verdict.message));
    }
    if !verdict.licences.is_empty() {
        page.line(&format!("under licence: {}", verdict.licences.join(", ")));
    }
    if let Some(disagreement) = disagreement {
        page.line(disagreement);
    }

    page.section("request");
    page.line(&format!("{} {}", request.method, request.url));
    for method in &request.asked {
        page.line(&format!(
            "a server that takes overrides would read it as {method}, so it is read as that too"
        ));
    }
    if request.guarded {
        for part in &request.readings {
            let operation =
                if part.operation.is_empty() { "an unknown operation" } else { &part.operation };
            let dialect = if part.dialect.is_empty() { "no dialect" } else { &part.dialect };
            page.line(&format!("read as {operation} of {dialect}"));
        }
    } else {
        page.line("its path lies under no guarded prefix");
    }
    page.line(&format!(
        "decided at {} ({}), under {} version {}",
        request.now, request.now_from, request.policy, request.version
    ));
    if let Some(stale) = &request.stale {
        page.line(&format!(
            "{stale}: the caller counts as stale, and is denied also what one is denied of whom account and place are unknown"
        ));
    }
    request.switched.iter().for_each(|switched| page.line(switched));

    for (number, caller) in (1..).zip(callers) {
        page.section(&if callers.len() > 1 {
            format!("caller {number}")
        } else {
            "caller".to_owned()
        });
        let name = caller.facts.iter().map(|fact| fact.name.len()).max().unwrap_or(0);
        let value = |value: &Option<String>| value.as_deref().unwrap_or("unknown").to_owned();
        let width = caller
            .facts
            .iter()
            .map(|fact| value(&fact.value).chars().count())
            .max()
            .unwrap_or(0)
            .min(40);
        for fact in &caller.facts {
            let why = fact.unknown.as_ref().map_or(String::new(), |why| format!(": {why}"));
            page.line(&format!(
                "{:name$}  {:width$}  {}{why}",
                fact.name,
                value(&fact.value),
                fact.source
            ));
        }
    }

    page.section("access");
    match (access.closed.is_empty(), access.everything) {
        (true, _) => page.line("nothing is closed to this caller"),
        (_, true) => page.line("every model is closed to this caller"),
        _ => page.line("closed to this caller:"),
    }
    access.closed.iter().for_each(|closed| page.line(&format!("  {}", closed_text(closed))));
    for opened in &access.opened {
        page.line(&format!(
            "{} lifts {} for {}",
            opened.licence,
            opened.lifts.join(", "),
            patterns(&opened.patterns)
        ));
    }
    for closed in &access.shadow {
        page.line(&format!("in the shadow, recorded and not acted on: {}", closed_text(closed)));
    }

    page.section("mentions");
    page.line(mentions.read);
    mentions.found.iter().for_each(|mention| page.line(&mention_text(mention)));

    if !rules.is_empty() || !dormant.is_empty() || !silent.is_empty() {
        page.section("rules");
        page.line(if rules.is_empty() {
            "none that decided"
        } else {
            "each test is marked with what it came to"
        });
        rules.iter().for_each(|rule| page.rule(rule));
        if !silent.is_empty() {
            page.text.push('\n');
            page.entry(
                "",
                &format!(
                    "{} further restrictions certainly do not apply: {}",
                    silent.len(),
                    shortened(silent)
                ),
            );
        }
        if !dormant.is_empty() {
            page.text.push('\n');
        }
        for rule in dormant {
            page.plain(&format!("  {} {} is not in force: it {}", rule.kind, rule.id, rule.why));
        }
    }
    page.text
}

fn shortened(ids: &[String]) -> String {
    let first = ids.iter().take(10).map(String::as_str).collect::<Vec<_>>().join(", ");
    if ids.len() > 10 { format!("{first}, ...") } else { first }
}

fn patterns(texts: &[String]) -> String {
    texts.iter().map(|text| pattern_text(text)).collect::<Vec<_>>().join(", ")
}

fn closed_text(closed: &ClosedPart) -> String {
    let family = if closed.family.is_empty() {
        String::new()
    } else if closed.title.is_empty() || closed.title == closed.family {
        format!("{}: ", closed.family)
    } else {
        format!("{} ({}): ", closed.title, closed.family)
    };
    format!("{family}{}, by {}", patterns(&closed.patterns), closed.restrictions.join(", "))
}

fn mention_text(mention: &MentionPart) -> String {
    let holds = if mention.patterns.is_empty() {
        "no pattern knows it".to_owned()
    } else {
        format!("holds {}", mention.patterns.join(", "))
    };
    let denied = if mention.denied { "denied" } else { "not denied" };
    let resolves = super::stands_for(mention);
    format!(
        "`{}` {}{resolves}: {holds}, {denied}",
        mention.text,
        super::words::within(&mention.location)
    )
}

#[derive(Default)]
struct Page {
    text: String,
    /// The name in front of the next line.
    name: String,
}

impl Page {
    fn section(&mut self, name: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        name.clone_into(&mut self.name);
    }

    fn line(&mut self, line: &str) {
        let name = core::mem::take(&mut self.name);
        self.plain(&format!("{name:MARGIN$}{line}"));
    }

    fn plain(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn entry(&mut self, name: &str, line: &str) {
        let width = INDENT - 4;
        self.plain(&format!("    {name:width$}{line}"));
    }

    fn rule(&mut self, rule: &RulePart) {
        self.text.push('\n');
        let verb = match (rule.kind, rule.holds, rule.shadow) {
            ("licence", true, _) => "lifts",
            ("licence", false, _) => "does not lift",
            (_, true, true) => "would apply, were it not in the shadow",
            (_, true, false) => "applies",
            (_, false, _) => "does not apply",
        };
        self.plain(&format!("  {} {} {verb}", rule.kind, rule.id));
        if !rule.lifts.is_empty() {
            self.entry("lifts", &rule.lifts.join(", "));
        }
        self.entry(if rule.kind == "licence" { "for" } else { "closes" }, &rule.models.join(", "));
        if !rule.authority.is_empty() {
            self.entry("under", &rule.authority);
        }
        for trace in &rule.traces {
            self.trace(trace, rule.traces.len() > 1);
        }
    }

    fn trace(&mut self, trace: &TracePart, several: bool) {
        if several {
            self.entry("with", &trace.callers.join("; "));
        }
        for clause in &trace.clauses {
            self.clause(clause);
        }
        let truths: Vec<String> = trace
            .clauses
            .iter()
            .map(|clause| format!("`{}` is {}", clause.clause, clause.truth))
            .collect();
        let so = if truths.is_empty() {
            trace.conclusion.to_owned()
        } else {
            format!("{}; {}", truths.join(", "), trace.conclusion)
        };
        self.entry("so", &so);
    }

    /// Writes the text, and under each of its lines the tests that begin there.
    fn clause(&mut self, clause: &ClauseTrace) {
        let mut name = clause.clause;
        let mut at = 0;
        for line in clause.text.split('\n') {
            let end = at + line.len();
            if !line.trim().is_empty() {
                self.entry(name, &line.replace(['\t', '\r'], " "));
                name = "";
            }
            for test in clause.tests.iter().filter(|test| (at..=end).contains(&test.start)) {
                let columns = |from: usize, to: usize| {
                    clause.text.get(from..to).map_or(0, |text| text.chars().count())
                };
                let marks = columns(test.start, test.end.min(end)).max(1);
                let before = columns(at, test.start);
                self.entry(
                    "",
                    &format!(
                        "{:before$}{} {} ({})",
                        "",
                        "^".repeat(marks),
                        test.truth,
                        test.because
                    ),
                );
            }
            at = end + 1;
        }
    }
}
