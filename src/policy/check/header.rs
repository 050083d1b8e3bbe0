//! Checks `[policy]`, its `dialects`, and `[authorities]`.

use super::Checker;
use super::instant::Side;
use crate::policy::diagnostic::problem::{Edit, Problem};
use crate::policy::diagnostic::{code, suggestion};
use crate::policy::document::spanned::Spanned;
use crate::policy::document::types;
use crate::policy::model::{Authority, GuardedDialect, Span};

impl Checker<'_, '_, '_> {
    pub(crate) fn one_header(&mut self) {
        let headers = std::mem::take(&mut self.declarations.headers);
        match headers.split_first() {
            None => {
                let message = "no file has a table `[policy]`";
                self.report(
                    code::ONE_POLICY,
                    Span::default(),
                    message,
                    Some("add one, with `id` and `version`".to_owned()),
                );
            }
            Some((first, others)) => {
                for other in others {
                    let problem =
                        Problem::new(code::ONE_POLICY, *other, "two files have a table `[policy]`");
                    self.problems.push(
                        problem
                            .related(*first, "the first is here")
                            .help("keep one: several files make one policy"),
                    );
                }
            }
        }
    }

    pub(crate) fn expiry(&mut self, header: &types::Header) -> Option<i64> {
        let expires = header.expires.as_ref()?;
        let time = self.instant(expires, Side::End)?;
        if self.surroundings.now.is_some_and(|now| now >= time) {
            let help = Some("raise `version` and move `expires`".to_owned());
            self.report(code::EXPIRED, expires.span, "the policy has expired", help);
        }
        Some(time)
    }

    pub(crate) fn dialects(
        &mut self,
        listed: Option<&[Spanned<types::Dialect>]>,
    ) -> Vec<GuardedDialect> {
        let Some(listed) = listed else {
            return self
                .surroundings
                .dialects
                .iter()
                .map(|id| GuardedDialect {
                    id: (*id).to_owned(),
                    prefix: None,
                    span: Span::default(),
                })
                .collect();
        };
        let mut guarded: Vec<GuardedDialect> = Vec::new();
        for item in listed {
            let prefix = item.value.prefix.as_ref();
            let sound = prefix.is_none_or(|prefix| self.prefix(prefix));
            let Some(id) = &item.value.id else { continue };
            let span = if id.span == Span::default() { item.span } else { id.span };
            if !self.surroundings.dialects.contains(&id.value.as_str()) {
                let help = suggestion::help(&id.value, self.surroundings.dialects.iter().copied());
                self.suggest(
                    code::UNKNOWN_DIALECT,
                    span,
                    format!("there is no dialect `{}`", id.value),
                    help,
                );
            } else if let Some(first) = guarded.iter().find(|guarded| guarded.id == id.value) {
                let problem = Problem::new(
                    code::DECLARED_TWICE,
                    span,
                    format!("the dialect `{}` is listed twice", id.value),
                );
                self.problems.push(problem.related(first.span, "first listed here"));
            } else if sound {
                guarded.push(GuardedDialect {
                    id: id.value.clone(),
                    prefix: prefix.map(|prefix| prefix.value.clone()),
                    span,
                });
            }
        }
        guarded
    }

    fn prefix(&mut self, prefix: &Spanned<String>) -> bool {
        let text = prefix.value.as_str();
        if is_prefix(text) {
            return true;
        }
        let problem = Problem::new(
            code::PREFIX,
            prefix.span,
            format!("`{}` is no path prefix", text.escape_debug()),
        );
        let kept: Vec<_> = text.split('/').filter(|segment| !segment.is_empty()).collect();
        let mended = format!("/{}", kept.join("/"));
        self.problems.push(if kept.is_empty() {
            problem.help("leave `prefix` out: the API is served under the vendor's own paths")
        } else if is_prefix(&mended) {
            problem.help(format!("write `{mended}`")).edit(Edit::Word(mended))
        } else {
            problem.help("a prefix is written as `/openai` is: letters, digits, `-`, `.`, `_` and `~` between slashes")
        });
        false
    }

    pub(crate) fn authority(
        &mut self,
        name: &Spanned<String>,
        authority: &types::Authority,
        index: usize,
    ) -> Option<Authority> {
        let named = self.id(&name.value, name.span);
        let url = authority.url.as_ref().is_none_or(|url| self.url(url));
        let appeal = authority.appeal.as_ref().is_none_or(|appeal| self.url(appeal));
        let retain = authority.retain.as_ref().map_or(Some(10 * 366), |retain| self.days(retain));
        if !(named
            && url
            && appeal
            && self.declarations.authorities.is_first(&name.value, name.span))
        {
            return None;
        }
        let retain_days = retain?;
        self.declarations.authorities.read(&name.value, index);
        let text = |text: &Option<Spanned<String>>| {
            text.as_ref().map(|text| text.value.clone()).unwrap_or_default()
        };
        Some(Authority {
            id: name.value.clone(),
            title: authority.title.clone().unwrap_or_else(|| name.value.clone()),
            url: text(&authority.url),
            appeal: text(&authority.appeal),
            retain_days,
            span: name.span,
        })
    }

    fn url(&mut self, url: &Spanned<String>) -> bool {
        let text = url.value.as_str();
        if is_url(text) {
            return true;
        }
        let problem = Problem::new(
            code::URL,
            url.span,
            format!("`{}` is no absolute web address", text.escape_debug()),
        );
        let mended = format!("https://{}", text.trim_start_matches("//"));
        self.problems.push(if is_url(&mended) && text.contains('.') {
            problem.help(format!("write `{mended}`")).edit(Edit::Word(mended))
        } else {
            problem.help("an address is written as `https://example.com/review` is")
        });
        false
    }

    fn days(&mut self, text: &Spanned<String>) -> Option<u32> {
        let said = text.value.as_str();
        let unit = |unit: char| match unit {
            'd' => Some(1),
            'm' => Some(31),
            'y' => Some(366),
            _ => None,
        };
        let days = said
            .char_indices()
            .next_back()
            .and_then(|(at, last)| Some((said.get(..at)?, unit(last)?)))
            .filter(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|(number, unit)| number.parse::<u32>().ok()?.checked_mul(unit))
            .filter(|days| *days > 0);
        if days.is_none() {
            self.report(
                code::DURATION,
                text.span,
                format!("`{}` is no length of time", said.escape_debug()),
                Some("a length of time is written as `90d`, `18m` or `10y` is".to_owned()),
            );
        }
        days
    }
}

/// Returns whether the text is a path prefix such as `/openai`, of at most 256 bytes.
fn is_prefix(text: &str) -> bool {
    let segments = text.strip_prefix('/').map(|rest| rest.split('/'));
    let sound = segments.is_some_and(|mut segments| {
        segments.all(|segment| {
            !segment.is_empty()
                && segment != "."
                && segment != ".."
                && segment
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
        })
    });
    sound && text.len() <= 256
}

/// Returns whether the text is an absolute web address, of at most 2048 bytes, that a header can
/// hold.
fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host =
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '['));
    let clean = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&byte));
    host && clean && text.len() <= 2_048
}
