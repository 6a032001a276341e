//! `latchkey domain`: the name of the house.

use clap::{Args, Subcommand};
use domain::host::Host;

use crate::api::{DomainCheck, DomainView};

use super::domain_move;
use super::failure::Failure;
use super::output::yes_no;
use super::shell::{Shell, path, segment};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show the name of the house, the one that it had, and who has to make a new passkey
    #[command(after_help = "Examples:
  latchkey domain status
  latchkey domain status --output json")]
    Status,
    /// Give the house another host name; for a time it answers to the one before as well
    #[command(after_help = "Examples:
  latchkey domain move home.example.net
  latchkey domain move home.example.net --keep-former 180 --yes

The name has to lead to this box already (an address record in your DNS). For so many days, counted from the move, apps go
on with the issuer that they know, and people sign in with the passkeys that they have; the page offers them a new one. The
same name again with another number of days only changes how long. To move once more within that time, end the former name
first, or go back to it. Keep the former domain registered until every app is told the new issuer.")]
    Move(domain_move::Move),
    /// Answer to the former name no more, before its time is over
    #[command(after_help = "Examples:
  latchkey domain end
  latchkey domain end --yes")]
    End(domain_move::End),
    /// Check what the name of the house leads to, as the box itself sees it
    #[command(after_help = "Examples:
  latchkey domain check
  latchkey domain check --name id.example.org")]
    Check(Check),
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Another name, such as one that the house shall have
    #[arg(long, value_name = "NAME")]
    name: Option<Host>,
}

impl Verb {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        match self {
            Self::Status => domain_move::status(shell),
            Self::Move(moving) => moving.run(shell),
            Self::End(end) => end.run(shell),
            Self::Check(check) => check.run(shell),
        }
    }
}

impl Check {
    fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        let mut asked = path(&["domain", "check"]);
        if let Some(name) = &self.name {
            asked.push_str(&format!("?name={}", segment(name.as_str())));
        }
        let value = shell.get(&asked)?;
        shell.show(value, |DomainCheck { view, certificate_fits }: DomainCheck| {
            let list = |addresses: &[std::net::IpAddr]| {
                addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            };
            vec![
                ("name".to_owned(), view.name.clone()),
                ("leads to".to_owned(), list(&view.found)),
                ("this box".to_owned(), list(&view.own)),
                ("finding".to_owned(), advice(&view)),
                ("certificate fits".to_owned(), yes_no(certificate_fits)),
            ]
        })
    }
}

/// What the finding means, and what to do.
fn advice(view: &DomainView) -> String {
    let record = view.record.map_or_else(|| "this box's address".to_owned(), |address| address.to_string());
    match view.finding.as_str() {
        "here" => "the name leads to this box; open http://NAME/trust on a phone to check it from there".to_owned(),
        "partly" => format!("some of the addresses are not this box's: remove them, right is {record}"),
        "elsewhere" => format!("the name leads to another machine: change its address record to {record}"),
        "outside" => format!("the name leads to the internet: change its address record to {record}"),
        "itself" => "this machine knows the name from /etc/hosts, so it cannot tell what others are told".to_owned(),
        "nothing" => format!(
            "no address: make an address record with {record}; if there is one, the router hides it (DNS rebind protection): \
             name it there as an exception"
        ),
        "no-answer" => "the DNS server did not answer in time; try again when the network is up".to_owned(),
        finding => finding.to_owned(),
    }
}
