//! What a platform tells the gate of a caller, and which rules need more than that.
//!
//! Input: a policy, and the platform it is to run on. Output: a problem for each test of a fact that the platform does not tell. A kind of network
//! that nobody tells is never there, so a restriction that rests on it closes nothing; a place that nobody tells is always unknown.
//!
//! In a rule that is `on` this is an error. A rule that is `off` or in shadow decides nothing as it is shipped: there it is a warning, and the
//! bundle does not count the fact among its needs, so that such a rule never keeps a gate from starting.

use super::diagnostic::code;
use super::diagnostic::problem::Problem;
use super::lint::atoms;
use super::model::{Atom, Clause, Entries, FactRef, Literal, Policy, RuleState, Test};
use crate::bundle::describe::Needs;
use crate::facts::network::Network;
use crate::facts::place::Place;

/// A place to run the gate on.
#[derive(Debug, PartialEq, Eq)]
pub struct Platform {
    /// Its name on the command line.
    pub name: &'static str,
    title: &'static str,
    facts: &'static [&'static str],
}

impl Platform {
    /// All that are known. What each tells is what its documentation says that its edge computes itself; what a client could set does not count.
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
        // Deno, Bun, Node and whatever else tells nothing: the deployer's own provider of facts does.
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

    /// The platform of this name.
    ///
    /// ```
    /// # use portcullis::policy::Platform;
    /// assert!(Platform::of("cloudflare").is_some_and(|platform| platform.tells("tor") && !platform.tells("vpn")));
    /// assert_eq!(Platform::of("cloudflair"), None);
    /// ```
    #[must_use]
    pub fn of(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|platform| platform.name == name)
    }

    /// Whether it tells `country`, `region`, `asn`, `ip`, or a kind of network.
    #[must_use]
    pub fn tells(&self, fact: &str) -> bool {
        self.facts.contains(&fact)
    }
}

/// Reports each test of a fact that the platform does not tell.
pub(crate) fn lacks(policy: &Policy, platform: &Platform, problems: &mut Vec<Problem>) {
    for rule in rules(policy) {
        rule.each(&mut |atom| {
            // Who is told no country is told no region either: one problem is enough.
            let lacking = needed(policy, atom).find(|fact| {
                !platform.tells(fact) && (*fact != "region" || platform.tells("country"))
            });
            let Some(fact) = lacking else { return };
            let rests =
                format!("`{}` rests on `{fact}`, which {} does not tell", rule.id, platform.title);
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
            let told = platform
                .facts
                .iter()
                .map(|fact| format!("`{fact}`"))
                .collect::<Vec<_>>()
                .join(", ");
            let help = format!(
                "take the test out, or name another platform with `--platform`; {} tells {told}",
                platform.name
            );
            problems.push(Problem::new(code, atom.span, message).help(help).at(rule.id));
        });
    }
}

/// What the rules that are in force as shipped need to be told.
pub(crate) fn needs(policy: &Policy) -> Needs {
    let mut needs = Needs::default();
    for rule in rules(policy).filter(|rule| rule.state == RuleState::On) {
        rule.each(&mut |atom| {
            for fact in needed(policy, atom) {
                match fact {
                    "region" => needs.region = true,
                    "asn" => needs.asn = true,
                    "ip" => needs.ip = true,
                    // Every platform that can run a rule about places tells it.
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

/// What a test of a built-in fact needs to be told; what stands in the account record is the deployer's own.
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
