//! Knows the facts that each platform provides, and finds the rules that need more.
//!
//! Input: a policy, and the platform that the gate will run on. Output: a problem for each test of
//! a fact that the platform does not provide. A kind of network that no source provides is never
//! present, so a restriction that rests on it closes nothing. A place that no source provides is
//! always unknown.
//!
//! In a rule that is `on` this is an error. A rule that is `off` or in shadow decides nothing as
//! shipped. For such a rule it is a warning, and the bundle does not list the fact among its needs,
//! so the rule never keeps a gate from starting.

use super::diagnostic::code;
use super::diagnostic::problem::Problem;
use super::lint::atoms;
use super::model::{Atom, Clause, Entries, FactRef, Literal, Policy, RuleState, Test};
use crate::bundle::describe::Needs;
use crate::facts::network::Network;
use crate::facts::place::Place;

/// A platform that the gate can run on.
#[derive(Debug, PartialEq, Eq)]
pub struct Platform {
    /// Name on the command line.
    pub name: &'static str,
    title: &'static str,
    facts: &'static [&'static str],
}

impl Platform {
    /// All known platforms. The facts of each are those that its edge computes itself, according to
    /// its documentation. A value that a client could set does not count.
    pub const ALL: &'static [Self] = &[
        Self {
            name: "cloudflare",
            title: "Cloudflare",
            facts: &["country", "region", "asn", "ip", "tor"],
        },
        Self {
            name: "fastly",
            title: "Fastly",
            facts: &["country", "region", "asn", "ip", "tor", "vpn", "proxy", "hosting", "relay"],
        },
        Self {
            name: "cloudfront",
            title: "CloudFront",
            facts: &["country", "region", "asn", "ip"],
        },
        Self { name: "vercel", title: "Vercel", facts: &["country", "region", "ip"] },
        Self { name: "netlify", title: "Netlify", facts: &["country", "region", "ip"] },
        Self {
            name: "google-cloud",
            title: "Google's load balancer",
            facts: &["country", "region", "ip"],
        },
        Self { name: "app-engine", title: "App Engine", facts: &["country", "region", "ip"] },
        Self { name: "akamai", title: "Akamai", facts: &["country", "region", "asn", "ip"] },
        Self { name: "bunny", title: "Bunny", facts: &["country", "ip"] },
        Self { name: "fly", title: "Fly.io", facts: &["ip"] },
        Self {
            name: "envoy",
            title: "Envoy's GeoIP filter",
            facts: &["country", "region", "asn", "ip", "tor", "vpn", "proxy", "hosting", "relay"],
        },
        // Deno, Bun, Node and the like provide no facts, so the deployer's own provider must.
        Self {
            name: "custom",
            title: "a provider of facts of your own",
            facts: &[
                "country",
                "region",
                "asn",
                "ip",
                "tor",
                "vpn",
                "proxy",
                "hosting",
                "relay",
                "satellite",
            ],
        },
    ];

    /// Returns the platform of this name.
    ///
    /// ```
    /// # use portcullis::policy::Platform;
    /// let cloudflare = Platform::of("cloudflare").unwrap();
    /// assert!(cloudflare.reports("tor") && !cloudflare.reports("vpn"));
    /// assert_eq!(Platform::of("cloudflair"), None);
    /// ```
    #[must_use]
    pub fn of(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|platform| platform.name == name)
    }

    /// Returns whether the platform provides `country`, `region`, `asn`, `ip`, or a kind of
    /// network.
    #[must_use]
    pub fn reports(&self, fact: &str) -> bool {
        self.facts.contains(&fact)
    }
}

