//! `latchkey domain status|move|end`: the name of the house, and moving to another one.

use clap::Args;
use domain::host::Host;

use crate::api::{self, Domain, MoveDomain};
use crate::http::Method;

use super::failure::Failure;
use super::output::Format;
use super::shell::{Shell, path, read};

#[derive(Debug, Args)]
pub(crate) struct Move {
    /// The host name to have
    host: Host,
    /// For how many days, counted from the move, the name before it is served too: 1 to 400
    #[arg(long, default_value_t = 90, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=400))]
    keep_former: u16,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct End {
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

impl Move {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        let Self { host, keep_former, yes } = self;
        let asked = MoveDomain { host: host.to_string(), former_days: keep_former };
        let now: Domain = read(shell.get(&whole())?)?;
        if now.host != asked.host {
            let cost = format!(
                "Everybody has to make a new passkey, and every app has to be told the new issuer https://{host}, \
                 before {} is over in {keep_former} days.",
                now.host
            );
            shell.agree(yes, &cost, &asked.host)?;
        }
        let answer = shell.send(Method::Put, &whole(), &asked)?;
        shell.changed(answer, "domain", &asked.host)
    }
}

impl End {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        let Self { yes } = self;
        let now: Domain = read(shell.get(&whole())?)?;
        let served = now.former.as_ref().is_some_and(|former| former.served);
        let former = now.former.map(|former| former.host).unwrap_or_default();
        if served {
            let cost = format!(
                "Apps that still use https://{former} and {} who have no newer passkey are shut out at once.",
                people(now.must_enrol_count)
            );
            shell.agree(yes, &cost, &former)?;
        }
        let answer = shell.bare(Method::Delete, &whole())?;
        shell.changed(answer, "former domain", &former)
    }
}

fn whole() -> String {
    path(&["domain"])
}

fn people(count: usize) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{count} people") }
}

pub(super) fn status(shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
    let value = shell.get(&whole())?;
    if shell.format() == Format::Json {
        return shell.json(&value);
    }
    let domain: Domain = read(value.clone())?;
    shell.show(value, |domain: Domain| {
        let mut fields = vec![("host".to_owned(), domain.host), ("issuer".to_owned(), domain.issuer)];
        if let Some(former) = domain.former {
            let word = if former.served { "served until" } else { "not served since" };
            fields.push(("former host".to_owned(), former.host));
            fields.push(("former issuer".to_owned(), former.issuer));
            fields.push(("moved".to_owned(), format!("{} UTC", former.moved_at.short())));
            fields.push((word.to_owned(), format!("{} UTC", former.until.short())));
        }
        let behind = domain.must_enrol_count;
        fields.push(("need a new passkey".to_owned(), if behind == 0 { "nobody".to_owned() } else { people(behind) }));
        fields
    })?;
    if domain.must_enrol.is_empty() {
        return Ok(());
    }
    shell.line("")?;
    let items = domain.must_enrol.iter().filter_map(|who| serde_json::to_value(who).ok()).collect();
    let head = ["name", "display name", "passkeys work until (UTC)"];
    shell.list(items, "", &head, |who: api::MustEnrol| {
        let until = who.until.map_or_else(|| format!("over: latchkey person recover {}", who.name), api::Time::short);
        vec![who.name, who.display_name, until]
    })
}
