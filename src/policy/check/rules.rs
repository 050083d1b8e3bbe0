//! Checks `[[restrictions]]` and `[[licences]]`.

use super::Checker;
use super::instant::Side;
use crate::policy::condition;
use crate::policy::condition::names::Names;
use crate::policy::diagnostic::problem::Problem;
use crate::policy::diagnostic::{code, suggestion};
use crate::policy::document::spanned::Spanned;
use crate::policy::document::types;
use crate::policy::model::{
    Authority, Clause, Family, Licence, LicenceKind, Restriction, RuleState,
};

impl Checker<'_, '_, '_> {
    fn window(
        &mut self,
        from: Option<&Spanned<types::Instant>>,
        until: Option<&Spanned<types::Instant>>,
    ) -> Option<(Option<i64>, Option<i64>)> {
        let read_from = from.map(|text| self.instant(text, Side::Start));
        let read_until = until.map(|text| self.instant(text, Side::End));
        let (from_time, until_time) = match (read_from, read_until) {
            (Some(None), _) | (_, Some(None)) => return None,
            (from, until) => (from.flatten(), until.flatten()),
        };
        if let (Some(from), Some(until), Some(start), Some(end)) =
            (from, until, from_time, until_time)
            && start >= end
        {
            let problem = Problem::new(
                code::WINDOW,
                until.span,
                "`until` is not after `from`, so the rule is never in force",
            );
            self.problems.push(problem.related(from.span, "from here on"));
            return None;
        }
        if let (Some(until), Some(end), Some(now)) = (until, until_time, self.surroundings.now)
            && now >= end
        {
            self.report(
                code::OVER,
                until.span,
                "the rule is over",
                Some("take it out, or move `until`".to_owned()),
            );
        }
        Some((from_time, until_time))
    }

    /// Returns the index of the rule's authority, `None` if the policy declares none. `Err` if the
    /// rule needs one and its authority is missing, unknown or broken.
    fn ground(
        &mut self,
        name: Option<&Spanned<String>>,
        id: Option<&Spanned<String>>,
    ) -> Result<Option<usize>, ()> {
        let authorities = &self.declarations.authorities;
        match name {
            None if authorities.is_empty() => Ok(None),
            None => {
                let Some(id) = id else { return Err(()) };
                let known: Vec<_> =
                    authorities.names().take(8).map(|name| format!("`{name}`")).collect();
                let help = Some(format!("add `authority = \"...\"`: {}", known.join(", ")));
                self.report(
                    code::NO_AUTHORITY,
                    id.span,
                    format!("`{}` does not say on which authority it rests", id.value),
                    help,
                );
                Err(())
            }
            Some(name) => match authorities.get(&name.value) {
                Some(index) => index.map(Some).ok_or(()),
                None => {
                    let help = suggestion::help(&name.value, authorities.names())
                        .or(|| format!("declare it: `[authorities.{}]`", name.value));
                    self.suggest(
                        code::UNKNOWN_AUTHORITY,
                        name.span,
                        format!("there is no authority `{}`", name.value),
                        help,
                    );
                    Err(())
                }
            },
        }
    }

    /// Reads a condition. The outer `None`: the rule has none. The inner `None`: it is broken.
    fn clause(
        &mut self,
        text: Option<&Spanned<String>>,
        names: &Names<'_>,
    ) -> Option<Option<Clause>> {
        let text = text?;
        let raw = self
            .files
            .get(text.span.file)
            .and_then(|file| file.text.get(text.span.start..text.span.end))
            .unwrap_or_default();
        Some(condition::read(text, raw, names, self.problems))
    }

    pub(crate) fn restriction(
        &mut self,
        restriction: &Spanned<types::Restriction>,
        families: &[Family],
        authorities: &[Authority],
        names: &Names<'_>,
    ) -> Option<Restriction> {
        let broken = self.surroundings.broken.had(restriction.span, "authority");
        let restriction = &restriction.value;
        let named = restriction.id.as_ref().is_none_or(|id| self.id(&id.value, id.span));
        let ground = if broken {
            Err(())
        } else {
            self.ground(restriction.authority.as_ref(), restriction.id.as_ref())
        };
        let models = restriction.models.as_ref().and_then(|models| self.models(models, families));
        let when = self.clause(restriction.when.as_ref(), names);
        let unless = self.clause(restriction.unless.as_ref(), names);
        let window = self.window(restriction.from.as_ref(), restriction.until.as_ref());
        let status = restriction.status.as_ref().map_or(403, |status| status.value);
        if let (451, Some(said), Ok(ground)) = (status, &restriction.status, &ground)
            && ground
                .and_then(|index| authorities.get(index))
                .is_none_or(|authority| authority.url.is_empty())
        {
            let help = Some("give the authority a `url`".to_owned());
            self.report(
                code::BLOCKED_BY,
                said.span,
                "a refusal with 451 has no authority to link to",
                help,
            );
        }
        let id = restriction.id.as_ref()?;
        if !named || !self.declarations.rules.is_first(&id.value, id.span) {
            return None;
        }
        let (from, until) = window?;
        Some(Restriction {
            id: id.value.clone(),
            models: models?,
            authority: ground.ok()?,
            when: sound(when)?,
            unless: sound(unless)?,
            from,
            until,
            message: restriction.message.clone().unwrap_or_default(),
            doubt_pass: restriction
                .doubt
                .as_ref()
                .is_some_and(|doubt| doubt.value == types::Doubt::Pass),
            state: match restriction.state {
                Some(types::RestrictionState::Off) => RuleState::Off,
                Some(types::RestrictionState::Shadow) => RuleState::Shadow,
                Some(types::RestrictionState::On) | None => RuleState::On,
            },
            status,
            span: id.span,
        })
    }

    pub(crate) fn licence(
        &mut self,
        licence: &Spanned<types::Licence>,
        families: &[Family],
        names: &Names<'_>,
    ) -> Option<Licence> {
        let broken = self.surroundings.broken.had(licence.span, "authority");
        let licence = &licence.value;
        let named = licence.id.as_ref().is_none_or(|id| self.id(&id.value, id.span));
        let ground = if broken {
            Err(())
        } else {
            self.ground(licence.authority.as_ref(), licence.id.as_ref())
        };
        let mut lifts = Vec::new();
        let mut whole = true;
        for target in licence.lifts.iter().flatten() {
            match self.declarations.restrictions.get(&target.value) {
                Some(Some(index)) if lifts.contains(index) => {
                    self.report(
                        code::REDUNDANT,
                        target.span,
                        format!("`{}` is listed twice", target.value),
                        None,
                    );
                }
                Some(Some(index)) => lifts.push(*index),
                Some(None) => whole = false,
                None => {
                    whole = false;
                    let known = self.declarations.restrictions.keys().map(String::as_str);
                    let message = if self.declarations.rules.get(&target.value).is_some() {
                        format!("`{}` is a licence, and a licence lifts restrictions", target.value)
                    } else {
                        format!("there is no restriction `{}`", target.value)
                    };
                    let help = suggestion::help(&target.value, known);
                    self.suggest(code::UNKNOWN_RESTRICTION, target.span, message, help);
                }
            }
        }
        let models = licence.models.as_ref().map(|models| self.models(models, families));
        let when = self.clause(licence.when.as_ref(), names);
        let window = self.window(licence.from.as_ref(), licence.until.as_ref());
        let id = licence.id.as_ref()?;
        if !(named && whole && self.declarations.rules.is_first(&id.value, id.span)) {
            return None;
        }
        let (from, until) = window?;
        Some(Licence {
            id: id.value.clone(),
            kind: match licence.kind {
                Some(types::LicenceKind::Exception) => LicenceKind::Exception,
                Some(types::LicenceKind::Exclusion) => LicenceKind::Exclusion,
                Some(types::LicenceKind::Licence) | None => LicenceKind::Licence,
            },
            reference: licence.reference.clone().unwrap_or_default(),
            authority: ground.ok()?,
            lifts,
            models: sound(models)?,
            when: sound(when)?,
            from,
            until,
            state: match licence.state {
                Some(types::LicenceState::Off) => RuleState::Off,
                Some(types::LicenceState::On) | None => RuleState::On,
            },
            span: id.span,
        })
    }
}

/// Turns a part that may be absent and may be broken into `Some` of the optional sound part, or
/// `None` if it is broken.
fn sound<T>(part: Option<Option<T>>) -> Option<Option<T>> {
    match part {
        None => Some(None),
        Some(None) => None,
        Some(whole) => Some(whole),
    }
}