/// Reports each test of a fact that the platform does not provide.
pub(crate) fn lacks(policy: &Policy, platform: &Platform, problems: &mut Vec<Problem>) {
    for rule in rules(policy) {
        rule.each(&mut |atom| {
            // A platform without countries has no regions either. One problem is enough.
            let lacking = needed(policy, atom).find(|fact| {
                !platform.reports(fact) && (*fact != "region" || platform.reports("country"))
            });
            let Some(fact) = lacking else { return };
            let rests =
                format!("`{}` rests on `{fact}`, which {} does not report", rule.id, platform.title);
            let kind = Network::of(fact).is_some();
            let (code, message) = match rule.state {
                RuleState::On => (code::PLATFORM, rests),
                RuleState::Off | RuleState::Shadow => {
                    let value = if kind { "never true" } else { "always unknown" };
                    (
                        code::PLATFORM_LATER,
                        format!("{rests}: if it is switched on there, this test is {value}"),
                    )
                }
            };
            let reported = platform
                .facts
                .iter()
                .map(|fact| format!("`{fact}`"))
                .collect::<Vec<_>>()
                .join(", ");
            let help = format!(
                "take the test out, or name another platform with `--platform`; {} reports {reported}",
                platform.name
            );
            problems.push(Problem::new(code, atom.span, message).help(help).at(rule.id));
        });
    }
}

/// Returns the facts that the rules need which are `on` as shipped.
pub(crate) fn needs(policy: &Policy) -> Needs {
    let mut needs = Needs::default();
    for rule in rules(policy).filter(|rule| rule.state == RuleState::On) {
        rule.each(&mut |atom| {
            for fact in needed(policy, atom) {
                match fact {
                    "region" => needs.region = true,
                    "asn" => needs.asn = true,
                    "ip" => needs.ip = true,
                    // Not listed: `Needs` has no bit for countries, because every platform that can
                    // run a rule about places provides them.
                    "country" => {}
                    kind => needs.network |= Network::of(kind).unwrap_or_default().0,
                }
            }
        });
    }
    needs
}
struct Rule<'p> {
    id: &'p str,
    state: RuleState,
    clauses: [Option<&'p Clause>; 2],
}

impl<'p> Rule<'p> {
    fn each(&self, each: &mut impl FnMut(&'p Atom)) {
        self.clauses
            .into_iter()
            .flatten()
            .for_each(|clause: &'p Clause| atoms(&clause.condition, each));
    }
}

fn rules(policy: &Policy) -> impl Iterator<Item = Rule<'_>> {
    let restrictions = policy.restrictions.iter().map(|rule| Rule {
        id: &rule.id,
        state: rule.state,
        clauses: [rule.when.as_ref(), rule.unless.as_ref()],
    });
    restrictions.chain(policy.licences.iter().map(|rule| Rule {
        id: &rule.id,
        state: rule.state,
        clauses: [rule.when.as_ref(), None],
    }))
}

/// Returns the facts that a test of a built-in fact needs. Account records belong to the deployer,
/// so declared facts need nothing.
fn needed(policy: &Policy, atom: &Atom) -> impl Iterator<Item = &'static str> + use<> {
    let country = matches!(atom.fact, FactRef::Place | FactRef::Country | FactRef::Region);
    let region = match (atom.fact, &atom.test) {
        (FactRef::Region, _) => true,
        (FactRef::Place, Test::In(literals)) => {
            literals.iter().any(|literal| matches!(literal, Literal::Place(Place { region: Some(_), .. })))
        }
        (FactRef::Place, Test::InList(list)) => policy.lists.get(*list).is_some_and(
            |list| matches!(&list.entries, Entries::Places(places) if places.iter().any(|place| place.region.is_some())),
        ),
        _ => false,
    };
    let kind = match atom.test {
        Test::Has(bit) if atom.fact == FactRef::Network => {
            Network::KINDS.get(bit as usize).copied()
        }
        _ => None,
    };
    [
        country.then_some("country"),
        region.then_some("region"),
        (atom.fact == FactRef::Asn).then_some("asn"),
        (atom.fact == FactRef::Ip).then_some("ip"),
        kind,
    ]
    .into_iter()
    .flatten()
}
